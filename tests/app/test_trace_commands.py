"""What the page of traces shows to be typed: it gives what the page gives."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from app import cached, cached_clips
from app.cached_clips import TraceMode
from app.clips import Clip
from app.downloads import make_file
from app.trace_commands import write_trace
from gst_analysis.analyses.traces.single_clips import planted_clips
from gst_analysis.cli import run
from tests.conftest import SaveSmall


def test_shown_commands_give_the_downloads_table(folder: Path, save_small: SaveSmall, clip: Path) -> None:
    checkpoint = save_small(file="net.pth")
    shown = Clip("clip.mp4", "clip.mp4", clip, "clip.mp4")
    lines = write_trace("net.pth", shown, TraceMode("frame"), class_id=3, predicted=False)
    trace, influence, saliency = (shlex.split(line)[1:] for line in lines.shell.splitlines())
    assert run([*trace, "--formats", "csv"]) == 0
    assert run([*influence, "--formats", "csv"]) == 0
    assert run([*saliency, "--formats", "csv"]) == 0
    subject = cached_clips.Subject(
        cached.hash_file(checkpoint), "net.pth", cached_clips.hash_clip(clip), "clip.mp4", None
    )
    files = cached_clips.Files(checkpoint, clip)
    made = {
        "trace/frame_traces.csv": cached_clips.trace(subject, files, TraceMode("frame")),
        "influence/influence.csv": cached_clips.measure_influence(subject, files, class_id=3),
        "saliency/saliency.csv": cached_clips.map_saliency(subject, files, class_id=3),
    }
    for name, result in made.items():
        assert make_file("csv", "x", result, lambda: None) == (folder / name).read_bytes()  # type: ignore[arg-type,return-value]


def test_shown_python_lines_run(folder: Path, save_small: SaveSmall, clip: Path) -> None:
    save_small(file="net.pth")
    shown = Clip("clip.mp4", "it's a clip", clip, "clip.mp4")
    scope: dict[str, Any] = {}
    exec(write_trace("net.pth", shown, TraceMode("prefix"), class_id=1, predicted=False).python, scope)
    assert set(scope["table"]["mode"]) == {"prefix"}
    assert scope["saliency"].summary.class_id == 1


def test_shown_commands_render_the_planted_clip_again(folder: Path) -> None:
    (planted, *_) = planted_clips(folder / "planted" / "static", "static")
    name = f"worlds/static/videos/{planted.path.name}"
    shown = Clip("planted:static/0", "x", planted.path, name, planted.label)
    first, *_ = write_trace(
        "net.pth", shown, TraceMode("frame"), class_id=0, predicted=True
    ).shell.splitlines()
    assert run(shlex.split(first)[1:]) == 0
    assert (folder / name).read_bytes() == planted.path.read_bytes()
