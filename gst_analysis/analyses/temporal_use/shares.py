"""Filters in, shares of their energy out: how much of it differs between frames, and where it lies.

A filter w[i, t] has taps t on k frames, for every input channel and place i. Its energy Σ w² is parted
without rest: what is constant over the taps, k · Σᵢ (mean over t)²; and what varies, Σ (w - mean over t)². Of
what varies, the part that turns its sign when the taps are reversed is *ordered*: it alone tells a clip from
its reversal. Multiplying a filter by a number moves none of these shares.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from gst_analysis.checkpoints.stored import to_array

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from gst_analysis.networks.time_kernels import TimeKernel

Reals: TypeAlias = "npt.NDArray[np.float64]"
Exponents: TypeAlias = "npt.NDArray[np.int32]"
_AT_ONCE = 250_000
"""Numbers of a weight that are looked at together."""
_ENERGIES = (1e-300, 1e300)
"""The least and the largest energy that is shown: sums of more than one stay finite."""


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


def measure_kernel(kernel: TimeKernel, weight: Tensor) -> Shares:
    """The shares of every filter of a kernel, whichever way its weight lies."""
    taps = list_filters(weight, kernel) if kernel.turned else weight
    return measure_shares(taps, kernel.axis, dilation=kernel.dilation)


def list_filters(weight: Tensor, kernel: TimeKernel) -> npt.NDArray[np.floating]:
    """A transposed convolution's weight, filters first, and first the tap that lies on the earliest frame."""
    own = np.flip(to_array(weight), kernel.axis)
    grouped = own.reshape(kernel.turned, -1, *own.shape[1:])  # (groups, inputs, filters, ...)
    return np.swapaxes(grouped, 1, 2).reshape(-1, grouped.shape[1], *own.shape[2:])


def measure_shares(weight: Tensor | npt.NDArray[np.floating], axis: int = 2, *, dilation: int = 1) -> Shares:
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
    count, filters = weight.shape[axis], weight.shape[0]
    # Some filters at a time: doubles of a whole weight, several times over, would be the most memory of all.
    some = max(1, _AT_ONCE // max(1, math.prod(weight.shape[1:])))
    blocks = (
        weight[first : first + some]
        if isinstance(weight, np.ndarray)
        else to_array(weight.narrow(0, first, min(some, filters - first)))
        for first in range(0, filters, some)
    )
    parts = [_sum_parts(np.moveaxis(block, axis, 0)) for block in blocks]
    squares, varying, ordered, exponents = (np.concatenate(part) for part in zip(*parts, strict=True))
    energy = squares.sum(1)
    places = dilation * (np.arange(count) - (count - 1) / 2)
    off_frame = energy - squares[:, count // 2] if count % 2 else np.full_like(energy, np.nan)
    return Shares(
        count,
        _restore(energy, exponents),
        _divide(varying, energy),
        _divide(ordered, energy),
        _divide(off_frame, energy),
        _divide(squares @ places, energy),
    )


def _sum_parts(block: npt.NDArray[np.floating]) -> tuple[Reals, Reals, Reals, Exponents]:
    """Energy by tap, what varies and what is ordered, of some filters with their taps along the first axis.

    All sums are taken in one order, so that what is equal by arithmetic is equal to the last digit. Filters
    are divided by a power of two, whose exponents come last.
    """
    doubles = block.dtype == np.float64
    own = np.array(block, np.float64, order="C")  # a copy: the network's weights stay as they are
    taps: Reals = own.reshape(*own.shape[:2], -1)  # (taps, filters, what is read)
    exponents = np.zeros(taps.shape[1], np.int32)
    if doubles:  # squares of what is narrower lie within a double's range, and sums are exact
        exponents = np.frexp(np.abs(taps).max((0, 2), initial=0))[1]
        taps = np.ldexp(taps, -exponents[:, None])
    squares, count = _sum_squares(taps), len(taps)
    turned = np.zeros_like(squares)
    for one in range(count // 2):  # a tap and its mirror image differ alike
        turned[:, [one, count - 1 - one]] = _sum_squares(((taps[one] - taps[count - 1 - one]) / 2)[None])
    mean = taps.mean(0)
    if doubles:
        mean = np.where((taps == taps[0]).all(0), taps[0], mean)
    taps -= mean
    return squares, _sum_squares(taps).sum(1), turned.sum(1), exponents


def _restore(energy: Reals, exponents: Exponents) -> Reals:
    """The energy of filters as they were; what no double holds is the largest or least that is shown."""
    with np.errstate(over="ignore"):
        found = np.ldexp(energy, 2 * exponents)
    return np.asarray(np.where(energy > 0, np.clip(found, *_ENERGIES), energy))


def _sum_squares(taps: Reals) -> Reals:
    """(taps, filters, what is read) -> (filters, taps)."""
    return np.ascontiguousarray(np.einsum("tfm,tfm->tf", taps, taps).T)


def expect_independent(taps: int) -> float:
    """The share that varies, of taps that know nothing of each other."""
    return 1 - 1 / taps


def _divide(part: Reals, energy: Reals) -> Reals:
    empty = np.full_like(energy, np.nan)
    return np.asarray(np.divide(part, energy, out=empty, where=energy > 0))
