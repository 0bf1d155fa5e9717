"""A row of numbers -> its median and quantiles: those of numpy, to the bit.

`numpy.median` and `numpy.quantile` import all of `numpy.ma` to ask whether something is masked, which takes
half as long as importing numpy itself; what commands print of a checkpoint needs nothing else of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Reals = np.ndarray[Any, np.dtype[Any]]


def find_median(values: Reals) -> float:
    """The middle one, or half of the sum of the two in the middle; NaN of nothing, and where one is NaN."""
    if not len(values):
        return math.nan
    middle = len(values) // 2
    near = [middle] if len(values) % 2 else [middle - 1, middle]
    ordered = np.partition(values, [*near, -1])  # NaN comes last
    return math.nan if np.isnan(ordered[-1]) else float(ordered[near].mean())


def find_quantiles(values: Reals, shares: Sequence[float]) -> list[float]:
    """Values below which these shares lie, on straight lines between neighbours; NaN where one is NaN.

    Args:
        values: one number at least.
        shares: from 0 to 1.
    """
    last = len(values) - 1
    places = [min(math.floor(last * share), last) for share in shares]
    ordered = np.partition(values, sorted({-1, 0, *places, *(min(place + 1, last) for place in places)}))
    if np.isnan(ordered[-1]):
        return [math.nan] * len(places)
    return [
        _walk(float(ordered[place]), float(ordered[min(place + 1, last)]), last * share - place)
        for place, share in zip(places, shares, strict=True)
    ]


def _walk(low: float, high: float, way: float) -> float:
    """A number between two, from the nearer one: so numpy rounds."""
    return low + (high - low) * way if way < 0.5 else high - (high - low) * (1 - way)
