"""`trace`: the command, and what it prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gst_analysis.analyses import traces
from gst_analysis.analyses.traces import TracedFolder, TraceOptions, Traces
from gst_analysis.analyses.traces.table import ListOptions, TraceSummary
from gst_analysis.console.options import CheckpointFile, Json, takes_options
from gst_analysis.console.output import (
    build_table,
    conclude,
    escape,
    print_pairs,
    print_table,
    save_or_keep,
    show_progress,
)
from gst_analysis.documents import Part
from gst_analysis.errors import one_line
from gst_analysis.options import Files, files_of
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.clips import labelled
    from gst_analysis.clips.records import RecordList
else:
    labelled = Door("gst_analysis.clips.labelled")

commands = typer.Typer()

_OPTIONS = TraceOptions()
_LISTED = ListOptions()
_OUT = Path("trace")
_FILES = files_of(Traces, str(_OUT))
_MOST_CLIPS, _MOST_ROWS = 12, 40


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [Traces.describe_document()]


@commands.command(
    epilog="Example: gst-analyze trace ckpt.pth clip.mp4 --mode prefix --formats png,mp4 --out trace"
)
@takes_options
def trace(
    checkpoint: CheckpointFile,
    clips: Annotated[
        list[str] | None,
        typer.Argument(metavar="CLIP...", help="Videos, folders of frames, folders of clips, globs."),
    ] = None,
    options: TraceOptions = _OPTIONS,
    listed: ListOptions = _LISTED,
    stream: Annotated[
        bool, typer.Option("--stream", help="For whole data sets: tables only, written in pieces.")
    ] = False,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Trace a prediction over the course of clips (Figure 5).

    Draws each clip's frames with the label and confidence that the network gives them, marks where the
    predicted state changes, and writes the table behind it. Exits with 1 if some clips could not be read.
    """
    records, out = _choose(clips or [], listed), files.out or _OUT
    with show_progress("tracing", len(records)) as progress:
        if stream:
            folder = traces.trace_to_folder(
                checkpoint,
                records,
                out,
                kinds=files.formats,
                overwrite=files.overwrite,
                options=options,
                progress=progress,
            )
        else:
            result = traces.trace(checkpoint, records, options=options, progress=progress)
    if stream:
        conclude(folder, folder.files, json=json, show=print_traced_folder)
        return
    with show_progress("drawing", len(records)) as progress:
        save = partial(result.save, kinds=files.formats, dark=files.dark, overwrite=files.overwrite)
        written = save_or_keep(partial(save, progress=progress), out)
    conclude(result, written, json=json, show=print_traces)


def _choose(clips: Sequence[str], listed: ListOptions) -> RecordList:
    choice = labelled.ClipChoice(listed.root, limit=listed.limit, subset=listed.subset)
    return labelled.choose_clips(clips, listed.dataset, choice)


def print_traces(result: Traces) -> None:
    """A table for each clip (of many, the first few), then the summary."""
    for clip in result.traced[:_MOST_CLIPS]:
        _print_clip(clip)
    if len(result.traced) > _MOST_CLIPS:
        print(f"{len(result.traced) - _MOST_CLIPS} more clips are in the table")
    _print_summary(result.summary, sum(clip["truth"] is not None for clip in result.traced))


def print_traced_folder(result: TracedFolder) -> None:
    """The summary."""
    _print_summary(result.summary, None)


def _print_clip(clip: Mapping[str, Any]) -> None:
    video = clip["video"]
    title = f"{_plain(clip['clip'])}: {_plain(video['label'])} ({video['probability']:.0%})"
    if clip["truth"] is not None:
        title += f", truly {_plain(clip['truth'])}"
    table = build_table("frame", "time", "label", "probability", title=escape(title))
    lost = "loss" in clip["frames"][0]
    if lost:
        table.add_column("lost without it")
    starts = {change["frame"]: change for change in clip["change_points"]}
    for frame in clip["frames"][:_MOST_ROWS]:
        mark = "▶ " if frame["frame"] in starts else ""
        known = frame["seconds"] == frame["seconds"]
        cells = [
            str(frame["source_frame"]),
            f"{frame['seconds']:.2f} s" if known else "",
            mark + escape(_plain(frame["label"])),
            f"{frame['probability']:.1%}",
        ]
        table.add_row(*cells, *([f"{frame['loss']:+.1%}"] if lost else []))
    print_table(table)
    if len(clip["frames"]) > _MOST_ROWS:
        print(f"{len(clip['frames']) - _MOST_ROWS} more rows are in the table")
    _print_changes(clip["change_points"])
    for note in clip["notes"]:
        print(f"note: {note}")


def _print_changes(changes: Sequence[Mapping[str, Any]]) -> None:
    for change in changes:
        when = f" ({change['seconds']:.2f} s)" if change["seconds"] == change["seconds"] else ""
        print(
            f"▶ frame {change['source_frame']}{when}: {_plain(change['from_label'])} → "
            f"{_plain(change['to_label'])}, {change['confidence']:.0%} sure"
        )


def _print_summary(summary: TraceSummary, known: int | None) -> None:
    fields: dict[str, object] = {
        "mode": summary.mode,
        "clips": f"{summary.clips:,}",
        "rows": f"{summary.frames:,}",
        "clips whose predicted label changes": f"{summary.changed_clips:,} ({summary.changed_share:.1%})",
        "changes of the label": f"{summary.changes:,}",
        "steps in the curves": f"{summary.curve_changes:,}",
    }
    if summary.right_clips is not None:
        of = "" if known is None else f" of {known:,}"
        fields["clips predicted right"] = f"{summary.right_clips:,}{of}"
    if summary.changes and summary.clips > 1:
        fields["changes in each tenth of a clip"] = " ".join(map(str, summary.when))
        fields["most frequent"] = "\n".join(
            f"{pair.changes} × {_plain(pair.from_label)} → {_plain(pair.to_label)}"
            for pair in summary.pairs[:5]
        )
    if summary.explanation:
        fields["what logits are made of"] = summary.explanation
    print_pairs("traces", fields)


def _plain(text: object) -> str:
    return one_line(str(text))
