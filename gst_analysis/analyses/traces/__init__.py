"""Figure 5: a checkpoint and clips -> traces, as result, figures and videos."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.traces.runs import TraceOptions, TraceRun
from gst_analysis.clips.names import name_files
from gst_analysis.errors import SpecError, name_some
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.analyses.traces.files import TraceFiles
    from gst_analysis.analyses.traces.look_back import TraceInfluence
    from gst_analysis.analyses.traces.runs import Clips
    from gst_analysis.analyses.traces.story import ClipStory, Moment
    from gst_analysis.analyses.traces.tabulate import TraceSummary, TraceTables
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.clips.records import ClipRecord

_SIDE = 240
"""Pixels of a thumbnail's longer side."""
_ROUNDING_S = 0.0025
"""Two frames whose times are rounded to milliseconds can lie so much farther apart than two others."""


@dataclass(frozen=True)
class Traces(Result[Any]):
    """Traces of clips: `.table` (FRAME_TRACES), `.clips`, `.changes`, `.influence`, `.plot()` and others.

    The drawings read the frames from the clips' own files again.
    """

    summary: TraceSummary

    clips: pd.DataFrame = field(repr=False)
    """TRACED_CLIPS: a row for each clip."""
    changes: pd.DataFrame = field(repr=False)
    """STATE_CHANGES: a row for each change."""
    influence: pd.DataFrame = field(repr=False)
    """TRACE_INFLUENCE: which frames each clip's logits are made of; without rows if that was left out."""
    records: Mapping[str, ClipRecord] = field(repr=False)
    """Where each clip lies."""
    traced: tuple[Mapping[str, Any], ...] = field(repr=False)
    """Each clip as plain values."""

    def story(self, clip: str | None = None) -> ClipStory:
        """What the drawings of one clip start from; the only one's if none is named."""
        from gst_analysis.analyses.traces.story import read_story

        name = self._name(clip)
        tables = (self.table, self.clips, self.changes, self.influence)
        story = read_story(*(table[table["clip"] == name] for table in tables))
        return dataclasses.replace(story, clip=self._titles[name])

    def plot(self, clip: str | None = None, *, dark: bool = False) -> Figure:
        """The strip of the paper."""
        from gst_analysis.analyses.traces.figure import SHOWN, draw_frame_traces
        from gst_analysis.analyses.traces.story import choose_moments

        story = self.story(clip)
        return draw_frame_traces(story, self._load_pictures(clip, choose_moments(story, SHOWN)), dark=dark)

    def plot_interactive(self, clip: str | None = None, *, top_k: int = 5, dark: bool = False) -> go.Figure:
        """The timeline of the most likely classes, in plotly."""
        from gst_analysis.analyses.traces.interactive import choose_pictures, draw_frame_traces_interactive

        story = self.story(clip)
        pictures = self._load_pictures(clip, choose_pictures(story))
        return draw_frame_traces_interactive(story, pictures, top_k=top_k, dark=dark)

    def save_video(self, path: str | os.PathLike[str], clip: str | None = None) -> str:
        """The clip with its running prediction below it, as .mp4 or .webm."""
        from gst_analysis.analyses.traces.film import save_annotated_video
        from gst_analysis.clips.pictures import iterate_frames, measure_rate

        record = self.records[self._name(clip)]
        frames = (
            (int(place), pixels)
            for block in iterate_frames(record)
            for place, pixels in zip(block.indices, block.pixels, strict=True)
        )
        story, times = self.story(clip), _read_times(record)
        uneven = None if times is None or _are_even(times) else times.tolist()
        return str(save_annotated_video(Path(path), frames, story, rate=measure_rate(record), times=uneven))

    def contract(self, files: TraceFiles | None = None) -> dict[str, Any]:
        """What `gst-analyze trace --json` prints."""
        (name,) = self.provenance.specs
        drawn = {} if files is None else files.clips
        clips = [{**clip, "files": drawn.get(clip["clip"], {})} for clip in self.traced]
        return {
            "checkpoint": {"name": name, "sha256": self.provenance.sources[name]},
            "mode": self.summary.mode,
            "influence": self.summary.influence,
            "clips": clips,
            "summary": self.summary,
            "failures": self.summary.failures | ({} if files is None else files.failures),
            "notes": self.summary.notes,
            "files": {} if files is None else files.tables,
        }

    @cached_property
    def _titles(self) -> dict[str, str]:
        return name_files(self.records)

    def _name(self, clip: str | None) -> str:
        if clip is None and len(self.records) == 1:
            return next(iter(self.records))
        if clip is None or clip not in self.records:
            raise SpecError(
                "clip",
                expected=f"one of {name_some(list(self.records))}",
                found=repr(clip)[:80],
                todo="name it as the table does",
            )
        return clip

    def _load_pictures(self, clip: str | None, moments: Sequence[Moment]) -> dict[int, Any]:
        from gst_analysis.clips.pictures import load_thumbnails

        places = sorted({moment.source_frame for moment in moments})
        thumbnails = load_thumbnails(self.records[self._name(clip)].path, places, side=_SIDE)
        return dict(zip(places, thumbnails, strict=True))


