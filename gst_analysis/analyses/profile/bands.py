"""Channels, filters or losses in, a share of time with its band out. NumPy alone.

A share of two sums is told on the scale of its log odds, where it cannot leave 0 to 1: the errors of both
sums follow from the channels, which are taken as draws (their own, not those of another training run), and
the quantile is Student's with Welch's degrees of freedom, so that few channels give a wide band.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from gst_analysis.probes.resampling import Interval

Reals = npt.NDArray[np.float64]
FEWEST = 4
"""Channels or filters of a group, for a band: with fewer it misses the truth too often (docs/profile.md)."""
FEW = f"band: a group of fewer than {FEWEST} channels"
SHARED = "band: both groups are the same channels, shared by energy"
NOTHING = "nothing there"
NOT_LOST = "nothing is surely lost here, so it cannot be shared out"
NAN = float("nan")


@dataclass(frozen=True)
class Band:
    """A share, the ends of its band, and what it would be if nothing were learned or all counted alike."""

    value: float
    low: float = NAN
    high: float = NAN
    even: float = NAN
    undefined: str = ""


@dataclass(frozen=True)
class Estimate:
    """A share with its standard error and that error's degrees of freedom; NaN where it has none."""

    value: float
    error: float
    freedom: float
    even: float
    undefined: str = ""

    def build_band(self, confidence: float) -> Band:
        """The band that holds the truth so often, within 0 to 1."""
        if not math.isfinite(self.error):
            return Band(self.value, even=self.even, undefined=self.undefined)
        far = find_quantile((1 + confidence) / 2, self.freedom) if self.error else 0.0
        slope = self.value * (1 - self.value)
        if slope <= 0:
            return Band(self.value, self.value, self.value, self.even, self.undefined)
        odds, off = math.log(self.value / (1 - self.value)), far * self.error / slope
        low, high = (_from_odds(odds + sign * off) for sign in (-1, 1))
        return Band(self.value, min(low, self.value), max(high, self.value), self.even, self.undefined)


def find_quantile(share: float, freedom: float) -> float:
    """Below which number so large a share of Student's distribution lies; the normal one's without an end.

    From scipy.special, which is imported in a quarter of the time of scipy.stats.
    """
    return float(special.stdtrit(freedom, share) if math.isfinite(freedom) else special.ndtri(share))


def _from_odds(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0


def share_sums(ours: Reals, theirs: Reals, *, related: bool = False) -> Estimate:
    """The share of one group's sum in that of both; even is its share of the channels.

    Args:
        ours: what each channel of the group has, such as |γ|; none below 0.
        theirs: the same of the group that it is set against.
        related: both are the same channels, so that errors are not independent.

    Example:
        >>> round(share_sums(np.full(8, 2.0), np.full(24, 1.0)).value, 6)
        0.4
    """
    count = len(ours) + len(theirs)
    even = len(ours) / count if count else NAN
    sums = [float(one.sum()) for one in (ours, theirs)]
    if not sum(sums) > 0:
        return Estimate(NAN, NAN, NAN, even, NOTHING)
    value = sums[0] / sum(sums)
    if related or min(len(ours), len(theirs)) < FEWEST:
        return Estimate(value, NAN, NAN, even, SHARED if related else FEW)
    if min(sums) <= 0:
        return Estimate(value, NAN, NAN, even, "band: all of one group is 0")
    relative = [
        len(one) * float(one.var(ddof=1)) / total**2 for one, total in zip((ours, theirs), sums, strict=True)
    ]
    error = value * (1 - value) * math.sqrt(sum(relative))
    return Estimate(value, error, _join_freedom(relative, [len(ours) - 1, len(theirs) - 1]), even)


def average_shares(shares: Reals, even: float) -> Estimate:
    """The mean of what every filter has, each between 0 and 1."""
    known = shares[np.isfinite(shares)]
    if not len(known):
        return Estimate(NAN, NAN, NAN, even, NOTHING)
    if len(known) < FEWEST:
        return Estimate(float(known.mean()), NAN, NAN, even, FEW)
    error = float(known.std(ddof=1)) / math.sqrt(len(known))
    return Estimate(float(known.mean()), error, len(known) - 1, even)


def average_estimates(parts: Sequence[Estimate]) -> Estimate:
    """The mean of several places' shares, which count alike; its band is that of independent places."""
    known = [one for one in parts if math.isfinite(one.value)]
    if not known:
        return Estimate(NAN, NAN, NAN, NAN, parts[0].undefined if parts else NOTHING)
    value, even = (float(np.mean([getattr(one, name) for one in known])) for name in ("value", "even"))
    lacking = next((one.undefined for one in known if not math.isfinite(one.error)), "")
    if lacking:
        return Estimate(value, NAN, NAN, even, lacking)
    variances = [(one.error / len(known)) ** 2 for one in known]
    freedom = _join_freedom(variances, [one.freedom for one in known])
    return Estimate(value, math.sqrt(sum(variances)), freedom, even)


def _join_freedom(variances: Sequence[float], freedoms: Sequence[float]) -> float:
    """Welch's degrees of freedom of a sum."""
    parts = sum(v**2 / f for v, f in zip(variances, freedoms, strict=True))
    return sum(variances) ** 2 / parts if parts else float("inf")


def share_losses(ours: Interval, theirs: Interval, even: float) -> Band:
    """The share of one group's loss in that of both, between what both intervals allow.

    If each interval holds but once in so many times, so do the band's ends but twice. A gain is no loss: it
    counts as 0. Where neither surely loses anything there is no share.
    """
    t, s = (max(0.0, one.value) for one in (ours, theirs))
    if max(ours.low, theirs.low) <= 0:
        return Band(NAN, even=even, undefined=NOT_LOST)
    low = _divide(max(0.0, ours.low), max(0.0, theirs.high))
    high = _divide(max(0.0, ours.high), max(0.0, theirs.low))
    value = t / (t + s)
    return Band(value, min(low, value), max(high, value), even)


def _divide(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest > 0 else 0.0
