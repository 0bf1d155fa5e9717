"""Means with bootstrap intervals: against plain resampling, and what must hold of any interval."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gst_analysis.errors import SpecError
from gst_analysis.probes.resampling import Bootstrap, Interval, summarise_means

seeds = st.integers(0, 2**32 - 1)


def _draw_plainly(values: np.ndarray, counts: np.ndarray, percent: tuple[float, float]) -> list[float]:
    """One row: clip by clip, with the standard error of every drawn sample as textbooks write it."""

    def error(sample: np.ndarray) -> float:
        return float(np.std(sample, ddof=1) / np.sqrt(len(sample)))

    own, far = error(values), []
    for taken in counts:
        sample = np.repeat(values, taken)
        far.append((sample.mean() - values.mean()) / max(error(sample), own / 3))
    return [values.mean() - np.percentile(far, 100 - at) * own for at in percent]


def test_ends_are_as_many_errors_off_as_resamples_are() -> None:
    values = np.random.default_rng(3).gamma(2, 1, (2, 9))
    bootstrap = Bootstrap(draws=250, confidence=0.9, seed=4)
    rng = np.random.default_rng(4)
    counts = np.concatenate([rng.multinomial(9, np.full(9, 1 / 9), size=n) for n in (100, 100, 50)])
    for row, found in zip(values, summarise_means(values, bootstrap), strict=True):
        expected = _draw_plainly(row, counts, (5, 95))
        assert [found.value, found.low, found.high] == pytest.approx([row.mean(), *expected])


def test_clips_of_one_unit_are_drawn_together() -> None:
    """As often as each clip is there, so is its unit: five clips of each of four are four, not twenty."""
    values = np.random.default_rng(1).normal(size=(2, 4))
    alone = summarise_means(values, Bootstrap())
    together = summarise_means(np.repeat(values, 5, axis=1), Bootstrap(), np.repeat(np.arange(4), 5))
    for found, expected in zip(together, alone, strict=True):
        assert vars(found) == pytest.approx(vars(expected))


def test_units_of_several_sizes_give_the_error_of_a_ratio() -> None:
    values, units = np.array([[0.0, 1, 2, 3, 5]]), np.array([3, 3, 3, 1, 7])
    (found,) = summarise_means(values, Bootstrap(draws=100), units)
    sums, sizes = np.array([3.0, 3, 5]), np.array([1, 3, 1])  # of units 1, 3 and 7

    def measure(counts: np.ndarray) -> tuple[float, float]:
        mean, size = counts @ sums / (counts @ sizes), counts @ sizes
        return mean, float(np.sqrt(counts @ (sums - mean * sizes) ** 2 * 3 / 2) / size)

    _, own = measure(np.ones(3))
    drawn = map(measure, np.random.default_rng(0).multinomial(3, np.full(3, 1 / 3), size=100))
    far = [(mean - 11 / 5) / max(error, own / 3) for mean, error in drawn]
    expected = 11 / 5 - np.percentile(far, [97.5, 2.5]) * own
    assert [found.value, found.low, found.high] == pytest.approx([11 / 5, *expected])


def test_unless_told_otherwise_nineteen_of_twenty_means_lie_inside() -> None:
    assert Bootstrap() == Bootstrap(draws=2000, confidence=0.95, seed=0)
    assert Bootstrap().percentiles == pytest.approx((2.5, 97.5))


@settings(deadline=None, max_examples=15)
@given(seeds, st.integers(2, 40), st.floats(0.1, 100), st.floats(-50, 50))
def test_an_interval_holds_its_mean_and_moves_with_its_values(
    seed: int, clips: int, scale: float, shift: float
) -> None:
    values = np.random.default_rng(seed).normal(size=(1, clips))
    (found,) = summarise_means(values, Bootstrap(draws=400))
    assert found.low < found.value < found.high
    (moved,) = summarise_means(values * scale + shift, Bootstrap(draws=400))
    expected = [scale * one + shift for one in (found.value, found.low, found.high)]
    assert [moved.value, moved.low, moved.high] == pytest.approx(expected)


@settings(deadline=None, max_examples=10)
@given(seeds)
def test_four_times_the_clips_more_than_halve_an_interval(seed: int) -> None:
    few = np.random.default_rng(seed).normal(size=(1, 25))
    (wide,), (narrow,) = (summarise_means(np.tile(few, n), Bootstrap()) for n in (1, 4))
    assert (narrow.high - narrow.low) / (wide.high - wide.low) == pytest.approx(
        0.47, rel=0.15
    )  # 0.5, and less to allow for that errors are guessed


@settings(deadline=None, max_examples=10)
@given(seeds)
def test_the_more_confident_an_interval_the_wider(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(1, 12))
    sure, unsure = (summarise_means(values, Bootstrap(confidence=c))[0] for c in (0.99, 0.5))
    assert sure.low < unsure.low < unsure.high < sure.high


def test_rows_share_their_resamples() -> None:
    """Clips are drawn, not rows: a row gets its interval whatever stands beside it."""
    values = np.random.default_rng(0).normal(size=(3, 20))
    together = summarise_means(values, Bootstrap())
    assert len({id(one) for one in together}) == 3
    alone = [summarise_means(values[[row]], Bootstrap())[0] for row in range(3)]
    assert [tuple(vars(one).values()) for one in together] == [
        pytest.approx(tuple(vars(one).values())) for one in alone
    ]
    assert summarise_means(np.full((1, 5), 0.25), Bootstrap()) == [Interval(0.25, 0.25, 0.25)]


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("draws", [100, 1_000_000], [99, 1_000_001, 500.0, True]),
        ("confidence", [0.5, 0.999], [0.499, 1, 1.5]),
        ("seed", [0, 7], [-1, 1.0, False]),
    ],
)
def test_bounds_of_a_bootstrap(name: str, good: list[float], bad: list[Any]) -> None:
    for value in good:
        settings: dict[str, Any] = {name: value}
        assert getattr(replace(Bootstrap(), **settings), name) == value
    for value in bad:
        settings = {name: value}
        with pytest.raises(SpecError, match=f"bootstrap {name}"):
            replace(Bootstrap(), **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("skewed", "clips", "least"), [(False, 8, 0.93), (False, 144, 0.94), (True, 20, 0.9), (True, 144, 0.92)]
)
def test_how_often_an_interval_covers_the_truth(skewed: bool, clips: int, least: float) -> None:
    """Normal values, and such whose mean is made by a few: the numbers of docs/intervals.md."""
    rng = np.random.default_rng(clips)
    drawn = rng.normal(size=(1000, clips))
    values, truth = (np.exp(drawn), np.exp(0.5)) if skewed else (drawn, 0.0)
    found = summarise_means(values, Bootstrap())
    covered = np.mean([one.low <= truth <= one.high for one in found])
    print(f"{'skewed' if skewed else 'normal'}, {clips} clips: {covered:.1%}")
    assert least <= covered <= 0.985


@pytest.mark.slow
@pytest.mark.parametrize(
    ("skewed", "videos", "least", "most"),
    [(False, 3, 0.92, 0.97), (True, 3, 0.82, 0.91), (True, 5, 0.85, 0.93), (True, 20, 0.9, 0.96)],
)
def test_few_videos_are_too_few_for_a_mean_that_few_of_them_make(
    skewed: bool, videos: int, least: float, most: float
) -> None:
    """Six clips of each, alike by 0.64: docs/intervals.md says where too few are covered."""
    rng = np.random.default_rng(videos)
    drawn = rng.normal(size=(1000, videos, 1)) * 0.8 + rng.normal(size=(1000, videos, 6)) * 0.6
    values, truth = (np.exp(drawn), np.exp(0.5)) if skewed else (drawn, 0.0)
    units = np.repeat(np.arange(videos), 6)
    found = summarise_means(values.reshape(1000, -1), Bootstrap(), units)
    covered = np.mean([one.low <= truth <= one.high for one in found])
    print(f"{'skewed' if skewed else 'normal'}, {videos} videos of 6 clips: {covered:.1%}")
    assert least <= covered <= most
