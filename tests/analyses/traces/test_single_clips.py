"""One clip under a name of one's own, and the planted clips to try a network on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gst_analysis.analyses import traces as traces_room
from gst_analysis.analyses.traces.single_clips import (
    PLANTED_SEED,
    PLANTED_WORLDS,
    match_world,
    name_clip,
    open_named,
    planted_clips,
    trace_clip,
)
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.finding import name_files
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import DataError, OutputError, SpecError
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.making import read_world, render_clip
from gst_analysis.planted.worlds import classes_of
from gst_analysis.training import list_recipes
from tests.conftest import SaveSmall


def test_every_class_of_a_world_has_its_clip_and_its_truth(tmp_path: Path) -> None:
    clips = planted_clips(tmp_path / "world", "state-change")
    assert [clip.label for clip in clips] == [planted.label for planted in classes_of("state-change")]
    truth = {f"{clip.id}.mp4": clip for clip in read_world(tmp_path / "world").clips}
    config = read_world(tmp_path / "world").config
    for clip in clips:
        told = truth[clip.path.name]
        assert clip.label == told.label
        assert (clip.changes_s is not None) == told.completes
        if told.tau is not None:
            assert clip.changes_s == told.tau / config.fps
    assert render_clip(config, 0).frames.shape[0] == config.frames


def test_clips_are_rendered_once(tmp_path: Path) -> None:
    first = planted_clips(tmp_path / "world", "static")
    before = {clip.path: clip.path.stat().st_mtime_ns for clip in first}
    assert planted_clips(tmp_path / "world", "static") == first
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_they_are_new_to_whoever_trained_by_a_packaged_recipe() -> None:
    from gst_analysis.training.recipes import load_config

    seeds = {load_config(name).world.seed for name in list_recipes() if load_config(name).world}  # type: ignore[union-attr] # asked for in the same line
    assert PLANTED_SEED not in seeds


def test_another_world_and_a_folder_with_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="world"):
        planted_clips(tmp_path / "world", "nowhere")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()
    with pytest.raises((DataError, OutputError)):
        planted_clips(tmp_path / "taken", "static")


@pytest.mark.parametrize("world", PLANTED_WORLDS)
def test_a_world_is_known_by_its_classes_in_any_order(world: str) -> None:
    labels = [planted.label for planted in classes_of(world)]
    assert match_world(labels[::-1]) == world
    assert match_world(labels[1:]) is None
    assert match_world(()) is None


def test_networks_and_clips_go_by_the_names_they_are_given(tmp_path: Path) -> None:
    labels = tuple(planted.label for planted in classes_of("static"))
    spec = ModelSpec.from_name("gst-resnet26s", width=8, num_classes=len(labels), num_frames=4)
    save_model(tmp_path / "0a1b.pth", build_model(spec), labels=labels)
    (clip, *_) = planted_clips(tmp_path / "world", "static")
    model = open_named(tmp_path / "0a1b.pth", "mine.pth")
    records = name_clip(model, clip.path, "my clip", truth=clip.label)
    traces = trace_clip(model, records)
    assert set(traces.table["checkpoint"]) == {"mine"}
    assert set(traces.table["clip"]) == {"my clip"}
    assert traces.clips["true_label"].tolist() == [clip.label]
    plain = traces_room.trace(tmp_path / "0a1b.pth", clip.path).table
    # Where the true class is known it is in the table too, however unlikely.
    ours, theirs = (table.set_index(["frame", "class_id"])["logit"] for table in (traces.table, plain))
    assert ours.loc[theirs.index].tolist() == theirs.tolist()


def test_a_truth_that_the_network_does_not_know_is_left_out(save_small: SaveSmall, tmp_path: Path) -> None:
    (clip, *_) = planted_clips(tmp_path / "world", "static")
    records = name_clip(load_model(save_small()), clip.path, "it", truth=clip.label)
    assert (records[0].label, records[0].label_text, records.class_names) == (None, None, ())


def test_several_clips_are_not_one(save_small: SaveSmall, tmp_path: Path) -> None:
    planted_clips(tmp_path / "world", "static")
    with pytest.raises(DataError, match="expected one clip; found 12"):
        name_clip(load_model(save_small()), tmp_path / "world" / "videos", "it")


def test_a_title_is_one_line_whatever_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a b\nc\x07.mp4"
    assert list(name_files({str(path): ClipRecord(str(path), path)}).values()) == ["a b c.mp4"]
