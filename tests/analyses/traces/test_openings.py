"""One command opens each clip once: to trace it, to say what its rows are made of, and to draw it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.clips import decoding, video_files
from gst_analysis.clips.packets import scan_packets
from gst_analysis.networks.clip_specs import ClipSpec
from tests.clips.planted_clips import write_video
from tests.conftest import build_small

FRAMES = 4


@pytest.fixture
def ckpt(tmp_path: Path) -> Path:
    spec = ClipSpec(frames=FRAMES, resize=32, crop=32)
    return save_model(tmp_path / "net.pth", build_small("gst-resnet26s"), clip_spec=spec)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a clip is opened, its packets are read, and its file is opened to read it."""
    seen: Counter[str] = Counter()

    def count(name: str, once: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **more: Any) -> Any:
            seen[name] += "w" not in given
            return once(*given, **more)

        return call

    monkeypatch.setattr(decoding, "_open_video", count("clip", decoding._open_video))
    monkeypatch.setattr(video_files, "scan_packets", count("index", scan_packets))
    monkeypatch.setattr(av, "open", count("file", av.open))
    return seen


@pytest.mark.parametrize("mode", ["frame", "prefix", "leave-one-out", "window"])
def test_a_clip_is_opened_once_a_command(ckpt: Path, tmp_path: Path, counts: Counter[str], mode: str) -> None:
    names = "ab" if mode == "frame" else "a"  # what follows the trace of a clip is the same in every mode
    clips = [str(write_video(tmp_path / f"{name}.mp4", frames=24)) for name in names]
    counts.clear()
    words = ["trace", str(ckpt), *clips, "--mode", mode, "--device", "cpu", "--out", str(tmp_path / mode)]
    assert run([*words, "--formats", "png,html,mp4,csv,json"]) == 0
    assert (counts["clip"], counts["index"]) == (len(clips), len(clips))


@pytest.mark.parametrize("mode", ["frame", "prefix", "leave-one-out"])
def test_sampled_frames_are_decoded_once(ckpt: Path, tmp_path: Path, counts: Counter[str], mode: str) -> None:
    """The file itself is opened twice: for its index and for its frames."""
    clip = str(write_video(tmp_path / "a.mp4", frames=24))
    counts.clear()
    words = ["trace", str(ckpt), clip, "--mode", mode, "--device", "cpu", "--out", str(tmp_path / "o")]
    assert run([*words, "--formats", "png,html,csv,json"]) == 0
    assert counts["file"] == 2
