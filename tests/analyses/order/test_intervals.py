"""The interval of what needs order: its value, at the ceiling, by coverage."""

from __future__ import annotations

import numpy as np
import pytest

from gst_analysis.analyses.order.intervals import draw_temporality
from gst_analysis.probes.resampling import Bootstrap

FEW = Bootstrap(draws=200)


def test_temporality_is_what_is_lost_of_what_is_above_chance() -> None:
    order, shuffled = np.repeat([1.0, 0.0], [80, 20]), np.repeat([1.0, 0.5, 0.0], [20, 40, 40])
    found = draw_temporality(np.stack([order, shuffled]), 0.1, FEW, np.arange(100))
    assert found is not None
    assert found.value == pytest.approx((0.8 - 0.4) / (0.8 - 0.1))
    assert found.low < found.value < found.high
    again = draw_temporality(np.stack([order, shuffled]), 0.1, FEW, np.arange(100))
    assert again == found


def test_where_all_clips_are_alike_the_interval_has_a_width() -> None:
    found = draw_temporality(np.ones((2, 15)), 1 / 12, FEW, np.arange(15))
    assert found is not None
    assert found.value == 0
    assert -0.25 < found.low < 0 < 0.1 < found.high < 0.25  # two or three in fifteen may be otherwise
    exact = draw_temporality(np.ones((2, 15)), 1 / 12, FEW, np.arange(15), unseen=0)
    assert exact is not None
    assert exact.low == exact.high == 0


def test_clips_of_one_video_are_drawn_together() -> None:
    """Five copies of each clip tell no more than one."""
    right = np.stack([np.ones(20), np.repeat([1.0, 0.0], 10)])
    alone = draw_temporality(right, 0.1, FEW, np.arange(20), unseen=0)
    copied = draw_temporality(right.repeat(5, axis=1), 0.1, FEW, np.arange(20).repeat(5), unseen=0)
    assert alone == copied


def test_at_chance_it_is_withheld() -> None:
    order = np.repeat([1.0, 0.0], [10, 10])
    assert draw_temporality(np.stack([order, order]), 0.5, FEW, np.arange(20)) is None


@pytest.mark.slow
@pytest.mark.parametrize(("clips", "least"), [(15, 0.93), (144, 0.93)])
@pytest.mark.parametrize(("in_order", "shuffled"), [(0.98, 0.5), (0.98, 0.95), (0.6, 0.3)])
def test_nineteen_in_twenty_intervals_hold_the_truth(
    clips: int, least: float, in_order: float, shuffled: float
) -> None:
    """At the ceiling too, where percentiles alone are too narrow; shuffled clips are right by themselves."""
    rng, chance, held = np.random.default_rng(0), 1 / 12, []
    truth = (in_order - shuffled) / (in_order - chance)
    for _ in range(400):
        right = (rng.random((2, clips)) < [[in_order], [shuffled]]).astype(float)
        found = draw_temporality(right, chance, Bootstrap(draws=500), np.arange(clips))
        held.append(found is not None and found.low <= truth <= found.high)
    assert np.mean(held) >= least
