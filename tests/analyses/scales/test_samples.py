"""Distances, intervals and tests: against plain resampling, and a world without differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gst_analysis.analyses.scales.samples import adjust_holm, bootstrap_gap, compare_samples, draw_medians


def test_the_numbers_are_those_of_plain_definitions() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.3, 1, 21), rng.normal(0, 2, 34)
    found = compare_samples(first, second)
    above = (first[:, None] > second).mean() + 0.5 * (first[:, None] == second).mean()
    assert found.auc == pytest.approx(above)
    at = np.sort(np.concatenate([first, second]))
    shares = [(values[:, None] <= at).mean(0) for values in (first, second)]
    assert found.ks == pytest.approx(abs(shares[0] - shares[1]).max())
    assert found.wasserstein == pytest.approx((abs(shares[0] - shares[1])[:-1] * np.diff(at)).sum())
    assert found.gap == pytest.approx(np.median(first) - np.median(second))
    assert found.gap_low < found.gap < found.gap_high


@pytest.mark.parametrize("count", [2, 3, 4, 16, 25])
def test_medians_drawn_directly_follow_those_of_drawn_samples(count: int) -> None:
    rng = np.random.default_rng(count)
    values = rng.normal(size=count)
    plain = np.median(rng.choice(values, (20_000, count)), axis=1)
    direct = draw_medians(values, 20_000, rng)
    at = np.unique(np.concatenate([plain, direct]))
    distance = abs((plain[:, None] <= at).mean(0) - (direct[:, None] <= at).mean(0)).max()
    assert distance < 0.02  # two samples of 20,000 lie within 0.0195 in 99.9 of 100 cases


def test_the_interval_covers_a_planted_gap() -> None:
    rng = np.random.default_rng(5)
    hits = []
    for draw in range(600):
        first, second = rng.normal(1.5, 1, 32), rng.normal(1.0, 1, 96)
        low, high = bootstrap_gap(first, second, draws=500, seed=draw)
        hits.append(low <= 0.5 <= high)
    assert 0.92 <= np.mean(hits) <= 0.985


@pytest.mark.parametrize("sizes", [(48, 16), (96, 32), (384, 128)])
def test_a_random_split_of_one_group_is_rejected_in_a_twentieth(sizes: tuple[int, int]) -> None:
    """The null: no difference but chance. 2,000 random splits of real-looking scales."""
    rng = np.random.default_rng(7)
    pool = rng.gamma(4, 0.1, sum(sizes))
    splits = rng.permuted(np.tile(pool, (2000, 1)), axis=1)
    found = [compare_samples(split[: sizes[1]], split[sizes[1] :]) for split in splits[:300]]
    p_ranks = stats.mannwhitneyu(splits[:, : sizes[1]], splits[:, sizes[1] :], axis=1).pvalue
    np.testing.assert_allclose([f.auc_p for f in found], p_ranks[:300])  # the same test, all at once
    assert abs((p_ranks < 0.05).mean() - 0.05) <= 0.015
    p_shape = [stats.ks_2samp(split[: sizes[1]], split[sizes[1] :]).pvalue for split in splits]
    np.testing.assert_allclose([f.ks_p for f in found], p_shape[:300])
    assert abs(np.mean(np.array(p_shape) < 0.05) - 0.05) <= 0.015


def test_over_sixteen_blocks_one_false_alarm_is_as_rare() -> None:
    rng = np.random.default_rng(9)
    splits = rng.normal(size=(2000, 16, 64))
    p = stats.mannwhitneyu(splits[..., :16], splits[..., 16:], axis=-1).pvalue
    alarms = [(adjust_holm(row) < 0.05).any() for row in p]
    assert np.mean((p < 0.05).any(1)) > 0.4  # what correction is for
    assert np.mean(alarms) <= 0.065


def test_holms_correction_by_hand() -> None:
    p = [0.01, float("nan"), 0.04, 0.03, 0.5]
    np.testing.assert_allclose(adjust_holm(p), [0.04, np.nan, 0.09, 0.09, 0.5])
    assert np.isnan(adjust_holm([float("nan")])).all()
    np.testing.assert_allclose(adjust_holm([0.6, 0.7]), [1, 1])
