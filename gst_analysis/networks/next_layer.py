"""What happens to a channel after its batch norm: which activation, and which weights read it next.

Enters a spec and a place in it; leaves, for the batch norm after a temporal operator, the activation and the
filters of the same block's next convolution, with the channels that each of them reads. No torch here.

    bottleneck (ResNet-50 …)     operator → bn2 → ReLU  → conv3 (1x1) → bn3
    cascade    (P3D)             kernel over space → its norm → ReLU → kernel over time → bn2
    inverted   (MobileNetV2)     operator → bn2 → ReLU6 → conv3 (1x1) → bn3
    basic, first  (ResNet-18 …)  operator → bn1 → ReLU  → the second operator → bn2 (P3D: its own norm)
    basic, second                operator → bn2 → + shortcut → ReLU: no convolution of the block reads it
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gst_analysis.networks.backbones import Block, Site
from gst_analysis.networks.families import Kernel
from gst_analysis.networks.specs import ModelSpec

BN_EPS = 1e-5
"""PyTorch's own, which every design uses; it is in no checkpoint."""


@dataclass(frozen=True)
class Reader:
    """Filters that read the same channels: every `step`-th of a weight, from `first` on."""

    weight: str
    """The weight's name."""
    rows: range
    """Their places in the convolution's output."""
    reads: tuple[int, ...]
    """The channels that they read, in the order of the weight's columns; group by group if there are some."""
    groups: int = 1
    first: int = 0
    step: int = 1


@dataclass(frozen=True)
class NextLayer:
    """What reads a batch norm's channels."""

    cap: float
    """Where the activation is cut off: infinity for ReLU, 6 for ReLU6."""
    norm: str
    """The batch norm after the convolution that reads them."""
    readers: tuple[Reader, ...]
    eps: float = BN_EPS
    """What that batch norm adds to variances."""


def inner_norm(spec: ModelSpec, site: Site) -> bool:
    """Whether a norm of its own stands between the operator's two convolutions, over space and over time."""
    cascade = spec.operator.arrangement == "cascade" and not site.depthwise
    return cascade and spec.operator.norm_between


def list_readers(spec: ModelSpec, block: Block, site: Site) -> Iterator[tuple[str, NextLayer | str]]:
    """Every norm of a site in the order in which it is run, and what reads it."""
    conv, norm = f"{block.name}.{site.conv}", f"{block.name}.{site.norm}"
    if inner_norm(spec, site):
        first, second = spec.kernels(site)
        reader = Reader(f"{conv}.{second.name}.weight", range(second.filters), tuple(range(first.filters)))
        yield f"{conv}.norm", NextLayer(float("inf"), norm, (reader,))
    yield norm, find_next_layer(spec, block, site)


def find_next_layer(spec: ModelSpec, block: Block, site: Site) -> NextLayer | str:
    """What follows the norm of a site; or, where no convolution of the block does, why not."""
    if block.kind == "basic" and site.norm == "bn2":
        return "added to the shortcut: no convolution of the block reads it"
    if block.kind != "basic":
        cap = 6.0 if block.kind == "inverted" else float("inf")
        plain = Reader(f"{block.name}.conv3.weight", range(block.c_out), tuple(range(site.c_out)))
        return NextLayer(cap, f"{block.name}.bn3", (plain,))
    second = block.sites[1]
    norm = f"{second.conv}.norm" if spec.operator.arrangement == "cascade" else second.norm
    readers = tuple(_list_readers(spec, f"{block.name}.{second.conv}", second))
    return NextLayer(float("inf"), f"{block.name}.{norm}", readers)


def _list_readers(spec: ModelSpec, conv: str, site: Site) -> Iterator[Reader]:
    """The kernels of an operator that read its input, as `networks/operators.py` applies them."""
    kernels, arrangement = spec.kernels(site), spec.operator.arrangement
    if arrangement == "interleave":
        yield from _list_interleaved(conv, kernels)
        return
    start = 0
    for kernel in kernels:
        reads = tuple(range(kernel.start, kernel.start + kernel.channels * kernel.groups))
        rows = range(start, start + kernel.filters)
        yield Reader(f"{conv}.{kernel.name}.weight", rows, reads, kernel.groups)
        if arrangement == "cascade":
            return  # its second kernel reads the first
        start += kernel.filters


def _list_interleaved(conv: str, kernels: tuple[Kernel, ...]) -> Iterator[Reader]:
    """Filter o reads group o mod G through time and the other groups within the frame."""
    spatial, temporal = kernels
    width = temporal.channels
    count = 1 + spatial.channels // width
    channels = range(count * width)
    for g in range(count):
        own, rows = range(g * width, (g + 1) * width), range(g, spatial.filters, count)
        others = tuple(channel for channel in channels if channel not in own)
        yield Reader(f"{conv}.{spatial.name}.weight", rows, others, first=g, step=count)
        yield Reader(f"{conv}.{temporal.name}.weight", rows, tuple(own), first=g, step=count)