def trace(
    source: Source, clips: Clips, *, options: TraceOptions | None = None, progress: Progress | None = None
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
    parts, traces = [], []
    for traced, tables in run.stream(progress):
        parts.append(tables)
        traces.append(traced)
    run.require_some()
    frames, rows, changes = (
        pd.concat(tables, ignore_index=True)
        for tables in zip(*((p.frames, p.clips, p.changes) for p in parts), strict=True)
    )
    measured = run.look_back(traces, progress)
    return Traces(
        frames,
        run.summarise(measured),
        run.describe(),
        rows,
        changes,
        _join_influence(measured),
        {traced.clip: traced.record for traced in traces},
        _join_records(parts, measured),
    )


def _read_times(record: ClipRecord) -> npt.NDArray[np.float64] | None:
    """The second of every frame of a clip, its first at 0; None where its file says nothing of time."""
    from gst_analysis.clips.decoding import open_clip
    from gst_analysis.clips.spans import find_span

    with open_clip(record.path) as clip:
        span = find_span(record, clip)
        return None if clip.times is None else clip.times[span.start : span.stop] - clip.times[span.start]


def _are_even(times: npt.NDArray[np.float64]) -> bool:
    """Whether frames follow evenly, but for the rounding of containers that count milliseconds."""
    import numpy as np

    return bool(np.ptp(np.diff(times)) < _ROUNDING_S) if len(times) > 1 else True


def _join_influence(measured: Sequence[TraceInfluence]) -> pd.DataFrame:
    """One TRACE_INFLUENCE table of all clips."""
    import pandas as pd

    from gst_analysis.analyses.traces.table import TRACE_INFLUENCE
    from gst_analysis.tables.schema import check

    empty = pd.DataFrame(columns=list(TRACE_INFLUENCE.columns))
    tables = [one.table for one in measured]
    return check(pd.concat(tables, ignore_index=True) if tables else empty, TRACE_INFLUENCE)


def _join_records(
    parts: Sequence[TraceTables], measured: Sequence[TraceInfluence]
) -> tuple[Mapping[str, Any], ...]:
    """Each clip as plain values, with the matrix of what its logits are made of, row by row."""
    found = {one.clip: one for one in measured}
    records = []
    for record in (part.record for part in parts):
        one = found.get(record["clip"])
        more: dict[str, Any] = {"own_share": None, "influence": None}
        if one is not None:
            wide = one.table.pivot(index="output_frame", columns="input_frame", values="share")
            more = {"own_share": one.own_share, "influence": wide.to_numpy().tolist()}
        records.append({**record, **more})
    return tuple(records)
