"""Caches of clips, and of what networks say of them; bounded, and keyed by content as in app/cached.py."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from app.cached import CheckpointPath, hash_file, turn
from app.cached_network import copy_of
from app.cached_results import kept
from gst_analysis.analyses import find_analysis, traces
from gst_analysis.analyses.traces import TraceOptions, Traces, single_clips
from gst_analysis.analyses.traces.single_clips import (
    PlantedClip,
    Windows,
    name_clip,
    open_named,
    planted_clips,
)
from gst_analysis.checkpoints.naming import OwnCode
from gst_analysis.progress import Progress, no_progress
from gst_analysis.results import Result
from gst_analysis.results import hash_clip as hash_content
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from gst_analysis.analyses.saliency import SaliencyMaps
    from gst_analysis.analyses.saliency import figure as saliency_figure
    from gst_analysis.analyses.saliency import page as saliency_page
    from gst_analysis.analyses.traces import interactive as timelines
else:
    saliency_figure = Door("gst_analysis.analyses.saliency.figure")
    saliency_page = Door("gst_analysis.analyses.saliency.page")
    timelines = Door("gst_analysis.analyses.traces.interactive")

Found = TypeVar("Found", bound=Result[Any])


class TracedPair(NamedTuple):
    """A network and a clip: their content, and what figures call them. Everything else follows from it."""

    checkpoint: str
    checkpoint_name: str
    clip: str
    clip_name: str
    truth: str | None


class PairFiles(NamedTuple):
    """Where a pair's files lie for this visitor."""

    checkpoint: CheckpointPath
    clip: Path


def name_files(pair: TracedPair, files: PairFiles) -> dict[str, str]:
    """What the visitor knows the files as, by their paths."""
    return {str(files.checkpoint): pair.checkpoint_name, str(files.clip): pair.clip_name}


def _open(pair: TracedPair, files: PairFiles) -> Any:
    found = files.checkpoint
    return copy_of(found) if isinstance(found, OwnCode) else open_named(found, pair.checkpoint_name)


def hash_clip(path: Path) -> str:
    """The content of a video; of a folder of frames, the names, sizes and times of its files."""
    if path.is_file():
        return hash_file(path)
    entries = [(entry.name, entry.stat()) for entry in path.iterdir()]
    told = sorted((name, found.st_size, found.st_mtime_ns) for name, found in entries)
    return hashlib.sha256(repr(told).encode()).hexdigest()


@kept
def plant_clips(home: str, world: str) -> list[PlantedClip]:
    """A clip of every class of a planted world, rendered below `home` the first time."""
    return planted_clips(Path(home) / world, world)


def trace(
    pair: TracedPair, files: PairFiles, options: TraceOptions, *, progress: Progress | None = None
) -> Traces:
    """What the network says over the clip; its drawings read this visitor's file."""
    found = _trace(pair, files, options, _progress=progress)
    records = {name: dataclasses.replace(record, path=files.clip) for name, record in found.records.items()}
    return dataclasses.replace(found, records=records)


@kept
def _trace(
    pair: TracedPair, _files: PairFiles, options: TraceOptions, *, _progress: Progress | None
) -> Traces:
    with turn():
        model = _open(pair, _files)
        clips = name_clip(model, _files.clip, pair.clip_name, truth=pair.truth)
        return _settle(traces.trace(model, clips, options=options, progress=_progress), pair, _files)


def _settle(found: Found, pair: TracedPair, files: PairFiles) -> Found:
    """A result that says what its clip holds: the name that it goes by may be another file's here."""
    origin = found.provenance.with_clip_hashes({pair.clip_name: hash_content(files.clip)})
    return dataclasses.replace(found, provenance=origin)


@kept
def find_windows(pair: TracedPair, _files: PairFiles, options: TraceOptions) -> Windows:
    """The windows that slide over the clip."""
    with turn():
        model = _open(pair, _files)
        clips = name_clip(model, _files.clip, pair.clip_name)
        return single_clips.find_windows(model, clips, window=options.window, step=options.step)


@kept
def measure_evidence(
    room: str, pair: TracedPair, _files: PairFiles, *, class_id: int, _progress: Progress = no_progress
) -> Any:
    """What one of the analyses beside a trace finds in the clip for one class."""
    with turn():
        about = find_analysis(room)
        model = _open(pair, _files)
        clips = name_clip(model, _files.clip, pair.clip_name)
        given = clips[0] if about.needs == "clip" else clips
        found = about.run(model, given, options=about.options(class_name=class_id), progress=_progress)
        return _settle(found, pair, _files)


@kept
def draw_timeline(
    pair: TracedPair,
    _traces: Traces,
    options: TraceOptions,
    *,
    dark: bool,
    still: bool = False,
    _still: Traces | None = None,
) -> go.Figure:
    """Curves of the most likely classes above the frames, in plotly.

    With `still` the class that the clip is taken for is drawn for frames that stand still, too.
    """
    with turn():
        figure = _traces.plot_interactive(dark=dark)
        if _still is not None:
            timelines.add_still_curve(figure, _traces.story(), _still.story(), dark=dark)
        return figure


@kept
def draw_saliency(pair: TracedPair, _maps: SaliencyMaps, class_id: int, *, alt: str, dark: bool) -> str:
    """Overlays of every frame as HTML."""
    with turn():
        return saliency_page.draw_saliency_page(saliency_figure.lay_out_result(_maps), alt=alt, dark=dark)


@kept
def film_trace(pair: TracedPair, _traces: Traces, options: TraceOptions) -> bytes:
    """The clip as an MP4 that every browser plays, with its running prediction below it."""
    with turn(), tempfile.TemporaryDirectory(prefix="gst-analysis-film-") as folder:
        return Path(_traces.save_video(Path(folder) / "clip.mp4")).read_bytes()
