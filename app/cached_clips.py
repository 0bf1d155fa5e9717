"""Caches of clips, and of what networks say of them; bounded, and keyed by content as in app/cached.py."""

from __future__ import annotations

import dataclasses
import hashlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app.cached import DAY, hash_file, turn
from gst_analysis.analyses import influence, saliency
from gst_analysis.analyses.influence import FrameInfluence
from gst_analysis.analyses.saliency import SaliencyMaps
from gst_analysis.analyses.traces import Traces, single_clips
from gst_analysis.analyses.traces.single_clips import (
    PlantedClip,
    Windows,
    name_clip,
    open_named,
    planted_clips,
    trace_clip,
)
from gst_analysis.progress import Progress

if TYPE_CHECKING:
    import plotly.graph_objects as go


class Subject(NamedTuple):
    """A network and a clip: their content, and what figures call them. Everything else follows from it."""

    checkpoint: str
    checkpoint_name: str
    clip: str
    clip_name: str
    truth: str | None


class Files(NamedTuple):
    """Where a subject's files lie for this visitor."""

    checkpoint: Path
    clip: Path


class TraceMode(NamedTuple):
    """What a point of a trace is; windows and their steps in frames of the video, the network's if None."""

    mode: str
    window: int | None = None
    step: int | None = None


def hash_clip(path: Path) -> str:
    """The content of a video; of a folder of frames, the names, sizes and times of its files."""
    if path.is_file():
        return hash_file(path)
    entries = [(entry.name, entry.stat()) for entry in path.iterdir()]
    told = sorted((name, found.st_size, found.st_mtime_ns) for name, found in entries)
    return hashlib.sha256(repr(told).encode()).hexdigest()


@st.cache_data(max_entries=8, ttl=DAY, show_spinner=False)
def plant_clips(home: str, world: str) -> list[PlantedClip]:
    """A clip of every class of a planted world, rendered below `home` the first time."""
    return planted_clips(Path(home) / world, world)


def trace(subject: Subject, files: Files, way: TraceMode, *, progress: Progress | None = None) -> Traces:
    """What the network says over the clip; its drawings read this visitor's file."""
    found = _trace(subject, files, way, _progress=progress)
    records = {name: dataclasses.replace(record, path=files.clip) for name, record in found.records.items()}
    return dataclasses.replace(found, records=records)


@st.cache_data(max_entries=64, ttl=DAY, show_spinner=False)
def _trace(subject: Subject, _files: Files, way: TraceMode, *, _progress: Progress | None) -> Traces:
    with turn():
        model = open_named(_files.checkpoint, subject.checkpoint_name)
        clips = name_clip(model, _files.clip, subject.clip_name, truth=subject.truth)
        return trace_clip(model, clips, **way._asdict(), progress=_progress)


@st.cache_data(max_entries=128, ttl=DAY, show_spinner=False)
def find_windows(subject: Subject, _files: Files, way: TraceMode) -> Windows:
    """The windows that slide over the clip."""
    with turn():
        model = open_named(_files.checkpoint, subject.checkpoint_name)
        clips = name_clip(model, _files.clip, subject.clip_name)
        return single_clips.find_windows(model, clips, window=way.window, step=way.step)


@st.cache_data(max_entries=64, ttl=DAY, show_spinner=False)
def measure_influence(
    subject: Subject, _files: Files, *, class_id: int, _progress: Progress | None = None
) -> FrameInfluence:
    """Which input frames each frame's logit is made of."""
    with turn():
        model = open_named(_files.checkpoint, subject.checkpoint_name)
        clips = name_clip(model, _files.clip, subject.clip_name)
        return influence.frame_influence(model, clips, class_name=class_id, progress=_progress)


@st.cache_data(max_entries=32, ttl=DAY, show_spinner=False)
def map_saliency(subject: Subject, _files: Files, *, class_id: int) -> SaliencyMaps:
    """Where in the frames each group of channels finds evidence for a class."""
    with turn():
        model = open_named(_files.checkpoint, subject.checkpoint_name)
        clips = name_clip(model, _files.clip, subject.clip_name)
        return saliency.saliency_maps(model, clips[0], class_name=class_id)


@st.cache_data(max_entries=64, ttl=DAY, show_spinner=False)
def draw_timeline(subject: Subject, _traces: Traces, way: TraceMode, *, dark: bool) -> go.Figure:
    """Curves of the most likely classes above the frames, in plotly."""
    with turn():
        return _traces.plot_interactive(dark=dark)


@st.cache_data(max_entries=64, ttl=DAY, show_spinner=False)
def draw_matrix(subject: Subject, _influence: FrameInfluence, *, class_id: int, dark: bool) -> go.Figure:
    """The gradient's matrix alone, small enough to stand beside the player."""
    from gst_analysis.analyses.influence.interactive import draw_evidence_interactive

    return draw_evidence_interactive(_influence.table, dark=dark)


@st.cache_data(max_entries=16, ttl=DAY, show_spinner=False)
def film_trace(subject: Subject, _traces: Traces, way: TraceMode) -> bytes:
    """The clip as an MP4 that every browser plays, with its running prediction below it."""
    with turn(), tempfile.TemporaryDirectory(prefix="gst-analysis-film-") as folder:
        return Path(_traces.save_video(Path(folder) / "clip.mp4")).read_bytes()
