"""Numbers per clip -> their means with bootstrap confidence intervals. NumPy alone.

Rows are compared on the same clips, so one resample of the clips serves all of them: every draw takes as
many clips as there are, with replacement, and gives one mean of every row. How far it lies from the mean of
all clips is told in standard errors of its own (the studentised bootstrap), since few or uneven clips make
plain percentiles too narrow. Whether a clip is right, 0 or 1, is the matter of shares.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gst_analysis.errors import SpecError
from gst_analysis.numbers import Interval as Interval

Reals = npt.NDArray[np.float64]
Units = npt.NDArray[np.int64]
"""(clips,) which clips belong together and are drawn together, such as those cut out of one video."""
_AT_ONCE = 100  # draws, so that the counts of a large data set need little memory
_LEAST_ERROR = 1 / 3
"""Of the standard error: a draw that lacks the few clips that differ has hardly any, so that
it would lie infinitely far off."""


@dataclass(frozen=True)
class Bootstrap:
    """How confidence intervals are drawn: so many resamples of the clips."""

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


def summarise_means(values: Reals, bootstrap: Bootstrap, units: Units | None = None) -> list[Interval]:
    """(rows, clips) -> the mean of every row with its interval; clips of one unit are drawn together."""
    mean = values.mean(axis=1)
    parts = _Parts.of(values - mean[:, None], units)
    error = parts.measure(np.ones((1, len(parts.sizes))))[1]
    floor = np.where(error > 0, _LEAST_ERROR * error, 1.0)  # where all clips are alike no draw is off
    far = []
    for counts in _draw_counts(len(parts.sizes), bootstrap):
        off, errors = parts.measure(counts)
        far.append(off / np.maximum(errors, floor))
    least, most = np.percentile(np.concatenate(far), bootstrap.percentiles, axis=0)
    # The mean may be too high by as many errors as draws are: so the upper draws give the lower end.
    low, high = mean + np.minimum(0, -most * error[0]), mean + np.maximum(0, -least * error[0])
    return [Interval(*map(float, row)) for row in zip(mean, low, high, strict=True)]


@dataclass(frozen=True)
class _Parts:
    """What is drawn: for every unit the sum of its values, (rows, units), and how many they are, (units,)."""

    sums: Reals
    sizes: Reals

    @classmethod
    def of(cls, values: Reals, units: Units | None) -> _Parts:
        if units is None:
            return cls(values, np.ones(values.shape[1]))
        return cls(sum_units(values, units), np.unique(units, return_counts=True)[1].astype(float))

    def measure(self, counts: Reals) -> tuple[Reals, Reals]:
        """How often each unit is drawn, (draws, units) -> the mean of every row and its standard error."""
        drawn, size = len(self.sizes), counts @ self.sizes
        mean = counts @ self.sums.T / size[:, None]
        # The sum of squares of what units have beyond their share, (sum - mean * size)**2, multiplied out.
        squares = counts @ (self.sums**2).T - 2 * mean * (counts @ (self.sums * self.sizes).T)
        squares += mean**2 * (counts @ self.sizes**2)[:, None]
        variance = np.maximum(0, squares) * drawn / max(1, drawn - 1)
        return mean, np.sqrt(variance) / size[:, None]


def sum_units(values: Reals, units: Units) -> Reals:
    """(rows, clips) -> the sum over every unit's clips, (rows, units), in the order of their numbers."""
    known, belongs = np.unique(units, return_inverse=True)
    return np.stack([np.bincount(belongs, row, minlength=len(known)) for row in values])


def _draw_counts(units: int, bootstrap: Bootstrap) -> Iterator[Reals]:
    """How often each unit is drawn, (draws, units): all that a mean of the drawn ones asks for."""
    rng = np.random.default_rng(bootstrap.seed)
    for first in range(0, bootstrap.draws, _AT_ONCE):
        draws = min(_AT_ONCE, bootstrap.draws - first)
        yield rng.multinomial(units, np.full(units, 1 / units), size=draws).astype(float)


def _unfit(name: str, expected: str, found: object) -> SpecError:
    return SpecError(f"bootstrap {name}", expected=expected, found=repr(found)[:60], todo="correct it")
