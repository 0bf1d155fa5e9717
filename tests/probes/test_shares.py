"""Shares of clips and their differences: at the ceiling, against plain definitions, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binomtest, norm, t

from gst_analysis.probes.resampling import Bootstrap, Interval
from gst_analysis.probes.shares import (
    average_shares,
    count_independent,
    summarise_changes,
    summarise_share_differences,
    summarise_shares,
)

seeds = st.integers(0, 2**32 - 1)


def draw_right(rng: np.random.Generator, share: float, rows: int, clips: int) -> np.ndarray:
    return (rng.random((rows, clips)) < share).astype(float)


def covers(found: list[Interval], truth: float) -> float:
    return float(np.mean([one.low - 1e-12 <= truth <= one.high + 1e-12 for one in found]))


def test_all_of_144_right_is_not_certain() -> None:
    (all_right,), (none,) = summarise_shares(np.ones((1, 144))), summarise_shares(np.zeros((1, 144)))
    assert all_right.value == all_right.high == 1
    assert all_right.low == pytest.approx(0.025 ** (1 / 144))
    assert none.low == none.value == 0
    assert none.high == pytest.approx(1 - all_right.low)
    (no_loss,) = summarise_share_differences(np.ones((1, 144)), np.ones((1, 144)))
    assert no_loss.value == 0
    assert -no_loss.low == no_loss.high == pytest.approx(1.96**2 / (144 + 1.96**2), abs=1e-4)
    (all_lost,) = summarise_share_differences(np.ones((1, 144)), np.zeros((1, 144)))
    assert (all_lost.value, all_lost.high) == (1, 1)
    assert 0.9 < all_lost.low < 1
    mean = average_shares(np.ones(12), np.full(12, 12.0))
    assert (mean.value, mean.high) == (1, 1)
    assert mean.low == pytest.approx(all_right.low, abs=0.001)


@pytest.mark.parametrize(("right", "clips"), [(0, 5), (3, 5), (47, 50), (50, 50)])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_a_share_is_that_of_an_exact_test(right: int, clips: int, confidence: float) -> None:
    row = np.arange(clips)[None] < right
    (found,) = summarise_shares(row.astype(float), confidence=confidence)
    exact = binomtest(right, clips).proportion_ci(confidence, method="exact")
    assert [found.value, found.low, found.high] == pytest.approx([right / clips, exact.low, exact.high])


@settings(deadline=None, max_examples=25)
@given(seeds, st.integers(2, 60), st.floats(0, 1), st.floats(0, 1), st.floats(0.5, 0.99))
def test_a_difference_is_as_far_as_a_score_test_does_not_reject(
    seed: int, clips: int, one: float, other: float, confidence: float
) -> None:
    """Tango's statistic with the likeliest shares found by looking, not by its quadratic."""
    rng = np.random.default_rng(seed)
    first, second = draw_right(rng, one, 1, clips), draw_right(rng, other, 1, clips)
    (found,) = summarise_share_differences(first, second, confidence=confidence)
    assert found.low <= found.value <= found.high
    assert found.value == pytest.approx(first.mean() - second.mean())
    gained, lost = (int((first - second == sign).sum()) for sign in (1, -1))
    z = norm.ppf((1 + confidence) / 2)
    for end, sign in ((found.low, 1), (found.high, -1)):
        if abs(end) < 1 - 1e-6:
            assert _score(gained, lost, clips, end) == pytest.approx(sign * z, abs=1e-3)
    (turned,) = summarise_share_differences(second, first, confidence=confidence)
    assert [-turned.high, -turned.low] == pytest.approx([found.low, found.high], abs=1e-9)


