"""Distances and tests of two samples: those of scipy.stats, to within rounding."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gst_analysis.analyses.scales import two_samples

SIZES = [(1, 1), (1, 9), (2, 3), (8, 8), (8, 120), (9, 9), (9, 30), (16, 48), (64, 64), (37, 90), (384, 128)]
ROUNDING = 1e-12


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("step", [0, 0.25])
def test_the_numbers_are_scipys(sizes: tuple[int, int], step: float) -> None:
    for shift in (0.0, 0.3, 2.0):
        rng = np.random.default_rng([*sizes, int(10 * shift)])
        samples = [rng.normal(0, 1, sizes[0]) + shift, rng.normal(0, 1.3, sizes[1])]
        first, second = (np.round(one / step) * step if step else one for one in samples)
        ks = stats.ks_2samp(first, second)
        found = two_samples.find_kolmogorov_smirnov(first, second)
        assert found == pytest.approx((ks.statistic, ks.pvalue), rel=ROUNDING)
        expected = stats.wasserstein_distance(first, second)
        assert two_samples.find_wasserstein(first, second) == pytest.approx(expected, rel=ROUNDING)
        if np.ptp(np.concatenate([first, second])):
            rank = stats.mannwhitneyu(first, second)
            uneven = two_samples.find_mann_whitney(first, second)
            assert uneven == pytest.approx((rank.statistic, rank.pvalue), rel=ROUNDING)


def test_samples_that_do_not_overlap_have_the_smallest_p_values() -> None:
    """Chances of 10^-180 and less are told, too: nothing is taken away from one."""
    low, high = np.arange(300.0), np.arange(300.0, 800.0)
    for first, second in ((low, high), (low, high[:300])):
        ks, rank = stats.ks_2samp(first, second), stats.mannwhitneyu(first, second)
        assert two_samples.find_kolmogorov_smirnov(first, second) == pytest.approx(
            (1, ks.pvalue), rel=ROUNDING
        )
        assert two_samples.find_mann_whitney(first, second)[1] == pytest.approx(rank.pvalue, rel=ROUNDING)
        assert 0 < ks.pvalue < 1e-170


def test_more_values_than_can_be_counted_are_scipys() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=10_001), rng.normal(size=40)
    ks = stats.ks_2samp(first, second)
    assert two_samples.find_kolmogorov_smirnov(first, second) == (ks.statistic, ks.pvalue)
