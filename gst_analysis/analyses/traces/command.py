"""`trace`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Family, Frames, Json, Out, Root, Subset
from gst_analysis.console.output import print_files, print_pairs
from gst_analysis.errors import one_line

if TYPE_CHECKING:
    from gst_analysis.analyses.traces import Traces
    from gst_analysis.analyses.traces.files import TracedFolder, TraceFiles
    from gst_analysis.analyses.traces.tabulate import TraceSummary

commands = typer.Typer()


@commands.command(
    epilog="Example: gst-analyze trace ckpt.pth clip.mp4 --mode prefix --formats png,mp4 --out trace"
)
def trace(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    clips: Annotated[
        list[str] | None,
        typer.Argument(metavar="CLIP...", help="Videos, folders of frames, folders of clips, globs."),
    ] = None,
    mode: Annotated[
        str, typer.Option(help="What a row is: frame, prefix, leave-one-out or window.")
    ] = "frame",
    dataset: Annotated[
        str | None,
        typer.Option(metavar="ROOT|FILE", help="Instead of clips: a labelled list, or a folder with one."),
    ] = None,
    root: Root = None,
    subset: Subset = None,
    limit: Annotated[int | None, typer.Option(help="Draw this many clips of the data set.")] = None,
    window: Annotated[int | None, typer.Option(help="Mode window: frames of the video in a window.")] = None,
    step: Annotated[int | None, typer.Option(help="Mode window: frames from one to the next.")] = None,
    margin: Annotated[
        float, typer.Option(help="Lead in probability that a new label must reach, 0 to 1.")
    ] = 0.5,
    hold: Annotated[int, typer.Option(help="Rows for which a new label must lead.")] = 2,
    top_k: Annotated[int, typer.Option("--top", help="Classes of each clip that the table keeps.")] = 5,
    influence: Annotated[
        bool,
        typer.Option(
            "--influence/--no-influence",
            help="Show beside each trace which frames its logits are made of. Takes a gradient for each "
            "frame: 3 to 14 times the network's own time; with --stream of 16 clips only.",
        ),
    ] = True,
    stream: Annotated[
        bool, typer.Option("--stream", help="For whole data sets: tables only, written in pieces.")
    ] = False,
    formats: Annotated[
        str, typer.Option("--formats", help="png, svg, pdf, html, mp4, webm; csv, parquet, json.")
    ] = "png,csv,parquet,json",
    family: Family = None,
    frames: Frames = None,
    batch: Annotated[int, typer.Option(help="Clips at once.")] = 8,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("trace"),
    json: Json = False,
) -> None:
    """Trace a prediction over the course of clips (Figure 5).

    Draws each clip's frames with the label and confidence that the network gives them, marks where the
    predicted state changes, and writes the table behind it. Exits with 1 if some clips could not be read.
    """
    from gst_analysis.analyses import traces
    from gst_analysis.analyses.traces.files import TRACE_FORMATS, save_traces, trace_to_folder
    from gst_analysis.analyses.traces.measure import TracePlan
    from gst_analysis.analyses.traces.runs import TraceOptions, choose_clips
    from gst_analysis.analyses.traces.state_changes import ChangeSettings
    from gst_analysis.checkpoints.sources import open_model
    from gst_analysis.clips.labelled import ClipChoice
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), TRACE_FORMATS)
    plan = TracePlan(mode, window, step, InferenceSettings(batch=batch, device=device))
    options = TraceOptions(plan, ChangeSettings(margin, hold), top_k, influence)
    records = choose_clips(clips or [], dataset, ClipChoice(root, limit=limit, subset=subset))
    model = open_model(checkpoint, family=family, num_frames=frames)
    with show_progress("tracing", len(records)) as progress:
        if stream:
            folder = trace_to_folder(model, records, out, kinds=kinds, options=options, progress=progress)
        else:
            result = traces.trace(model, records, options=options, progress=progress)
    if stream:
        print_json(folder.contract()) if json else show_traced_folder(folder)
        raise typer.Exit(1 if folder.summary.failures else 0)
    with show_progress("drawing", len(records)) as progress:
        files = save_traces(result, out, kinds, dark=dark, progress=progress)
    print_json(result.contract(files)) if json else show_traces(result, files)
    raise typer.Exit(1 if result.summary.failures or files.failures else 0)


_MOST_CLIPS, _MOST_ROWS = 12, 40


def show_traces(result: Traces, files: TraceFiles) -> None:
    """A table for each clip (of many, the first few), then the summary and the files."""
    for clip in result.traced[:_MOST_CLIPS]:
        _show_clip(clip)
    if len(result.traced) > _MOST_CLIPS:
        print(f"{len(result.traced) - _MOST_CLIPS} more clips are in the table")
    failures = result.summary.failures | files.failures
    _show_summary(result.summary, failures, sum(clip["truth"] is not None for clip in result.traced))
    drawn = {f"{clip} ({kind})": path for clip, part in files.clips.items() for kind, path in part.items()}
    print_files(files.tables | {_plain(name): path for name, path in drawn.items()})


def show_traced_folder(result: TracedFolder) -> None:
    """The summary and the files."""
    _show_summary(result.summary, result.summary.failures, None)
    print_files(result.files)


def _show_clip(clip: Mapping[str, Any]) -> None:
    video = clip["video"]
    title = f"{_plain(clip['clip'])}: {_plain(video['label'])} ({video['probability']:.0%})"
    if clip["truth"] is not None:
        title += f", truly {_plain(clip['truth'])}"
    table = Table("frame", "time", "label", "probability", title=escape(title))
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
    Console().print(table)
    if len(clip["frames"]) > _MOST_ROWS:
        print(f"{len(clip['frames']) - _MOST_ROWS} more rows are in the table")
    _show_changes(clip["change_points"])
    for note in clip["notes"]:
        print(f"note: {note}")


def _show_changes(changes: Sequence[Mapping[str, Any]]) -> None:
    for change in changes:
        when = f" ({change['seconds']:.2f} s)" if change["seconds"] == change["seconds"] else ""
        print(
            f"▶ frame {change['source_frame']}{when}: {_plain(change['from_label'])} → "
            f"{_plain(change['to_label'])}, {change['confidence']:.0%} sure"
        )


def _show_summary(summary: TraceSummary, failures: Mapping[str, str], known: int | None) -> None:
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
    if summary.influence is not None:
        fields["what logits are made of"] = summary.influence
    print_pairs("traces", fields)
    for note in summary.notes:
        print(f"note: {note}")
    for clip, reason in failures.items():
        told = _plain(reason).removeprefix(f"{_plain(clip)}: ")
        print(f"not traced: {_plain(clip)}: {told}")


def _plain(text: object) -> str:
    return one_line(str(text))