def _score(gained: int, lost: int, clips: int, true: float) -> float:
    def slope(q: float) -> float:  # of the likelihood in the lost share q; gained share q + true
        return gained / (q + true) + lost / q - 2 * (clips - gained - lost) / (1 - 2 * q - true)

    least, most = max(0.0, -true) + 1e-13, (1 - true) / 2 - 1e-13
    at_least, at_most = slope(least), slope(most)
    q = least if at_least <= 0 else most if at_most >= 0 else brentq(slope, least, most, xtol=1e-15)
    return float((gained - lost - clips * true) / np.sqrt(clips * (2 * q + true - true**2)))


def test_the_mean_over_classes_allows_for_scarce_ones() -> None:
    many, few = np.full(4, 100.0), np.array([2.0, 100, 100, 100])
    sure, unsure = (average_shares(np.ones(4), counts) for counts in (many, few))
    assert sure.low > 0.98
    assert unsure.low < 1 - 1 / 8, "the scarce class may well be wrong every other time"
    one = average_shares(np.array([0.75]), np.array([400.0]))
    (same,) = summarise_shares((np.arange(400)[None] < 300).astype(float))
    assert [one.value, one.low, one.high] == pytest.approx([same.value, same.low, same.high], abs=0.004)
    shares, counts = np.array([0.9, 0.2, 0.6]), np.array([30.0, 20, 10])
    right, wrong = average_shares(shares, counts), average_shares(1 - shares, counts)
    assert [1 - wrong.value, 1 - wrong.high, 1 - wrong.low] == pytest.approx(list(vars(right).values()))


def test_clips_of_one_video_count_as_far_as_they_differ() -> None:
    alone = np.array([[1.0, 0, 1, 1, 0, 1, 1, 1]])
    units = np.repeat(np.arange(8), 3)
    assert count_independent(alone).tolist() == [8]
    assert count_independent(alone, units=np.arange(8)[::-1].copy()).tolist() == [8]
    (same,) = count_independent(np.repeat(alone, 3, axis=1), units=units)
    assert 4 < same < 8, "three copies of each are eight, and fewer for having been guessed from eight"
    (mixed,) = count_independent(np.tile([[1.0, 0, 1]], 8), units=units)
    assert same < mixed < 24
    (sure,) = count_independent(np.ones((1, 24)), units=units)
    assert sure == 8, "where all are right nothing tells how alike the clips of one video are"
    assert count_independent(alone, units=np.zeros(8, dtype=np.int64)).tolist() == [1]
    (plain,), (wide,) = (summarise_shares(np.repeat(alone, 3, axis=1), units=u) for u in (None, units))
    assert wide.value == plain.value
    assert wide.low < plain.low < plain.high < wide.high
    none = np.zeros((1, 24))
    (plain,), (wide,) = (summarise_share_differences(none, none, units=u) for u in (None, units))
    assert wide.low < plain.low < 0 < plain.high < wide.high


def test_how_many_clips_of_eight_videos_count_by_hand() -> None:
    """Two clips of each: as alike as chance nearly makes them, and as different as can be."""
    alike, apart = [1, 1, 0, 0, 1, 0, 0, 1] * 2, [1, 0] * 8
    found = count_independent(np.array([alike, apart], dtype=float), units=np.arange(16) // 2)
    few = (norm.ppf(0.975) / t.ppf(0.975, 7)) ** 2
    # Sums of videos are 1, -1, 0, 0, …: their variance is 2/7 a clip where that of clips is 4/15.
    assert found.tolist() == pytest.approx([16 / (15 / 14) * few, 16 * few])


@pytest.mark.parametrize("share", [0.5, 0.9, 0.986, 0.999])
def test_a_share_is_covered_wherever_it_is(share: float) -> None:
    rng = np.random.default_rng(0)
    assert covers(summarise_shares(draw_right(rng, share, 1000, 144)), share) >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("clips", [20, 144, 480])
@pytest.mark.parametrize("shares", [(0.99, 0.99), (0.99, 0.9), (0.95, 0.5), (1.0, 0.98)])
def test_differences_are_covered(shares: tuple[float, float], clips: int) -> None:
    rng = np.random.default_rng(1)
    first, second = (draw_right(rng, share, 4000, clips) for share in shares)
    covered = covers(summarise_share_differences(first, second), shares[0] - shares[1])
    print(f"{shares}, {clips} clips: {covered:.1%}")
    assert covered >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("alike", [0.001, 0.2, 0.8])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.98])
