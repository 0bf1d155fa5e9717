"""How well changes of state are found: a checkpoint over a state-change world, whose every change is known.

    python -m benchmarks.state_changes CKPT WORLD [--split validation] [--modes frame,prefix] [--json FILE]

A clip of the world shows class A (tearing a little) until its frame tau and class B (tearing in two) from
then on, or A to its end. So the change that is to be found leads to the clip's own class, at the first
sampled frame that shows it. Prints one JSON document: for every mode, and for changes of the label and steps
of the curve, recall and precision within `--tolerance` sampled frames, the mean absolute error of the frame,
and the share of clips without a change in which one was found.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

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
from gst_analysis.checkpoints.loading import LoadedModel, load_model
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import DataError, GstError
from gst_analysis.files import to_json, write_whole
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.planted.making import World, WorldClip, read_world


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
) -> dict[str, Any]:
    """Scores of both detectors over clips that were traced."""
    truths = [find_truth(clip, trace) for clip, trace in traced]
    right = [int(trace.video.argmax()) == clip.class_id for clip, trace in traced]
    scores: dict[str, Any] = {"clips": len(traced), "accuracy": sum(right) / len(right)}
    for name in DETECTORS:
        found = [_find(trace, settings)[name] for _, trace in traced]
        scores[name] = score_changes(found, truths, tolerance=tolerance)
    return scores


def _find(trace: ClipTrace, settings: ChangeSettings) -> dict[str, tuple[Change, ...]]:
    return find_changes(trace.mode, trace.probabilities, settings, verdict=int(trace.video.argmax()))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.state_changes", description=__doc__.splitlines()[0]
    )
    parser.add_argument("checkpoint", metavar="CKPT")
    parser.add_argument("world", metavar="WORLD", help="a folder made by gst-analyze synth")
    parser.add_argument("--split", choices=("train", "validation", "all"), default="validation")
    parser.add_argument("--modes", default="frame,prefix", help="default: %(default)s")
    parser.add_argument("--tolerance", type=int, default=1, help="sampled frames; default: %(default)s")
    for name in ("margin", "hold", "step"):
        value = getattr(ChangeSettings(), name)
        parser.add_argument(f"--{name}", type=type(value), default=value, help="default: %(default)s")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the document to FILE")
    asked = parser.parse_args(arguments)
    try:
        document = to_json(measure(asked))
    except GstError as error:
        print(f"benchmarks.state_changes: {error}", file=sys.stderr)
        return 2
    sys.stdout.write(document)
    if asked.json is not None:
        write_whole(asked.json, lambda file: file.write(document.encode()))
    return 0


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """All modes over the world."""
    changes = ChangeSettings(asked.margin, asked.hold, asked.step)
    plans = [
        TracePlan(mode, settings=InferenceSettings(device=asked.device)) for mode in asked.modes.split(",")
    ]
    model, world = load_model(asked.checkpoint), read_world(asked.world)
    clips = list_clips(world, asked.split)
    modes = {
        plan.mode: summarise_mode(measure_mode(model, world, clips, plan), changes, asked.tolerance)
        for plan in plans
    }
    return {
        "checkpoint": model.checkpoint.name,
        "sha256": model.sha256,
        "world": world.config,
        "split": asked.split,
        "settings": changes,
        "modes": modes,
    }


if __name__ == "__main__":
    raise SystemExit(main())
