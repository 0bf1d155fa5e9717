"""Views of the worlds of stories: which frames they show, and what the page says was learnt of them."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.world_lessons import Learnt
from benchmarks.world_views import (
    BAG,
    ENDS,
    FIRST,
    MOST,
    SECOND,
    TARGET,
    cut_world,
    format_views,
    is_beyond,
    list_places,
    list_runs,
)
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.planted.making import WorldConfig, make_world


def decode(path: Path) -> np.ndarray:
    with av.open(str(path)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


@pytest.mark.parametrize(
    ("view", "places"), [(BAG, list(range(8))), (ENDS, [0, 7]), (FIRST, [0, 1, 2, 3]), (SECOND, [4, 5, 6, 7])]
)
def test_a_cut_clip_shows_the_frames_of_its_view_and_nothing_else(
    view: str, places: list[int], tmp_path: Path
) -> None:
    whole = tmp_path / "whole"
    world = make_world(whole, WorldConfig("count", clips=6, frames=8, size=32, train_fraction=0.0))
    assert list_places(view, 8) == places
    cut = cut_world(whole, tmp_path / "cut", view)
    for clip in world.clips:
        file = f"videos/{clip.id}.mp4"
        np.testing.assert_array_equal(decode(cut / file), decode(whole / file)[places])
    labels = [[record.label for record in load_labelled_clips(folder).records] for folder in (whole, cut)]
    assert labels[0] == labels[1]


def test_what_is_beyond_what_a_view_is_said_to_tell() -> None:
    assert not is_beyond(Learnt(150, 400), 1 / 3), "37.5% of 400 is luck in more than one of 1,000"
    assert is_beyond(Learnt(164, 400), 1 / 3)


def test_runs_come_view_by_view_so_that_a_table_that_is_broken_off_has_all_worlds() -> None:
    runs = [
        (lesson.world, view, seed) for lesson, view, seed in list_runs(["count", "speed"], [BAG, ENDS], 2)
    ]
    assert runs[:3] == [("count", BAG, 0), ("speed", BAG, 0), ("count", ENDS, 0)]
    assert len(runs) == 8
    assert runs[4] == ("count", BAG, 1)


def test_the_page_shows_what_was_learnt_of_views() -> None:
    runs = json.loads(TARGET.read_text(encoding="utf-8"))["runs"]
    assert format_views(runs) in Path("docs/planted-worlds.md").read_text(encoding="utf-8")
    assert all(run["most"] == MOST[run["world"]].get(run["view"]) for run in runs)
