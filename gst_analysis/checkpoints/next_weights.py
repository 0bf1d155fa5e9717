"""How strongly the next convolution reads each channel, from weights; neither network nor torch is needed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.checkpoints.stored import Array, to_array
from gst_analysis.networks.next_layer import NextLayer


@dataclass(frozen=True)
class Following:
    """What reads a batch norm's channels, and how strongly."""

    cap: float
    """Where the activation is cut off: infinity for ReLU, 6 for ReLU6."""
    columns: Array = field(repr=False)
    """For each channel, the Euclidean norm of all weights of the next convolution that read it."""
    columns_output: Array = field(repr=False)
    """That norm with every filter scaled as the batch norm after that convolution scales it."""


def infer_following(checkpoint: Checkpoint, layer: str, found: NextLayer | str) -> Following | str:
    """How strongly what reads a norm's channels does so; or, where nothing that is known does, why not."""
    if isinstance(found, str):
        return found
    width = int(checkpoint.state[f"{layer}.weight"].shape[0])
    scale = _scale_of(checkpoint, found.norm, found.eps)
    total, scaled = np.zeros(width), np.zeros(width)
    for reader in found.readers:
        weight = to_array(checkpoint.state[reader.weight])[reader.first :: reader.step].astype(np.float64)
        rows, reads = np.asarray(reader.rows), np.asarray(reader.reads)
        squares = np.square(weight).reshape(*weight.shape[:2], -1).sum(2)  # (filters, channels of a group)
        np.add.at(total, reads, _add_filters(squares, reader.groups))
        np.add.at(scaled, reads, _add_filters(squares * np.square(scale[rows, None]), reader.groups))
    return Following(found.cap, np.sqrt(total), np.sqrt(scaled))


def _add_filters(squares: Array, groups: int) -> Array:
    """(filters, channels of a group) -> one sum for every channel that is read."""
    own: Array = squares.reshape(groups, -1, squares.shape[1]).sum(1)
    return own.ravel()


def _scale_of(checkpoint: Checkpoint, norm: str, eps: float) -> Array:
    """What a batch norm multiplies every channel with, in evaluation."""
    weight, variance = (
        to_array(checkpoint.state[f"{norm}.{name}"]).astype(np.float64) for name in ("weight", "running_var")
    )
    scales: Array = weight / np.sqrt(variance + eps)
    return scales
