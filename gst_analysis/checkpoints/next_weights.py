"""How strongly the next convolution reads each channel, from a checkpoint's weights; no network is built."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.networks.next_layer import NextLayer


@dataclass(frozen=True)
class Following:
    """What reads a batch norm's channels, and how strongly."""

    cap: float
    """Where the activation is cut off: infinity for ReLU, 6 for ReLU6."""
    columns: Tensor = field(repr=False)
    """For each channel, the Euclidean norm of all weights of the next convolution that read it."""
    columns_output: Tensor = field(repr=False)
    """That norm with every filter scaled as the batch norm after that convolution scales it."""


def infer_following(checkpoint: Checkpoint, layer: str, found: NextLayer | str) -> Following | str:
    """How strongly what reads a norm's channels does so; or, where nothing that is known does, why not."""
    if isinstance(found, str):
        return found
    width = len(checkpoint.state[f"{layer}.weight"])
    scale = _scale_of(checkpoint, found.norm, found.eps)
    total, scaled = torch.zeros(width).double(), torch.zeros(width).double()
    for reader in found.readers:
        weight = checkpoint.state[reader.weight][reader.first :: reader.step]
        rows, reads = torch.tensor(reader.rows), torch.tensor(reader.reads)
        squares = weight.double().flatten(2).square().sum(2)  # (filters, channels of a group)
        total.index_add_(0, reads, _add_filters(squares, reader.groups))
        squares = squares * scale[rows, None].square()
        scaled.index_add_(0, reads, _add_filters(squares, reader.groups))
    return Following(found.cap, total.sqrt(), scaled.sqrt())


def _add_filters(squares: Tensor, groups: int) -> Tensor:
    """(filters, channels of a group) -> one sum for every channel that is read."""
    return torch.unflatten(squares, 0, (groups, -1)).sum(1).flatten()


def _scale_of(checkpoint: Checkpoint, norm: str, eps: float) -> Tensor:
    """What a batch norm multiplies every channel with, in evaluation."""
    state = checkpoint.state
    return state[f"{norm}.weight"].double() / (state[f"{norm}.running_var"].double() + eps).sqrt()
