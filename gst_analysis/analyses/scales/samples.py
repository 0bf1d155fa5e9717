"""Do two samples of scales differ, by how much, and is it more than chance?

Enters two arrays; leaves numbers. The gap is a difference of medians, which are the upright lines of
Figure 4; its interval is a percentile bootstrap over channels, which fewer than eight of them do not carry:
the tests, which are exact there, hold for any number. Wasserstein distance and the
Kolmogorov-Smirnov test see any difference between two distributions, AUC (the Mann-Whitney test) whether
one lies above the other. Several layers are tested at once, so p values are also given after Holm's
correction, which keeps the chance of even one false alarm among them at 5%. Channels stand for what another
channel of the same network might have been: nothing here says what another training run would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gst_analysis.analyses.scales.table import (
    CONFIDENCE,
    FEW_CHANNELS,
    FEWEST_CHANNELS,
    ONE_CHANNEL,
    SHARED_CHANNELS,
)
from gst_analysis.analyses.scales.two_samples import (
    find_kolmogorov_smirnov,
    find_mann_whitney,
    find_wasserstein,
)
from gst_analysis.tables.columns import Columns
from gst_analysis.tables.quantiles import find_median, find_quantiles

Array = np.ndarray

DRAWS = 2000


@dataclass(frozen=True)
class TwoSamples:
    """How the first of two samples differs from the second; NaN is what `undefined` names."""

    gap: float
    gap_low: float
    gap_high: float
    wasserstein: float
    ks: float
    ks_p: float
    auc: float
    auc_p: float
    undefined: str


def compare_samples(first: Array, second: Array, *, related: bool = False, seed: int = 0) -> TwoSamples:
    """Gap of medians with its interval, distances and tests.

    Args:
        first: values of one group.
        second: values of the other.
        related: the two are not independent draws, so that intervals and tests are not defined.
        seed: of the bootstrap; the same values and seed give the same interval.
    """
    ks, ks_p = find_kolmogorov_smirnov(first, second)
    effect: dict[str, Any] = {
        "gap": find_median(first) - find_median(second),
        "wasserstein": find_wasserstein(first, second),
        "ks": ks,
    }
    alike = not np.ptp(np.concatenate([first, second]))
    above, auc_p = (0.5 * len(first) * len(second), 1.0) if alike else find_mann_whitney(first, second)
    auc = above / (len(first) * len(second))
    nan, fewest = float("nan"), min(len(first), len(second))
    if related or fewest < 2:
        reason = SHARED_CHANNELS if related else ONE_CHANNEL
        return TwoSamples(**effect, gap_low=nan, gap_high=nan, ks_p=nan, auc=auc, auc_p=nan, undefined=reason)
    few = fewest < FEWEST_CHANNELS
    low, high = (nan, nan) if few else bootstrap_gap(first, second, seed=seed)
    tests = {"ks_p": ks_p, "auc": auc, "auc_p": auc_p}
    return TwoSamples(**effect, gap_low=low, gap_high=high, **tests, undefined=FEW_CHANNELS if few else "")


def bootstrap_gap(
    first: Array, second: Array, *, confidence: float = CONFIDENCE, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the difference of medians when both samples are drawn anew."""
    rng = np.random.default_rng(seed)
    gaps = draw_medians(first, draws, rng) - draw_medians(second, draws, rng)
    low, high = find_quantiles(gaps, [(1 - confidence) / 2, (1 + confidence) / 2])
    return low, high


def draw_medians(values: Array, draws: int, rng: np.random.Generator) -> Array:
    """Medians of `draws` bootstrap samples, without making the samples.

    A bootstrap sample is floor(n · u) for n uniform u, and the k-th smallest of n uniform numbers follows a
    beta distribution. So the place of the median is drawn directly: two numbers a sample, not n.
    """
    n, ordered = len(values), np.sort(values)
    lower = (n + 1) // 2  # the k of the median, or of the lower of its two neighbours
    u = rng.beta(lower, n + 1 - lower, draws)
    middle = ordered[_place(u, n)]
    if n % 2:
        return np.asarray(middle)
    above = u + (1 - u) * rng.beta(1, n - lower, draws)  # the next one of those that lie above
    return np.asarray((middle + ordered[_place(above, n)]) / 2)


def _place(u: Array, n: int) -> Array:
    return np.asarray(np.minimum((n * u).astype(int), n - 1))


def adjust_holm(p_values: Sequence[float] | Array) -> Array:
    """Holm's step-down correction; NaN stays NaN and is not counted as a test."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full_like(p, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * factors)) if len(order) else []
    return adjusted


def correct_p_values(found: Columns) -> Columns:
    """Holm's correction of `ks_p` and `auc_p` over all rows, as columns of their own."""
    return found.assign(**{f"{name}_holm": adjust_holm(found[name]) for name in ("ks_p", "auc_p")})
