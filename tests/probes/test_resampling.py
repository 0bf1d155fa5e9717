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


def test_intervals_are_the_percentiles_of_resampled_means() -> None:
    values = np.random.default_rng(3).gamma(2, 1, (2, 9))
    bootstrap = Bootstrap(draws=250, confidence=0.9, seed=4)
    rng = np.random.default_rng(4)
    counts = np.concatenate([rng.multinomial(9, np.full(9, 1 / 9), size=n) for n in (100, 100, 50)])
    for row, found in zip(values, summarise_means(values, bootstrap), strict=True):
        means = [np.repeat(row, taken).mean() for taken in counts]
        expected = (row.mean(), np.percentile(means, 5), np.percentile(means, 95))
        assert (found.value, found.low, found.high) == pytest.approx(expected)


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
    assert values.min() <= found.low <= found.value <= found.high <= values.max()
    (moved,) = summarise_means(values * scale + shift, Bootstrap(draws=400))
    expected = [scale * one + shift for one in (found.value, found.low, found.high)]
    assert [moved.value, moved.low, moved.high] == pytest.approx(expected)


@settings(deadline=None, max_examples=10)
@given(seeds)
def test_four_times_the_clips_halve_an_interval(seed: int) -> None:
    few = np.random.default_rng(seed).normal(size=(1, 25))
    (wide,), (narrow,) = (summarise_means(np.tile(few, n), Bootstrap()) for n in (1, 4))
    assert (narrow.high - narrow.low) / (wide.high - wide.low) == pytest.approx(0.5, rel=0.15)


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
