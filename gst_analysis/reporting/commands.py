"""The command that makes one section of a report alone.

Files are named without their folders, and clips as they lie beside their annotations, so that a page is the
same wherever they lie.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.clips.labelled import spread_records

if TYPE_CHECKING:
    from gst_analysis.checkpoints.loading import Checkpoint
    from gst_analysis.reporting.clips import ReportClips

KEPT_MACS = 0.8
"""The share of the multiply-adds that a report's smaller network keeps."""
USUAL_BATCH = 8


def write_weight_commands(checkpoint: Checkpoint) -> dict[str, str]:
    """By section, those that need the checkpoint alone."""
    file, clip = checkpoint.path.name, checkpoint.clip_spec
    return {
        "checkpoint": _join("inspect", file),
        "scales": _join("bn-hist", file),
        "importance": _join("importance", file),
        "drift": _join("drift", file),
        "cost": _join("cost", file, "--frames", clip.frames, "--size", clip.crop),
        "slimming": _join("slim", file, "--macs", KEPT_MACS),
    }


def write_clip_commands(clips: ReportClips, interventions: tuple[str, ...]) -> dict[str, str]:
    """By section, those that need labelled clips as well."""
    file, plan = clips.model.checkpoint.path.name, clips.plan
    limit = () if plan.choice.limit is None else ("--limit", plan.choice.limit)
    dataset = (file, *_name_dataset(clips))
    changed = ("--interventions", ",".join(interventions), "--measure", "loss_rise")
    return {
        "accuracy": _join("evaluate", *dataset, *limit),
        "ablation": _join("ablate", *dataset, *_name_few(clips, plan.ablation_clips), *changed),
        "slimming": _join("slim", *dataset, *_name_few(clips, plan.slimming_clips), "--macs", KEPT_MACS),
        **({} if _are_cut(clips) else _write_single(clips)),
    }


def _write_single(clips: ReportClips) -> dict[str, str]:
    """Of sections about clips by name."""
    file, plan = clips.model.checkpoint.path.name, clips.plan
    saliency = [_join("saliency", file, clip) for clip in _name_clips(clips, plan.saliency_clips)]
    return {
        "traces": _join("trace", file, *_name_clips(clips, plan.traces)),
        "influence": _join("influence", file, *_name_clips(clips, plan.influence_clips)),
        "saliency": "\n".join(saliency),
    }


def _are_cut(clips: ReportClips) -> bool:
    """Whether clips are parts of longer videos, which no command takes by name."""
    return any(record.start_frame is not None or record.start_s is not None for record in clips.records)


def write_report_command(checkpoint: Checkpoint, clips: ReportClips | None, without: tuple[str, ...]) -> str:
    """The page's own."""
    left = ("--without", ",".join(without)) if without else ()
    if clips is None:
        return _join("report", checkpoint.path.name, *left)
    plan = clips.plan
    counts = {
        "--limit": (plan.choice.limit, None),
        "--seed": (plan.choice.seed, 0),
        "--ablation-clips": (plan.ablation_clips, 40),
        "--slimming-clips": (plan.slimming_clips, 40),
        "--traces": (plan.traces, 3),
        "--influence-clips": (plan.influence_clips, 8),
        "--saliency-clips": (plan.saliency_clips, 2),
        "--batch": (clips.settings.batch, USUAL_BATCH),
    }
    asked = [word for name, (now, usual) in counts.items() if now != usual for word in (name, now)]
    return _join("report", checkpoint.path.name, *_name_dataset(clips), *asked, *left)


def _join(*words: object) -> str:
    return shlex.join(["gst-analyze", *map(str, words)])


def _name_dataset(clips: ReportClips) -> tuple[str, ...]:
    """The annotation file, its clips' folder, format and subset, as far as they were given."""
    choice = clips.plan.choice
    root = ("--root", Path(choice.root).name) if choice.root is not None else ()
    kind = ("--format", choice.format) if choice.format is not None else ()
    part = ("--subset", choice.subset) if choice.subset is not None else ()
    return (_annotations(clips).name, *root, *kind, *part)


def _name_few(clips: ReportClips, count: int) -> tuple[object, ...]:
    choice = clips.plan.choice
    seed = ("--seed", choice.seed) if choice.seed else ()
    batch = ("--batch", clips.settings.batch) if clips.settings.batch != USUAL_BATCH else ()
    return ("--clips", min(count, choice.limit or count), *seed, *batch)


def _name_clips(clips: ReportClips, count: int) -> list[str]:
    """Clips spread over all, by their places beside the annotations."""
    folder = _annotations(clips).absolute().parent
    paths = [record.path.absolute() for record in spread_records(clips.records, count)]
    return [
        path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name for path in paths
    ]


def _annotations(clips: ReportClips) -> Path:
    return Path(next(iter(clips.records.sources or {}), "annotations"))
