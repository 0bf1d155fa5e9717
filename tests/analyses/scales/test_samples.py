"""Distances, intervals and tests: against plain resampling, and a world without differences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gst_analysis.analyses.scales.samples import (
    TwoSamples,
    adjust_holm,
    bootstrap_gap,
    compare_samples,
    correct_p_values,
    draw_medians,
)
from gst_analysis.analyses.scales.table import FEW_CHANNELS, FEWEST_CHANNELS, ONE_CHANNEL, SHARED_CHANNELS
from gst_analysis.tables.columns import Columns


class Told:
    """Stands for a random generator: says what it is told to, and remembers what it was asked for."""

    def __init__(self, *answers: float) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[float, float, int]] = []

    def beta(self, a: float, b: float, size: int) -> np.ndarray:
        self.asked.append((a, b, size))
        return np.full(size, self.answers.pop(0))


def test_a_median_lies_where_order_statistics_say() -> None:
    values = np.array([50.0, 10, 40, 20, 30])
    for u, expected in [(0.0, 10), (0.19, 10), (0.21, 20), (0.5, 30), (0.99, 50), (1.0, 50)]:
        told = Told(u)
        assert draw_medians(values, 2, told).tolist() == [expected] * 2  # type: ignore[arg-type] # a stand-in that draws what it was told
        assert told.asked == [(3, 3, 2)]  # the third of five uniform numbers
    told = Told(0.3, 0.5)  # the second of four, and half of the way from there to 1: 0.65
    assert draw_medians(values[:4], 1, told).tolist() == [(20 + 40) / 2]  # type: ignore[arg-type] # a stand-in that draws what it was told
    assert told.asked == [(2, 3, 1), (1, 2, 1)]
    told = Told(0.8, 0.3)  # 0.86: both are the highest
    assert draw_medians(values[:4], 1, told).tolist() == [50]  # type: ignore[arg-type] # a stand-in that draws what it was told


def test_an_interval_is_the_middle_of_the_drawn_gaps() -> None:
    first, second = np.random.default_rng(2).normal(size=(2, 400))
    for confidence, draws, seed in ((0.9, 300, 3), (0.95, 2000, 0)):
        rng = np.random.default_rng(seed)
        gaps = draw_medians(first, draws, rng) - draw_medians(second, draws, rng)
        expected = np.percentile(gaps, [50 * (1 - confidence), 50 * (1 + confidence)])
        told = {} if seed == 0 else {"confidence": confidence, "draws": draws, "seed": seed}
        assert bootstrap_gap(first, second, **told) == pytest.approx(tuple(expected))  # type: ignore[arg-type] # settings by name, of any type
    found = compare_samples(first, second)
    assert (found.gap_low, found.gap_high) == bootstrap_gap(first, second)


def test_what_has_no_test_has_its_effects_and_a_reason() -> None:
    pair, three = np.array([1.0, 2.0]), np.array([0.0, 3.0, 4.0])
    whole = compare_samples(pair, three)
    assert whole.undefined == FEW_CHANNELS
    assert np.isnan([whole.gap_low, whole.gap_high]).all()
    assert np.isfinite([whole.ks_p, whole.auc_p]).all(), "tests are exact, however few there are"
    for found, reason in (
        (compare_samples(pair, three, related=True), SHARED_CHANNELS),
        (compare_samples(pair[:1], three), ONE_CHANNEL),
        (compare_samples(three, pair[:1]), ONE_CHANNEL),
    ):
        assert found.undefined == reason
        assert np.isnan([found.gap_low, found.gap_high, found.ks_p, found.auc_p]).all()
    assert compare_samples(pair, three, related=True).auc == whole.auc == pytest.approx(2 / 6)
    assert compare_samples(pair[:1], three).gap == -2


def test_equal_values_lie_neither_above_nor_below() -> None:
    found = compare_samples(np.ones(8), np.ones(9))
    assert found == TwoSamples(0, 0, 0, 0, 0, 1, 0.5, 1, "")
    assert compare_samples(np.ones(3), np.ones(3), related=True).auc == 0.5


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.integers(6, 9), st.integers(8, 9), st.floats(0.1, 50), st.floats(-9, 9))
def test_what_units_and_sides_do_to_a_comparison(
    seed: int, n: int, m: int, unit: float, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=n), rng.normal(size=m)
    found = compare_samples(first, second)
    scaled = compare_samples(unit * first + shift, unit * second + shift)
    for name in ("gap", "gap_low", "gap_high", "wasserstein"):
        assert getattr(scaled, name) == pytest.approx(unit * getattr(found, name), abs=1e-9, nan_ok=True)
    for name in ("ks", "ks_p", "auc", "auc_p"):
        assert getattr(scaled, name) == pytest.approx(getattr(found, name))
    back = compare_samples(second, first)
    assert (back.gap, back.auc) == pytest.approx((-found.gap, 1 - found.auc))
    assert (back.ks_p, back.auc_p) == pytest.approx((found.ks_p, found.auc_p))


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


def cover_a_gap(temporal: int, spatial: int, *, tries: int, skewed: bool = False) -> float:
    """How often the interval of a planted gap of 0.5 holds it."""
    rng = np.random.default_rng(5)
    found = []
    for seed in range(tries):
        values = rng.gamma(1, 1, temporal + spatial) if skewed else rng.normal(1, 1, temporal + spatial)
        first, second = values[:temporal] + 0.5, values[temporal : temporal + spatial]
        found.append(bootstrap_gap(first, second, draws=500, seed=seed))
    return float(np.mean([low <= 0.5 <= high for low, high in found]))


def test_the_interval_covers_a_planted_gap() -> None:
    assert 0.92 <= cover_a_gap(8, 24, tries=500) <= 0.985
    assert cover_a_gap(2, 6, tries=300) < 0.87, "why no interval is given of so few"


@pytest.mark.slow
@pytest.mark.parametrize("skewed", [False, True])
@pytest.mark.parametrize("temporal", [2, 4, 6, 8, 16, 32])
def test_how_often_the_interval_covers_by_the_number_of_channels(temporal: int, skewed: bool) -> None:
    """At alpha 1/4: three spatial channels to a temporal one. The numbers of docs/intervals.md."""
    covered = cover_a_gap(temporal, 3 * temporal, tries=4000, skewed=skewed)
    print(f"{temporal} and {3 * temporal}, {'skewed' if skewed else 'normal'}: {covered:.1%}")
    assert temporal < FEWEST_CHANNELS or 0.93 <= covered <= 0.975


@pytest.mark.parametrize("sizes", [(48, 16), (96, 32), (384, 128)])
def test_a_random_split_of_one_group_is_rejected_in_a_twentieth(sizes: tuple[int, int]) -> None:
    """The null: nothing but chance. Ranks of 2,000 random splits of real-looking scales, shapes of 300."""
    rng = np.random.default_rng(7)
    pool = rng.gamma(4, 0.1, sum(sizes))
    splits = rng.permuted(np.tile(pool, (2000, 1)), axis=1)
    one, other = splits[:, : sizes[1]], splits[:, sizes[1] :]
    found = [compare_samples(*pair) for pair in zip(one[:300], other[:300], strict=True)]
    p_ranks = stats.mannwhitneyu(one, other, axis=1).pvalue
    np.testing.assert_allclose([f.auc_p for f in found], p_ranks[:300])  # the same test, all at once
    assert abs((p_ranks < 0.05).mean() - 0.05) <= 0.015
    # scipy goes through splits one by one here, which for all 2,000 took nine tenths of this test.
    p_shape = [stats.ks_2samp(*pair).pvalue for pair in zip(one[:300], other[:300], strict=True)]
    np.testing.assert_allclose([f.ks_p for f in found], p_shape)
    assert abs(np.mean(np.array(p_shape) < 0.05) - 0.05) <= 0.03


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


def test_both_tests_are_corrected_each_for_itself() -> None:
    found = correct_p_values(Columns({"ks_p": [0.01, 0.02], "auc_p": [0.3, 0.04]}))
    assert found["ks_p_holm"].tolist() == [0.02, 0.02]
    assert found["auc_p_holm"].tolist() == pytest.approx([0.3, 0.08])
    assert found["ks_p"].tolist() == [0.01, 0.02]
