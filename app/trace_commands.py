"""The command line and the Python lines of the page of traces."""

from __future__ import annotations

import shlex

from app.cached_clips import TraceMode
from app.clips import Clip
from app.commands import Lines
from gst_analysis.analyses.traces.single_clips import PLANTED_SEED, PLANTED_WORLDS


def write_trace(checkpoint: str, clip: Clip, way: TraceMode, *, class_id: int, predicted: bool) -> Lines:
    """Trace, influence and saliency of one clip; of a planted one, first how to render it."""
    which = [] if predicted else ["--class", str(class_id)]
    sizes = [("--window", way.window), ("--step", way.step)]
    asked = [word for name, frames in sizes if frames is not None for word in (name, str(frames))]
    commands = [
        ["gst-analyze", "trace", checkpoint, clip.shown, "--mode", way.mode, *asked, "--out", "trace"],
        ["gst-analyze", "influence", checkpoint, clip.shown, *which, "--out", "influence"],
        ["gst-analyze", "saliency", checkpoint, clip.shown, *which, "--out", "saliency"],
    ]
    world = clip.shown.split("/")[1] if clip.truth is not None else ""
    if world in PLANTED_WORLDS:
        # The first clips of a world are the same however many there are; 24 are enough for both lists.
        told = ["--world", world, "--clips", "24", "--seed", str(PLANTED_SEED), "--difficulty", "easy"]
        commands.insert(0, ["gst-analyze", "synth", f"worlds/{world}", *told])
    return Lines("\n".join(map(shlex.join, commands)), _write_python(checkpoint, clip, way, which))


def _write_python(checkpoint: str, clip: Clip, way: TraceMode, which: list[str]) -> str:
    chosen = f", class_name={which[1]}" if which else ""
    lines = [
        "import gst_analysis as gst",
        "from gst_analysis import name_clip, trace_clip",
        "",
        f"model = gst.load_model({checkpoint!r})",
        f"clips = name_clip(model, {clip.shown!r}, {clip.name!r}, truth={clip.truth!r})",
        f"traces = trace_clip(model, clips, {_write_way(way)})",
        "strip, table = traces.plot(), traces.table",
        f"influence = gst.frame_influence(model, clips{chosen})",
        f"saliency = gst.saliency_maps(model, clips[0]{chosen})",
    ]
    return "\n".join(lines)


def _write_way(way: TraceMode) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in way._asdict().items() if value is not None)
