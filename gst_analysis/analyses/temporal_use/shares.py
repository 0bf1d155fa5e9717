"""Filters in, shares of their energy out: how much of it differs between frames, and where it lies.

A filter w[i, t] has taps t on k frames, for every input channel and place i. Its energy Σ w² is parted
without rest: what is constant over the taps, k · Σᵢ (mean over t)²; and what varies, Σ (w - mean over t)². Of
what varies, the part that turns its sign when the taps are reversed is *ordered*: it alone tells a clip from
its reversal. Multiplying a filter by a number moves none of these shares.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gst_analysis.checkpoints.stored import to_array

if TYPE_CHECKING:
    from torch import Tensor

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """One number a filter each; NaN where a filter has no energy."""

    taps: int
    energy: Reals = field(repr=False)
    varying: Reals = field(repr=False)
    ordered: Reals = field(repr=False)
    off_frame: Reals = field(repr=False)
    shift: Reals = field(repr=False)
    even: float = float("nan")
    """What off_frame would be if all that may be read were read alike; of attention alone."""


def measure_shares(weight: Tensor, axis: int = 2, *, dilation: int = 1) -> Shares:
    """The shares of every filter of a weight.

    Args:
        weight: filters first, taps along some later axis.
        axis: which one.
        dilation: frames from a tap to the next.

    Example:
        >>> import torch
        >>> measure_shares(torch.tensor([[[-1.0, 0.0, 1.0]], [[1.0, 1.0, 1.0]]])).varying
        array([1., 0.])
    """
    taps = np.moveaxis(to_array(weight).astype(np.float64), axis, -1)
    taps = taps.reshape(len(taps), -1, taps.shape[-1])  # (filters, channels and places, taps)
    count = taps.shape[-1]
    squares = _sum_squares(taps)  # (filters, taps)
    # All sums are taken in one order, so that what is equal by arithmetic is equal to the last digit.
    energy = squares.sum(1)
    varying = _sum_squares(taps - taps.mean(-1, keepdims=True)).sum(1)
    ordered = _sum_squares((taps - taps[..., ::-1]) / 2).sum(1)
    places = dilation * (np.arange(count) - (count - 1) / 2)
    off_frame = energy - squares[:, count // 2] if count % 2 else np.full_like(energy, np.nan)
    return Shares(
        count,
        energy,
        _divide(varying, energy),
        _divide(ordered, energy),
        _divide(off_frame, energy),
        _divide(squares @ places, energy),
    )


def _sum_squares(taps: Reals) -> Reals:
    return np.asarray(np.square(taps).sum(1))


def expect_independent(taps: int) -> float:
    """The share that varies, of taps that know nothing of each other."""
    return 1 - 1 / taps


def _divide(part: Reals, energy: Reals) -> Reals:
    empty = np.full_like(energy, np.nan)
    return np.asarray(np.divide(part, energy, out=empty, where=energy > 0))
