"""What a row of blocks says: shares, trends with depth, and differences between worlds. No torch here.

Every score of a checkpoint is an Estimate: a number for both groups of channels at every block, and the same
again for every bootstrap draw. All that is said of it is computed from the numbers, and its interval from
the draws.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata, ttest_ind

from gst_analysis.analyses.agreement.measure import rank_correlation

Reals = npt.NDArray[np.float64]
_MOST_ORDERED = 8  # blocks whose every order is tried: 40,320 of them
_ORDERS = 20_000  # drawn where there are more blocks
_FEWEST = 4  # blocks that a trend can be told from


@dataclass(frozen=True)
class Estimate:
    """One score of one checkpoint: (2, blocks), spatial first, and its draws (draws, 2, blocks)."""

    value: Reals = field(repr=False)
    draws: Reals = field(repr=False)

    @property
    def share(self) -> Reals:
        return share_of_time(self.value)

    @property
    def deep(self) -> slice:
        """The deeper half of the blocks."""
        return slice(self.value.shape[1] // 2, None)


@dataclass(frozen=True)
class Number:
    """A number and the ends of its 95% interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Trend:
    """Spearman's correlation with depth, its interval, and the share of all orders as far from 0."""

    spearman: Number
    p: float
    blocks: int


@dataclass(frozen=True)
class Difference:
    """One world minus another, in the deeper half: of the first runs, and of the means over runs."""

    first: Number
    """Interval: both networks' bootstrap draws."""
    runs: Number
    """Interval: Welch's, over runs; NaN where a world has a single run."""
    run_values: tuple[tuple[float, ...], tuple[float, ...]]


def share_of_time(values: Reals) -> Reals:
    """(..., 2, blocks) -> temporal / (temporal + spatial); below 0 counts as 0, NaN where both are 0."""
    spatial, temporal = np.moveaxis(np.maximum(values, 0), -2, 0)
    total = spatial + temporal
    share: Reals = np.divide(temporal, total, out=np.full_like(total, np.nan), where=total > 0)
    return share


def summarise(value: float, draws: Reals) -> Number:
    """A number with the percentiles of those draws where it is defined."""
    known = draws[~np.isnan(draws)]
    low, high = np.percentile(known, [2.5, 97.5]) if len(known) else (np.nan, np.nan)
    return Number(float(value), float(low), float(high))


def correlate_with_depth(values: Reals) -> Reals:
    """(rows, blocks) -> Spearman's with the blocks' order, over those blocks that are defined."""
    depth = np.broadcast_to(np.arange(values.shape[1], dtype=float), values.shape)
    found: Reals = rank_correlation(np.nan_to_num(values), depth)
    for row in np.flatnonzero(np.isnan(values).any(axis=1)):
        known = ~np.isnan(values[row])
        enough = known.sum() >= _FEWEST
        found[row] = rank_correlation(values[row : row + 1, known], depth[:1, known])[0] if enough else np.nan
    return found


def order_p_value(values: Reals) -> float:
    """How many orders of the blocks have a correlation as far from 0: exact to 8 blocks, else by draws."""
    known = rankdata(values[~np.isnan(values)])
    count = len(known)
    if count < _FEWEST or len(set(known)) == 1:
        return float("nan")
    if count <= _MOST_ORDERED:
        orders = np.array(list(itertools.permutations(range(count))))
    else:
        rng = np.random.default_rng(0)
        orders = np.stack([np.arange(count), *(rng.permutation(count) for _ in range(_ORDERS))])
    depth = np.arange(count) - (count - 1) / 2
    products = np.abs(known[orders] @ depth)
    return float((products >= abs(known @ depth) - 1e-9).mean())


def find_trend(values: Reals, draws: Reals) -> Trend:
    """(blocks,) and (draws, blocks) -> how they go with depth."""
    (rho,) = correlate_with_depth(values[None])
    spearman = summarise(rho, correlate_with_depth(draws))
    return Trend(spearman, order_p_value(values), int((~np.isnan(values)).sum()))


def find_deep_share(estimate: Estimate) -> tuple[float, Reals]:
    """Temporal over both, each added up over the deeper half of the blocks; with its draws."""
    value, draws = (
        numbers[..., estimate.deep].sum(-1)[..., None] for numbers in (estimate.value, estimate.draws)
    )
    return float(share_of_time(value)[0]), share_of_time(draws)[:, 0]


def find_deep_mean(estimate: Estimate, group: int) -> tuple[float, Reals]:
    """One group's own number, the mean over the deeper half; spatial is 0, temporal 1."""
    value, draws = (
        numbers[..., group, estimate.deep].mean(-1) for numbers in (estimate.value, estimate.draws)
    )
    return float(value), draws


def compare_runs(one: list[tuple[float, Reals]], other: list[tuple[float, Reals]]) -> Difference:
    """Values with draws of the runs of two worlds -> one minus the other."""
    (a, a_draws), (b, b_draws) = one[0], other[0]
    values = tuple(value for value, _ in one), tuple(value for value, _ in other)
    first = summarise(a - b, a_draws - b_draws)
    means = float(np.mean(values[0]) - np.mean(values[1]))
    if min(map(len, values)) < 2 or max(map(np.ptp, values)) == 0:
        return Difference(first, Number(means, np.nan, np.nan), values)
    ends = ttest_ind(*values, equal_var=False).confidence_interval(0.95)
    return Difference(first, Number(means, float(ends.low), float(ends.high)), values)
