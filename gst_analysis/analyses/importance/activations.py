"""What leaves the activations: their mean and deviation, in closed form or counted as clips pass."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gst_analysis.checkpoints.loaded import Checkpoint, LoadedModel
from gst_analysis.checkpoints.next_weights import Following, infer_following
from gst_analysis.networks.anatomy import Unit
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gst_analysis.networks import viewing
else:  # only what listens to a network that runs needs them
    torch = Door("torch")
    viewing = Door("gst_analysis.networks.viewing")

Array = np.ndarray
CAPS = {"relu": np.inf, "relu6": 6.0}
"""Where each activation cuts off."""


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of every channel of a layer after its activation."""

    mean: Array = field(repr=False)
    std: Array = field(repr=False)


def expect_activation(mean: Array, std: Array, *, cap: float = np.inf) -> Moments:
    """Mean and deviation of min(max(y, 0), cap) for a normal y, in closed form.

    Example:
        >>> round(float(expect_activation(np.zeros(1), np.ones(1)).mean[0]), 4)
        0.3989
    """
    first, second = _rectified(mean, std)
    if np.isfinite(cap):
        above_first, above_second = _rectified(mean - cap, std)
        first = first - above_first
        second = second - above_second - 2 * cap * above_first
    return Moments(first, np.sqrt(np.maximum(second - first**2, 0)))


def _rectified(mean: Array, std: Array) -> tuple[Array, Array]:
    """E[max(y, 0)] and E[max(y, 0)²] for a normal y; without spread y is its mean."""
    safe = np.where(std > 0, std, 1.0)
    z = mean / safe
    density, below = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi), _share_below(z)
    first = np.where(std > 0, mean * below + safe * density, np.maximum(mean, 0))
    second = (mean**2 + safe**2) * below + mean * safe * density
    second = np.where(std > 0, second, np.maximum(mean, 0) ** 2)
    return np.maximum(first, 0), np.maximum(second, 0)


def _share_below(z: Array) -> Array:
    """How much of a standard normal lies below each number; scipy's takes longer to import than this."""
    flat = [0.5 * math.erfc(-value / math.sqrt(2)) for value in z.ravel().tolist()]
    return np.reshape(flat, z.shape)


Heard = list[dict[str, tuple[Array, int]]]
"""For every batch, by layer: sums and sums of squares (2, C), and of how many numbers each."""


class ActivationListener:
    """Adds up activations as they pass; `moments` tells their mean and deviation so far."""

    def __init__(self, units: Mapping[str, Unit]) -> None:
        self._units = units
        self.heard: Heard = []

    def hear(self, layer: str, normed: Tensor) -> None:
        """Take in what a batch norm put out."""
        unit = self._units[layer]
        folded = viewing.fold_frames(normed.detach(), unit.view)  # (N*T, C, H, W)
        active = folded.float().clamp(0, CAPS[unit.activation])
        sums = torch.stack([active.sum((0, 2, 3)), active.square().sum((0, 2, 3))]).double().cpu().numpy()
        if not self.heard or layer in self.heard[-1]:  # a layer that comes again is of another batch
            self.heard.append({})
        self.heard[-1][layer] = sums, active[:, 0].numel()

    def moments(self) -> dict[str, Moments]:
        """Per layer; empty if nothing has passed."""
        return find_moments(self.heard)


def find_moments(heard: Heard) -> dict[str, Moments]:
    """Moments of all batches that were heard."""
    totals: dict[str, tuple[Array, int]] = {}
    for layer, (sums, count) in (one for batch in heard for one in batch.items()):
        before, numbers = totals.get(layer, (np.zeros_like(sums), 0))
        totals[layer] = before + sums, numbers + count
    found = {}
    for layer, (sums, count) in totals.items():
        mean, square = sums / count
        found[layer] = Moments(mean, np.sqrt(np.maximum(square - mean**2, 0)))
    return found


@contextmanager
def listen_to_activations(model: LoadedModel) -> Iterator[ActivationListener]:
    """Listen to every batch norm after a temporal operator that has an activation; hooks go in the end."""
    units = {unit.layer: unit for unit in model.anatomy.scaled if unit.activation in CAPS}
    listener = ActivationListener(units)
    hooks = [_attach(listener, layer, model.module.get_submodule(layer)) for layer in units]
    try:
        yield listener
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def hear_activations(model: LoadedModel) -> Iterator[Heard]:
    """What is heard, batch by batch, while the block runs."""
    with listen_to_activations(model) as listener:
        yield listener.heard


def _attach(listener: ActivationListener, layer: str, norm: nn.Module) -> torch.utils.hooks.RemovableHandle:
    def hear(_module: nn.Module, _inputs: object, normed: Tensor) -> None:
        listener.hear(layer, normed)

    return norm.register_forward_hook(hear)


def follow_norms(checkpoint: Checkpoint) -> Iterator[tuple[str, Following | str]]:
    """Every batch norm after a temporal operator, and what reads it, or why nothing does."""
    for layer, found in checkpoint.anatomy.readers:
        yield layer, infer_following(checkpoint, layer, found)
