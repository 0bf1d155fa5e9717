"""Means over seeds with their intervals, and what counts as yes, no or undecided. No torch here.

The seed is the unit: a run gives one number, and what an interval speaks of is other runs like these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import t

Reals = npt.NDArray[np.float64]
Verdict = Literal["yes", "no", "undecided"]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Number:
    """A mean over runs and the ends of its 95% interval; None where there are too few runs."""

    value: float | None
    low: float | None = None
    high: float | None = None


def share_of_time(spatial: float, temporal: float) -> float:
    """Temporal / (temporal + spatial); below 0 counts as 0, NaN where both are 0."""
    one, other = max(spatial, 0.0), max(temporal, 0.0)
    return other / (one + other) if one + other else float("nan")


def find_mean(values: Sequence[float]) -> Number:
    """A mean with Student's interval, which takes two values."""
    known = _require_known(values)
    if len(known) < 2:
        return Number(float(known.mean()) if len(known) else None)
    return _span(float(known.mean()), float(known.var(ddof=1) / len(known)), len(known) - 1)


def find_difference(one: Sequence[float], other: Sequence[float]) -> Number:
    """The mean of one minus that of the other, with Welch's interval, which takes two values of each."""
    a, b = _require_known(one), _require_known(other)
    if not len(a) or not len(b):
        return Number(None)
    value = float(a.mean() - b.mean())
    if min(len(a), len(b)) < 2:
        return Number(value)
    parts = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    below = parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1)
    freedom = sum(parts) ** 2 / below if below else float(len(a) + len(b) - 2)
    return _span(value, float(sum(parts)), freedom)


def _span(value: float, variance: float, freedom: float) -> Number:
    half = float(t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variance))
    return Number(value, value - half, value + half)


def _require_known(values: Sequence[float]) -> Reals:
    """All values or none: a mean over those runs that have a number would be one of chosen runs."""
    found = np.array(values, dtype=float)
    return found[:0] if np.isnan(found).any() else found


def judge_difference(found: Number, least: float) -> Verdict:
    """Whether it is above 0: no, where it is not surely so and surely less than what is worth speaking of."""
    if found.low is None or found.high is None:
        return "undecided"
    if found.low > 0:
        return "yes"
    return "no" if found.high < least else "undecided"


def judge_threshold(found: Number, threshold: float, *, above: bool = True) -> Verdict:
    """Whether it is surely on that side of a threshold; no, where it is surely on the other."""
    if found.low is None or found.high is None:
        return "undecided"
    over, under = found.low > threshold, found.high < threshold
    if over or under:
        return "yes" if over == above else "no"
    return "undecided"


def judge_all(verdicts: Sequence[Verdict]) -> Verdict:
    """Whether all of several hold."""
    if "no" in verdicts:
        return "no"
    return "yes" if all(one == "yes" for one in verdicts) else "undecided"
