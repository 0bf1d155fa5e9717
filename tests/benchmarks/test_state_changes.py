"""The benchmark of state changes over a small world: one JSON document, and truths that are the world's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks.state_changes import compare_with_control, find_truth, guess_constantly, list_clips, main
from gst_analysis.analyses.traces.clip_trace import ClipTrace
from gst_analysis.analyses.traces.state_changes import TrueChange
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import ClipRecord
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.making import WorldConfig, make_world, read_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds") / "w"
    config = WorldConfig("state-change", clips=16, train_fraction=0.5, size=32, frames=16)
    return make_world(folder, config, workers=1).folder


def save_network(path: Path) -> str:
    network = build_model(ModelSpec.from_name("gst-resnet26s", width=8, num_classes=8)).eval()
    return str(save_model(path, network, clip_spec=ClipSpec(frames=8, resize=32, crop=32)))


def test_it_prints_one_document(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [save_network(tmp_path / "net.pth"), str(world), "--device", "cpu"]
    assert main([*arguments, "--json", str(tmp_path / "r.json")]) == 0
    printed = capsys.readouterr().out
    assert (tmp_path / "r.json").read_text() == printed
    record = json.loads(printed)
    assert set(record["modes"]) == {"frame", "prefix", "still"}
    for mode, scores in record["modes"].items():
        assert scores["clips"] == 8
        for detector in ("label", "curve"):
            found = scores[detector]
            assert found["with_change"] + found["without_change"] == 8
            low, high = found["intervals"]["recall"]
            assert low <= found["recall"] <= high
            assert ("minus_still" in found) == (mode != "still")


def test_the_best_constant_guess_by_hand() -> None:
    """Changes at rows 2, 3, 3, 7 and never: row 2 finds three of four within a row, and makes one up."""
    truths = [TrueChange(row, label) for row, label in ((2, 0), (3, 1), (3, 0), (7, 1), (None, 1))]
    guess = guess_constantly(truths, 8, 1)
    assert (guess["row"], guess["recall"], guess["precision"]) == (2, 0.75, 0.6)
    assert guess["mean_abs_error_frames"] == (0 + 1 + 1 + 5) / 4
    assert guess["false_change_share"] == 1


def test_still_frames_are_compared_on_the_clips_that_both_traced() -> None:
    hits = {
        "frame": dict.fromkeys(("label", "curve"), pd.Series({"a": 1.0, "b": 1.0, "c": 0.0, "d": 1.0})),
        "still": dict.fromkeys(("label", "curve"), pd.Series({"b": 0.0, "a": 1.0, "c": 0.0})),
    }
    modes: dict[str, dict[str, Any]] = {mode: {"label": {}, "curve": {}} for mode in hits}
    compare_with_control(modes, hits)
    assert modes["frame"]["label"]["minus_still"].value == pytest.approx(1 / 3)
    assert modes["still"] == {"label": {}, "curve": {}}


def test_the_truth_is_the_first_sampled_frame_that_shows_the_change(world: Path) -> None:
    clips = list_clips(read_world(world), "all")
    sampled = np.arange(1, 16, 2)
    logits = np.zeros((8, 8), dtype=np.float32)
    for clip in clips:
        path = Path("x")
        trace = ClipTrace(
            "n", "c", "frame", ClipRecord("c", path), None, (), logits, logits[0], sampled, sampled / 12
        )
        truth = find_truth(clip, trace)
        assert truth.to_id == clip.class_id
        if clip.tau is None:
            assert truth.row is None
        else:
            assert truth.row == sum(frame < clip.tau for frame in sampled.tolist())


def test_another_world_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_world(tmp_path / "w", WorldConfig("static", clips=24, size=32, frames=8), workers=1).folder
    assert main([save_network(tmp_path / "net.pth"), str(folder), "--device", "cpu"]) == 2
    assert "expected a state-change world; found a static one" in capsys.readouterr().err
