"""What does a network say over the course of a clip, and where does its mind change?

Figure 5 of the paper: the logits of every frame before they are averaged, or the prediction from the frames
up to each, without each, or of a window around it; where the predicted state changes; and, beside each
trace, which frames its logits are made of.

It cannot tell what a single frame shows: a frame's logits may draw on every frame of the clip, later ones
too. Prefix mode alone sees nothing of what is to come. Nor can it tell a change that was followed through
time from one that was recognised in a picture: mode still, each frame standing still, is the control.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.analyses.traces.result import TracedFolder, Traces
from gst_analysis.analyses.traces.table import TraceOptions
from gst_analysis.files import TABLE_FORMATS
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.traces import clip_trace, folders, runs
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips import labelled
    from gst_analysis.clips.records import AnyPath, RecordList
else:
    clip_trace = Door(f"{__name__}.clip_trace")
    folders = Door(f"{__name__}.folders")
    runs = Door(f"{__name__}.runs")
    sources = Door("gst_analysis.checkpoints.sources")
    labelled = Door("gst_analysis.clips.labelled")

__all__ = ["ABOUT", "TraceOptions", "TracedFolder", "Traces", "trace", "trace_to_folder"]


@keyword_options(TraceOptions)
def trace(
    source: sources.Source,
    clips: AnyPath | Sequence[AnyPath] | RecordList,
    *,
    options: TraceOptions,
    progress: Progress | None = None,
) -> Traces:
    """Trace what a network says over the course of clips (Figure 5).

    Args:
        source: a checkpoint's path, or what load_model returned.
        clips: video files, frame folders, folders of either, globs; or records, such as choose_clips gives.
        options: mode, windows, what counts as a change; its fields may be given as keywords.
        progress: called after every clip, and then after every step of what its logits are made of.

    Raises:
        DataError: a name that stands for no clip, labels that are not the checkpoint's, or not one clip
            that could be read.
        SpecError: options that make no sense, or a network of one frame, unless windows slide over the video.

    Example:
        >>> import gst_analysis as gst
        >>> gst.trace("ckpt.pth", "clip.mp4", mode="prefix").plot()  # doctest: +SKIP
    """
    return runs.measure_traces(_start(source, clips, options), progress=progress)


@keyword_options(TraceOptions)
def trace_to_folder(
    source: sources.Source,
    clips: AnyPath | Sequence[AnyPath] | RecordList,
    folder: str | os.PathLike[str],
    *,
    kinds: Sequence[str] = TABLE_FORMATS,
    overwrite: bool = False,
    options: TraceOptions,
    progress: Progress | None = None,
) -> TracedFolder:
    """Trace a whole data set: tables are written piece by piece, and memory stays flat.

    Clips are not drawn. Which frames logits are made of is measured of a few clips, and their mean written as
    table and, in png, svg and pdf, as one figure.

    Args:
        source: a checkpoint's path, or what load_model returned.
        clips: video files, frame folders, folders of either, globs; or records.
        folder: where the tables go.
        kinds: csv, parquet and json (the summary), and formats of the one figure.
        overwrite: also replace the results of other inputs, and any file that has one of the names.
        options: those of `trace`.
        progress: called after every clip.

    Raises:
        DataError: as `trace` does.
        SpecError: also, kinds of which none is a table.
        OutputError: the folder cannot be written, or something there would be replaced.
    """
    run = _start(source, clips, options, keep_frames=False)
    return folders.write_traces(run, Path(folder), kinds, overwrite=overwrite, progress=progress)


def _start(
    source: sources.Source,
    clips: AnyPath | Sequence[AnyPath] | RecordList,
    options: TraceOptions,
    *,
    keep_frames: bool = True,
) -> runs.TraceRun:
    """Refuse what cannot be traced before the first clip is opened."""
    plan = clip_trace.TracePlan.of(options)
    records = labelled.open_clips(clips)
    model = sources.open_model(source, options=options)
    return runs.TraceRun.start(model, records, plan, keep_frames=keep_frames)


ABOUT = About(
    room=__name__,
    title="Traces",
    command="trace",
    needs="clips",
    run=trace,
    options=TraceOptions,
    page="traces",
    asks=("logits",),
)
