"""For how long work will still go on is foretold without its first step, by its speed of late."""

from __future__ import annotations

import pytest

from gst_analysis.progress import Pace


def test_the_first_step_foretells_nothing() -> None:
    """Seen: 12 s until the first of 32 gradients, 10 s for all others, and "about 0:05:57 left"."""
    pace = Pace()
    pace.note(12.0, 1, 32)
    assert pace.find_left_s(14.5) is None
    for step in range(2, 9):
        pace.note(12 + 0.4 * (step - 1), step, 32)
    assert pace.find_left_s(14.8) == pytest.approx(0.4 * 24)


def test_a_slower_second_round_is_foretold_by_itself() -> None:
    """Seen: half of the clips in half a second, each batch of the others 1.2 s, "about 2 s left" of nine."""
    pace = Pace()
    for done in range(1, 9):
        pace.note(0.1 * done, 8 * done, 120)
    for done in range(9, 11):
        for clip in range(8):
            pace.note(0.8 + 1.2 * (done - 8) + 0.001 * clip, 8 * (done - 1) + clip + 1, 120)
    assert pace.find_left_s(3.2) == pytest.approx(1.2 * 5, rel=0.1)


def test_a_step_that_is_late_makes_it_longer_without_a_jump() -> None:
    pace = Pace()
    for done in (1, 2, 3):
        pace.note(float(done), done, 10)
    assert pace.find_left_s(3.5) == pytest.approx(6.5)
    assert pace.find_left_s(4.0) == pytest.approx(6.0)
    assert pace.find_left_s(4.001) == pytest.approx(6.0, abs=0.02)
    assert pace.find_left_s(8.0) == pytest.approx(7 * 5 - 1)


def test_what_is_counted_anew_and_what_goes_on_for_hours() -> None:
    pace = Pace()
    for done in range(1, 100_001):
        pace.note(0.1 * done, done, 200_000)
    assert pace.find_left_s(10_000.0) == pytest.approx(10_000, rel=0.02)
    assert len(pace._marks) < 200
    pace.note(10_001.0, 1, 200_000)
    assert pace.find_left_s(10_009.0) is None
