"""Figure 5: a checkpoint and clips -> traces, as result, figures and videos."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.errors import SpecError, name_some
from gst_analysis.results import Result
from gst_analysis.workflows.sources import Progress
from gst_analysis.workflows.trace_runs import TraceOptions, TraceRun

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.analysis.trace_tables import TraceSummary
    from gst_analysis.data.records import ClipRecord
    from gst_analysis.figures.clip_stories import ClipStory
    from gst_analysis.workflows.sources import Source
    from gst_analysis.workflows.trace_files import TraceFiles
    from gst_analysis.workflows.trace_runs import Clips

_SIDE = 240
"""Pixels of a thumbnail's longer side."""


@dataclass(frozen=True)
class Traces(Result[Any]):
    """Traces of clips: `.table` (FRAME_TRACES), `.clips`, `.changes`, `.plot()`, `.plot_interactive()`.

    The drawings read the frames from the clips' own files again.
    """

    summary: TraceSummary

    clips: pd.DataFrame = field(repr=False)
    """TRACED_CLIPS: a row for each clip."""
    changes: pd.DataFrame = field(repr=False)
    """STATE_CHANGES: a row for each change."""
    records: Mapping[str, ClipRecord] = field(repr=False)
    """Where each clip lies."""
    traced: tuple[Mapping[str, Any], ...] = field(repr=False)
    """Each clip as plain values."""

    def story(self, clip: str | None = None) -> ClipStory:
        """What the drawings of one clip start from; the only one's if none is named."""
        from gst_analysis.figures.clip_stories import read_story

        name = self._name(clip)
        return read_story(*(t[t["clip"] == name] for t in (self.table, self.clips, self.changes)))

    def plot(self, clip: str | None = None, *, dark: bool = False) -> Figure:
        """The strip of the paper."""
        from gst_analysis.figures.frame_traces import draw_frame_traces

        return draw_frame_traces(self.story(clip), self._load_pictures(clip), dark=dark)

    def plot_interactive(self, clip: str | None = None, *, top_k: int = 5, dark: bool = False) -> go.Figure:
        """The timeline of the most likely classes, in plotly."""
        from gst_analysis.figures.interactive_frame_traces import draw_frame_traces_interactive

        pictures = self._load_pictures(clip)
        return draw_frame_traces_interactive(self.story(clip), pictures, top_k=top_k, dark=dark)

    def save_video(self, path: str | os.PathLike[str], clip: str | None = None) -> str:
        """The clip with its running prediction below it, as .mp4 or .webm."""
        from gst_analysis.data.pictures import iterate_frames, measure_rate
        from gst_analysis.figures.annotated_video import save_annotated_video

        record = self.records[self._name(clip)]
        frames = (
            (int(place), pixels)
            for block in iterate_frames(record)
            for place, pixels in zip(block.indices, block.pixels, strict=True)
        )
        return str(save_annotated_video(Path(path), frames, self.story(clip), rate=measure_rate(record)))

    def contract(self, files: TraceFiles | None = None) -> dict[str, Any]:
        """What `gst-analyze trace --json` prints."""
        (name,) = self.provenance.specs
        drawn = {} if files is None else files.clips
        clips = [{**clip, "files": drawn.get(clip["clip"], {})} for clip in self.traced]
        return {
            "checkpoint": {"name": name, "sha256": self.provenance.sources[name]},
            "mode": self.summary.mode, "clips": clips, "summary": self.summary,
            "failures": self.summary.failures | ({} if files is None else files.failures),
            "notes": self.summary.notes, "files": {} if files is None else files.tables,
        }  # fmt: skip

    def _name(self, clip: str | None) -> str:
        if clip is None and len(self.records) == 1:
            return next(iter(self.records))
        if clip is None or clip not in self.records:
            raise SpecError(
                "clip", expected=f"one of {name_some(list(self.records))}", found=repr(clip)[:80],
                todo="name it as the table does",
            )  # fmt: skip
        return clip

    def _load_pictures(self, clip: str | None) -> dict[int, Any]:
        from gst_analysis.data.pictures import load_thumbnails
        from gst_analysis.figures.clip_stories import choose_moments
        from gst_analysis.figures.frame_traces import SHOWN

        places = sorted({moment.source_frame for moment in choose_moments(self.story(clip), SHOWN)})
        thumbnails = load_thumbnails(self.records[self._name(clip)].path, places, side=_SIDE)
        return dict(zip(places, thumbnails, strict=True))


def trace(
    source: Source,
    clips: Clips,
    *,
    options: TraceOptions | None = None,
    progress: Progress | None = None,
) -> Traces:
    """What a network says over the course of clips (Figure 5).

    Args:
        source: the path of a checkpoint, or what `load_model` returned.
        clips: video files, frame folders, folders of either, globs; or records, such as choose_clips gives.
        options: mode, windows, device, what counts as a change.
        progress: called after every clip.

    Raises:
        DataError: a name that stands for no clip, labels that are not the checkpoint's, or not one clip
            that could be read.

    Example:
        >>> import gst_analysis as gst
        >>> gst.trace("ckpt.pth", "clip.mp4").plot()  # doctest: +SKIP
    """
    import pandas as pd

    run = TraceRun.start(source, clips, options)
    parts, records = [], {}
    for traced, tables in run.stream(progress):
        parts.append(tables)
        records[traced.clip] = traced.record
    run.require_some()
    frames, rows, changes = (
        pd.concat(tables, ignore_index=True)
        for tables in zip(*((p.frames, p.clips, p.changes) for p in parts), strict=True)
    )
    summary, provenance = run.tally.summarise(), run.describe()
    return Traces(frames, summary, provenance, rows, changes, records, tuple(p.record for p in parts))
