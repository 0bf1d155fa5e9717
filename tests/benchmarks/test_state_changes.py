"""The benchmark of state changes over a small world: one JSON document, and truths that are the world's."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.state_changes import find_truth, list_clips, main
from gst_analysis.analyses.traces.clip_trace import ClipTrace
from gst_analysis.checkpoints.loading import save_model
from gst_analysis.clips.records import ClipRecord
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ClipSpec, ModelSpec
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
    assert set(record["modes"]) == {"frame", "prefix"}
    for scores in record["modes"].values():
        assert scores["clips"] == 8
        for detector in ("label", "curve"):
            assert scores[detector]["with_change"] + scores[detector]["without_change"] == 8


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
