"""What happens to a channel after its batch norm: which activation, and which weights read it next.

Enters a checkpoint (no network is built); leaves, for a batch norm after a temporal operator, the
activation and how strongly the next convolution of the same block reads each of its channels.

    bottleneck (ResNet-50 …)     operator → bn2 → ReLU  → conv3 (1x1) → bn3
    inverted   (MobileNetV2)     operator → bn2 → ReLU6 → conv3 (1x1) → bn3
    basic, first  (ResNet-18 …)  operator → bn1 → ReLU  → the second operator → bn2 (P3D: its own norm)
    basic, second                operator → bn2 → + shortcut → ReLU: no convolution of the block reads it
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gst_analysis.checkpoints.loading import Checkpoint
from gst_analysis.networks.backbones import Block, Site
from gst_analysis.networks.families import Kernel

BN_EPS = 1e-5
"""PyTorch's, which every network here uses; it is in no checkpoint."""


@dataclass(frozen=True)
class Following:
    """What reads a batch norm's channels.

    `columns` is, for each channel, the Euclidean norm of all weights of the next convolution that read
    it; `columns_output` the same with every filter scaled as the batch norm after that convolution
    scales it. `cap` is where the activation is cut off: infinity for ReLU, 6 for ReLU6.
    """

    cap: float
    columns: Tensor = field(repr=False)
    columns_output: Tensor = field(repr=False)


def infer_following(checkpoint: Checkpoint, block: Block, site: Site) -> Following | str:
    """What follows the norm of a site; or, where no convolution of the block does, why not."""
    if block.kind == "basic" and site.norm == "bn2":
        return "added to the shortcut: no convolution of the block reads it"
    if block.kind != "basic":
        conv, norm, parts = "conv3", "bn3", [_plain_part(checkpoint, f"{block.name}.conv3.weight")]
    else:
        second = block.sites[1]
        conv, norm = second.conv, second.norm
        if checkpoint.spec.operator.arrangement == "cascade":
            norm = f"{conv}.norm"
        parts = list(_operator_parts(checkpoint, f"{block.name}.{conv}", second))
    scale = _scale_of(checkpoint, f"{block.name}.{norm}")
    total, scaled = torch.zeros(site.c_out).double(), torch.zeros(site.c_out).double()
    for part in parts:
        squares = part.weight.double().flatten(2).square().sum(2)  # (filters, channels of a group)
        total.index_add_(0, part.reads, _add_filters(squares, part.groups))
        squares = squares * scale[part.rows, None].square()
        scaled.index_add_(0, part.reads, _add_filters(squares, part.groups))
    cap = 6.0 if block.kind == "inverted" else float("inf")
    return Following(cap, total.sqrt(), scaled.sqrt())


@dataclass(frozen=True)
class _Part:
    """Filters of the next convolution: their rows in its output, and the channels that they read."""

    weight: Tensor
    rows: Tensor
    reads: Tensor
    groups: int = 1


def _plain_part(checkpoint: Checkpoint, name: str) -> _Part:
    weight = checkpoint.state[name]
    return _Part(weight, torch.arange(weight.shape[0]), torch.arange(weight.shape[1]))


def _operator_parts(checkpoint: Checkpoint, conv: str, site: Site) -> Iterator[_Part]:
    """The kernels of an operator that read its input, as `models/temporal.py` applies them."""
    kernels = checkpoint.spec.kernels(site)
    arrangement = checkpoint.spec.operator.arrangement
    weights = [checkpoint.state[f"{conv}.{kernel.name}.weight"] for kernel in kernels]
    if arrangement == "interleave":
        yield from _interleaved_parts(kernels, weights)
        return
    start = 0
    for kernel, weight in zip(kernels, weights, strict=True):
        reads = torch.arange(kernel.start, kernel.start + kernel.channels * kernel.groups)
        yield _Part(weight, torch.arange(start, start + kernel.filters), reads, kernel.groups)
        if arrangement == "cascade":
            return  # its second kernel reads the first
        start += kernel.filters


def _interleaved_parts(kernels: tuple[Kernel, ...], weights: list[Tensor]) -> Iterator[_Part]:
    """Filter o reads group o mod G through time and the other groups within the frame."""
    spatial, temporal = weights
    width = kernels[1].channels
    count = 1 + kernels[0].channels // width
    channels, filters = torch.arange(count * width), torch.arange(len(spatial))
    for g in range(count):
        own = (channels >= g * width) & (channels < (g + 1) * width)
        yield _Part(spatial[g::count], filters[g::count], channels[~own])
        yield _Part(temporal[g::count], filters[g::count], channels[own])


def _add_filters(squares: Tensor, groups: int) -> Tensor:
    """(filters, channels of a group) -> one sum for every channel that is read."""
    return torch.unflatten(squares, 0, (groups, -1)).sum(1).flatten()


def _scale_of(checkpoint: Checkpoint, norm: str) -> Tensor:
    """What a batch norm multiplies every channel with, in evaluation."""
    state = checkpoint.state
    return state[f"{norm}.weight"].double() / (state[f"{norm}.running_var"].double() + BN_EPS).sqrt()
