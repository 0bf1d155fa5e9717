"""Numbers per clip -> their means with bootstrap confidence intervals. NumPy alone.

Rows are compared on the same clips, so one resample of the clips serves all of them: every draw takes as
many clips as there are, with replacement, and gives one mean of every row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gst_analysis.errors import SpecError

Reals = npt.NDArray[np.float64]
_AT_ONCE = 100  # draws, so that the counts of a large data set need little memory


@dataclass(frozen=True)
class Bootstrap:
    """How confidence intervals are drawn: percentiles of the means of resampled clips."""

    draws: int = 2000
    confidence: float = 0.95
    seed: int = 0

    def __post_init__(self) -> None:
        if not (type(self.draws) is int and 100 <= self.draws <= 1_000_000):
            raise _unfit("draws", "a whole number from 100 to 1000000", self.draws)
        if not 0.5 <= self.confidence < 1:
            raise _unfit("confidence", "a number from 0.5 to below 1", self.confidence)
        if not (type(self.seed) is int and self.seed >= 0):
            raise _unfit("seed", "a whole number of at least 0", self.seed)

    @property
    def percentiles(self) -> tuple[float, float]:
        tail = 50 * (1 - self.confidence)
        return tail, 100 - tail


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its confidence interval."""

    value: float
    low: float
    high: float


def summarise_means(values: Reals, bootstrap: Bootstrap) -> list[Interval]:
    """(rows, clips) -> the mean of every row with its interval."""
    rng = np.random.default_rng(bootstrap.seed)
    clips = values.shape[1]
    means = []
    for first in range(0, bootstrap.draws, _AT_ONCE):
        draws = min(_AT_ONCE, bootstrap.draws - first)
        # How often each clip is drawn: all that a mean of the drawn ones asks for.
        counts = rng.multinomial(clips, np.full(clips, 1 / clips), size=draws)
        means.append(counts @ values.T / clips)
    low, high = np.percentile(np.concatenate(means), bootstrap.percentiles, axis=0)
    rows = zip(values.mean(axis=1), low, high, strict=True)
    return [Interval(float(mean), float(least), float(most)) for mean, least, most in rows]


def _unfit(name: str, expected: str, found: object) -> SpecError:
    return SpecError(f"bootstrap {name}", expected=expected, found=repr(found)[:60], todo="correct it")
