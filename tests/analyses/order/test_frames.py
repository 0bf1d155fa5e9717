"""Which frames are shown, written out by hand."""

from __future__ import annotations

import pytest

from gst_analysis.analyses.order.frames import describe_frames, list_stills, order_frames, shuffle_frames
from gst_analysis.analyses.order.table import CONDITIONS

EIGHT = {
    "in-order": "0 1 2 3 4 5 6 7",
    "shuffled": "",
    "reversed": "7 6 5 4 3 2 1 0",
    "halves-swapped": "4 5 6 7 0 1 2 3",
    "ends": "0 0 0 0 7 7 7 7",
    "every-second": "0 0 2 2 4 4 6 6",
    "half-as-many": "0 2 4 6",
    "frozen-first": "0 0 0 0 0 0 0 0",
    "frozen-middle": "4 4 4 4 4 4 4 4",
    "frozen-last": "7 7 7 7 7 7 7 7",
    "frozen-surest": "",
    "frozen-best": "",
    "shift-later": "0 0 1 2 3 4 5 6",
    "shift-sooner": "1 2 3 4 5 6 7 7",
    "pad-replicate": "0 1 2 3 4 5 6 7",
    "pad-circular": "0 1 2 3 4 5 6 7",
}
FIVE = {
    "halves-swapped": "3 4 0 1 2",
    "ends": "0 0 0 4 4",
    "every-second": "0 0 2 2 4",
    "half-as-many": "0 2 4",
    "frozen-middle": "2 2 2 2 2",
}


def test_frames_of_every_condition() -> None:
    assert {name: describe_frames(name, 8) for name in CONDITIONS} == EIGHT
    assert {name: describe_frames(name, 5) for name in FIVE} == FIVE


@pytest.mark.parametrize("frames", [2, 3, 8])
def test_a_shuffle_is_another_order_of_all_frames(frames: int) -> None:
    drawn = [shuffle_frames(frames, (0, n)).tolist() for n in range(40)]
    assert all(sorted(order) == list(range(frames)) for order in drawn)
    assert list(range(frames)) not in drawn
    assert len({tuple(order) for order in drawn}) == {2: 1, 3: 5, 8: 40}[frames]
    assert shuffle_frames(frames, (0, 7)).tolist() == drawn[7]


def test_of_a_long_clip_some_stills_are_tried() -> None:
    assert list_stills(3) == [0, 1, 2]
    assert list_stills(64) == [0, 9, 18, 27, 36, 45, 54, 63]
    assert len(order_frames("reversed", 64)) == 64
