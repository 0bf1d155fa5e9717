"""How well changes of state are found: a checkpoint over a state-change world, whose every change is known.

    python -m benchmarks.state_changes CKPT WORLD [--split validation] [--modes frame,still] [--json FILE]

A clip of the world shows class A (tearing a little) until its frame tau and class B (tearing in two) from
then on, or A to its end. So the change that is to be found leads to the clip's own class, at the first
sampled frame that shows it. Prints one JSON document: for every mode, and for changes of the label and steps
of the curve, recall and precision within `--tolerance` sampled frames, the mean absolute error of the frame,
and the share of clips without a change in which one was found, with 95% intervals.

Two controls stand beside them. Mode still shows each frame alone, as often as there are frames: no time is
in it, so what it finds is recognised in pictures (`minus_still`: how much more a mode finds on the same
clips). And `constant_guess` is told every clip's class and says that all change at one row, the best one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.documents import tell
from gst_analysis.analyses.traces.clip_trace import ClipTrace, TracePlan
from gst_analysis.analyses.traces.measure import trace_clips
from gst_analysis.analyses.traces.state_changes import (
    DETECTORS,
    Change,
    ChangeSettings,
    TrueChange,
    find_changes,
    score_changes,
)
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import DataError, GstError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.planted.making import World, WorldClip, read_world
from gst_analysis.probes.shares import summarise_share_differences, summarise_shares

CONTROL = "still"
Scored = dict[str, dict[str, Any]]


def list_clips(world: World, split: str) -> list[WorldClip]:
    """The clips of a split, or all."""
    if world.config.world != "state-change":
        raise DataError(
            str(world.folder),
            expected="a state-change world",
            found=f"a {world.config.world} one",
            todo="make one with gst-analyze synth DIR --world state-change",
        )
    return [clip for clip in world.clips if split in ("all", clip.split)]


def find_truth(clip: WorldClip, trace: ClipTrace) -> TrueChange:
    """The first sampled frame that shows the change; None where it comes after the last one, or never."""
    shown: Sequence[int] | np.ndarray = (
        [] if clip.tau is None else np.flatnonzero(trace.source_frames >= clip.tau)
    )
    return TrueChange(int(shown[0]) if len(shown) else None, clip.class_id)


def measure_mode(
    model: LoadedModel, world: World, clips: Sequence[WorldClip], plan: TracePlan
) -> list[tuple[WorldClip, ClipTrace]]:
    """Every clip with its trace."""
    records = RecordList(
        tuple(ClipRecord(clip.id, world.path(clip), clip.class_id) for clip in clips), world.labels
    )
    traces = [t for chunk in trace_clips(model, records, plan) for t in chunk.traces]
    return [(clip, trace) for clip, trace in zip(clips, traces, strict=True) if isinstance(trace, ClipTrace)]


def summarise_mode(
    traced: Sequence[tuple[WorldClip, ClipTrace]], settings: ChangeSettings, tolerance: int
) -> tuple[dict[str, Any], dict[str, pd.Series]]:
    """Scores of both detectors over clips that were traced, and which changes each of them found."""
    truths = [find_truth(clip, trace) for clip, trace in traced]
    right = [int(trace.video.argmax()) == clip.class_id for clip, trace in traced]
    scores: dict[str, Any] = {"clips": len(traced), "accuracy": sum(right) / len(right)}
    hits = {}
    for name in DETECTORS:
        found = [_find(trace, settings)[name] for _, trace in traced]
        scores[name] = score_with_intervals(found, truths, tolerance)
        hits[name] = _list_hits([clip.id for clip, _ in traced], found, truths, tolerance)
    return scores, hits


def score_with_intervals(
    found: Sequence[Sequence[Change]], truths: Sequence[TrueChange], tolerance: int
) -> dict[str, Any]:
    """Scores, and the ends of the intervals of those that are shares of clips."""
    scores = score_changes(found, truths, tolerance=tolerance)
    shares = (
        ("recall", scores.recall, scores.with_change),
        ("false_change_share", scores.false_change_share, scores.without_change),
    )
    ends = {}
    for name, share, clips in shares:
        if share is not None:
            (interval,) = summarise_shares((np.arange(clips)[None] < round(share * clips)).astype(float))
            ends[name] = [interval.low, interval.high]
    return {**vars(scores), "intervals": ends}


def _list_hits(
    clips: Sequence[str], found: Sequence[Sequence[Change]], truths: Sequence[TrueChange], tolerance: int
) -> pd.Series:
    """By clip, whether its change was found; only clips that have one."""
    recalls = {
        clip: score_changes([changes], [truth], tolerance=tolerance).recall
        for clip, changes, truth in zip(clips, found, truths, strict=True)
    }
    return pd.Series({clip: recall for clip, recall in recalls.items() if recall is not None}, dtype=float)


def compare_with_control(modes: dict[str, dict[str, Any]], hits: dict[str, dict[str, pd.Series]]) -> None:
    """Add to every mode how much more it finds than still frames do, on the same clips."""
    for mode in modes.keys() - {CONTROL}:
        for name in DETECTORS:
            own, control = hits[mode][name].align(hits[CONTROL][name], join="inner")
            (more,) = summarise_share_differences(own.to_numpy()[None], control.to_numpy()[None])
            modes[mode][name]["minus_still"] = more


def guess_constantly(truths: Sequence[TrueChange], rows: int, tolerance: int) -> dict[str, Any]:
    """The best of all guesses that say of every clip that it changes, to its own class, at the same row."""
    guesses = [
        score_with_intervals([[Change(row, -1, truth.to_id, 1.0)] for truth in truths], truths, tolerance)
        for row in range(rows)
    ]
    best = max(range(rows), key=lambda row: guesses[row]["recall"] or 0.0)
    return {"row": best, **guesses[best]}


def _find(trace: ClipTrace, settings: ChangeSettings) -> dict[str, tuple[Change, ...]]:
    return find_changes(trace.mode, trace.probabilities, settings, verdict=int(trace.video.argmax()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.state_changes", description=__doc__.splitlines()[0]
    )
    parser.add_argument("checkpoint", metavar="CKPT")
    parser.add_argument("world", metavar="WORLD", help="a folder made by gst-analyze synth")
    parser.add_argument("--split", choices=("train", "validation", "all"), default="validation")
    parser.add_argument("--modes", default="frame,prefix,still", help="default: %(default)s")
    parser.add_argument("--tolerance", type=int, default=1, help="sampled frames; default: %(default)s")
    for name in ("margin", "hold", "step"):
        value = getattr(ChangeSettings(), name)
        parser.add_argument(f"--{name}", type=type(value), default=value, help="default: %(default)s")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the document to FILE")
    asked = parser.parse_args(arguments)
    try:
        record = measure(asked)
    except GstError as error:
        print(f"benchmarks.state_changes: {error}", file=sys.stderr)
        return 2
    tell(record, asked.json)
    return 0


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """All modes over the world."""
    changes = ChangeSettings(asked.margin, asked.hold, asked.step)
    plans = [
        TracePlan(mode, settings=InferenceSettings(device=asked.device)) for mode in asked.modes.split(",")
    ]
    model, world = load_model(asked.checkpoint), read_world(asked.world)
    clips = list_clips(world, asked.split)
    modes: Scored = {}
    hits = {}
    for plan in plans:
        traced = measure_mode(model, world, clips, plan)
        modes[plan.mode], hits[plan.mode] = summarise_mode(traced, changes, asked.tolerance)
    if CONTROL in modes:
        compare_with_control(modes, hits)
    truths = [find_truth(clip, trace) for clip, trace in traced]
    return {
        "checkpoint": model.checkpoint.name,
        "sha256": model.sha256,
        "world": world.config,
        "split": asked.split,
        "settings": changes,
        "modes": modes,
        "constant_guess": guess_constantly(truths, model.clip_spec.frames, asked.tolerance),
    }


if __name__ == "__main__":
    raise SystemExit(main())
