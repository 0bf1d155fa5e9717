"""One clip under a name of one's own, and planted clips to try a network on."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.traces import Traces, trace
from gst_analysis.analyses.traces.table import BARE
from gst_analysis.errors import DataError
from gst_analysis.progress import Progress
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses.traces import windows
    from gst_analysis.checkpoints import sources
    from gst_analysis.checkpoints.loaded import LoadedModel
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.clips import decoding, finding, records
    from gst_analysis.clips.records import RecordList
    from gst_analysis.planted import making, worlds
else:
    windows = Door("gst_analysis.analyses.traces.windows")
    sources = Door("gst_analysis.checkpoints.sources")
    decoding = Door("gst_analysis.clips.decoding")
    finding = Door("gst_analysis.clips.finding")
    records = Door("gst_analysis.clips.records")
    making = Door("gst_analysis.planted.making")
    worlds = Door("gst_analysis.planted.worlds")

PLANTED_WORLDS: Mapping[str, str] = {
    "state-change": "State changes",
    "temporal": "Order in time",
    "mixed": "Shape and motion",
    "static": "Appearance",
    "there-and-back": "There and back",
    "long-order": "Long orders",
    "clock": "Orders without a clock",
    "speed": "Speed",
    "count": "How often",
    "hidden": "What is hidden",
    "hard": "Hard: shape and two steps",
}
"""Names of the planted worlds, and what people call them."""
CLIP_ENDINGS = ("mp4", "webm", "mov", "avi", "mkv", "m4v", "mpg", "mpeg", "gif")
"""Kinds of video that may be uploaded."""
PLANTED_SEED = 2024
"""None of the packaged recipes' seeds: these clips are new to the networks that were trained by them."""


@dataclass(frozen=True)
class PlantedClip:
    """A rendered clip and what is known of it."""

    path: Path
    label: str
    changes_s: float | None
    """When its change of state completes; None where it never does."""


def planted_clips(folder: str | os.PathLike[str], world: str) -> list[PlantedClip]:
    """A clip of every class of a planted world, rendered into the folder unless it holds them already.

    Raises:
        SpecError: a world that there is not.
        OutputError: a folder that holds something else, or cannot be written.
    """
    config = plan_clips(world)
    config = dataclasses.replace(config, clips=len(config.classes))
    where = Path(folder)
    made = making.read_world(where) if where.exists() else making.make_world(where, config, workers=1)
    clips = sorted(made.clips, key=lambda clip: clip.label)
    return [
        PlantedClip(
            where / "videos" / f"{clip.id}.mp4",
            clip.label,
            None if clip.tau is None else clip.tau / made.config.fps,
        )
        for clip in clips
    ]


def plan_clips(world: str) -> worlds.WorldConfig:
    """What `planted_clips` renders the first clips of.

    Raises:
        SpecError: a world that there is not.
    """
    kind: Any = world  # the config refuses other words
    config = worlds.WorldConfig(kind, train_fraction=0, seed=PLANTED_SEED, difficulty="easy")
    return dataclasses.replace(config, frames=worlds.usual_frames(kind))


def match_world(labels: Sequence[str]) -> str | None:
    """The planted world whose classes these are, in any order; None if they are no world's."""
    matches = (world for world in worlds.WORLDS if {c.label for c in worlds.classes_of(world)} == set(labels))
    return next(matches, None)


def open_named(source: Source, name: str) -> LoadedModel:
    """Load a network whose file is to be called something else in tables and figures, as an upload is."""
    model = sources.open_model(source)
    return dataclasses.replace(model, checkpoint=dataclasses.replace(model.checkpoint, path=Path(name)))


def name_clip(
    model: LoadedModel, path: str | os.PathLike[str], name: str, *, truth: str | None = None
) -> RecordList:
    """A video or frame folder as a list of one, called by a name; labelled where the network has the class.

    Raises:
        DataError: a path that stands for no clip, for several, or for one that cannot be opened.
    """
    place, labels = check_clip(path, name), tuple(model.labels or ())
    if truth is None or truth not in labels:
        return records.RecordList((records.ClipRecord(name, place),))
    clip = records.ClipRecord(name, place, labels.index(truth), truth)
    return records.RecordList((clip,), labels)


def check_clip(path: str | os.PathLike[str], name: str) -> Path:
    """The one clip that a path stands for, which can be opened.

    Raises:
        DataError: it stands for none, for several, or for one that cannot be opened.
    """
    found = finding.find_clips(path)
    if len(found) != 1:
        raise DataError(name, expected="one clip", found=f"{len(found)}", todo="name one of them")
    with decoding.open_clip(found[0].path):  # said here, in a sentence about nothing else
        return Path(found[0].path)


@dataclass(frozen=True)
class Windows:
    """How windows slide over a clip: how many, and how long and how far apart in frames of the video."""

    count: int
    length: int
    step: int | None
    """None where there is one window."""


def find_windows(
    source: sources.Source, clips: RecordList, *, window: int | None = None, step: int | None = None
) -> Windows:
    """The windows that mode window reads of a clip; one where it is no longer than a window.

    Args:
        source: a checkpoint's path, or what load_model returned.
        clips: the first is looked at.
        window: frames of the video in a window; the network's own if None.
        step: frames from one to the next; an eighth of the window if None.

    Raises:
        DataError: a clip that cannot be opened.
    """
    spec = sources.open_model(source).clip_spec
    bounds = windows.find_bounds(windows.plan_windows(clips[0], spec, window=window, step=step))
    (start, stop), *others = bounds
    return Windows(len(bounds), stop - start, others[0][0] - start if others else None)


def trace_clip(
    source: sources.Source,
    clips: RecordList,
    *,
    mode: str = "frame",
    window: int | None = None,
    step: int | None = None,
    progress: Progress | None = None,
) -> Traces:
    """The trace of clips in one of the modes of `trace`, without what it is made of."""
    options = dataclasses.replace(BARE, mode=mode, window=window, step=step)
    return trace(source, clips, options=options, progress=progress)
