"""What the matrix beside a trace costs: the benchmark's document, and bad input in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.trace_influence import main
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.networks.clip_specs import ClipSpec
from tests.clips.planted_clips import write_video
from tests.conftest import build_small


def test_the_document_and_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = build_small("gst-resnet26s")
    path = str(save_model(tmp_path / "net.pth", network, clip_spec=ClipSpec(frames=4, resize=32, crop=32)))
    write_video(tmp_path / "a.mp4", frames=8)
    assert main([path, str(tmp_path / "a.mp4"), "--modes", "frame,prefix", "--repeats", "1"]) == 0
    modes = json.loads(capsys.readouterr().out)["modes"]
    assert list(modes) == ["frame", "prefix"]
    for found in modes.values():
        assert found["ratio"] == pytest.approx(found["with_ms"] / found["without_ms"])
        assert found["ratio"] > 1
        assert "% of what moves" in found["influence"]
    assert main([path, str(tmp_path / "none.mp4")]) == 2
    assert "nothing there" in capsys.readouterr().err