@pytest.mark.parametrize(("videos", "most"), [(10, None), (100, None), (40, 20)])
def test_shares_of_clips_cut_from_videos_are_covered(
    videos: int, most: int | None, share: float, alike: float
) -> None:
    """Six clips a video, or 1 to 20 of them; how alike those of one are is a beta-binomial's correlation."""
    rng = np.random.default_rng(2)
    sizes = np.full(videos, 6) if most is None else rng.integers(1, most + 1, videos)
    units, spread = np.repeat(np.arange(videos), sizes), (1 - alike) / alike
    own = rng.beta(share * spread, (1 - share) * spread, size=(2000, videos))[:, units]
    covered = covers(summarise_shares((rng.random(own.shape) < own).astype(float), units=units), share)
    print(f"{videos} videos, {sizes.min()} to {sizes.max()} clips, {share}, {alike}: {covered:.1%}")
    assert covered >= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shares", "counts"),
    [
        (np.full(12, 0.99), np.full(12, 12)),
        (np.full(12, 0.5), np.full(12, 12)),
        (np.linspace(0.5, 1, 12), np.full(12, 12)),
        (np.array([0.5, *np.ones(9)]), np.array([2, *np.full(9, 1000)])),
        (np.linspace(0.1, 0.9, 174), np.arange(174) % 55 + 5),
    ],
    ids=["ceiling", "half", "uneven", "scarce", "many"],
)
def test_means_over_classes_are_covered(shares: np.ndarray, counts: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    found = [average_shares(rng.binomial(counts, shares) / counts, counts.astype(float)) for _ in range(2000)]
    covered = covers(found, float(shares.mean()))
    print(f"{covered:.1%}")
    assert covered >= 0.94


def test_a_change_by_several_ways_has_a_width_at_the_ceiling() -> None:
    bootstrap = Bootstrap(500)
    nothing, all_lost, mixed = summarise_changes(
        np.stack([np.zeros(144), -np.ones(144), np.tile([0.0, -2 / 3], 72)]), bootstrap
    )
    assert (nothing.value, all_lost.value, mixed.value) == pytest.approx((0, -1, -1 / 3))
    assert -0.04 < nothing.low < 0 < nothing.high < 0.04
    assert -1 == all_lost.low < all_lost.high < -0.95
    assert -0.43 < mixed.low < -1 / 3 < mixed.high < -0.24
    (alone,) = summarise_changes(np.repeat([[-1.0, 0.0] * 12], 6, axis=1), bootstrap)
    (together,) = summarise_changes(
        np.repeat([[-1.0, 0.0] * 12], 6, axis=1), bootstrap, np.repeat(np.arange(24), 6)
    )
    assert together.high - together.low > 1.5 * (alone.high - alone.low), "clips of one video are one draw"


@pytest.mark.slow
@pytest.mark.parametrize("clips", [8, 20, 144])
@pytest.mark.parametrize(("before", "after"), [(0.98, 0.96), (1.0, 0.99), (0.98, 0.5), (0.6, 0.3)])
def test_changes_by_several_ways_are_covered(before: float, after: float, clips: int) -> None:
    """Three ways, and clips that differ in how they bear them; plain resamples cover as little as 73%."""
    held = []
    for seed in range(400):
        rng = np.random.default_rng([seed, clips])
        bears = rng.beta(2 * after, 2 * (1 - after), clips)
        change = rng.binomial(3, bears) / 3 - (rng.random(clips) < before)
        held.append(covers(summarise_changes(change[None], Bootstrap(400, seed=seed)), after - before))
    print(f"{before:.0%} to {after:.0%}, {clips} clips: {np.mean(held):.1%}")
    assert np.mean(held) >= 0.92
