"""Traces of clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.errors import one_line
from gst_analysis.terminal.output import print_pairs, show_files

if TYPE_CHECKING:
    from gst_analysis.analysis.trace_tables import TraceSummary
    from gst_analysis.workflows import TracedFolder, TraceFiles, Traces

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
    show_files(files.tables | {_plain(name): path for name, path in drawn.items()})


def show_traced_folder(result: TracedFolder) -> None:
    """The summary and the files."""
    _show_summary(result.summary, result.summary.failures, None)
    show_files(result.files)


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
            str(frame["source_frame"]), f"{frame['seconds']:.2f} s" if known else "",
            mark + escape(_plain(frame["label"])), f"{frame['probability']:.1%}",
        ]  # fmt: skip
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
        "mode": summary.mode, "clips": f"{summary.clips:,}", "rows": f"{summary.frames:,}",
        "clips whose predicted label changes": f"{summary.changed_clips:,} ({summary.changed_share:.1%})",
        "changes of the label": f"{summary.changes:,}",
        "steps in the curves": f"{summary.curve_changes:,}",
    }  # fmt: skip
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
