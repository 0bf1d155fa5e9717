"""What a network says of clips, and how often it is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.terminal.output import print_pairs, show_files

if TYPE_CHECKING:
    from gst_analysis.workflows import ClipPredictions, ModelEvaluation


def show_predictions(result: ClipPredictions, files: Mapping[str, str]) -> None:
    """A row for each class told of each clip."""
    table = Table("clip", "rank", "class", "probability")
    for row in result.table.to_dict("records"):
        clip = escape(str(row["clip"])) if row["rank"] == 1 else ""
        table.add_row(clip, str(row["rank"]), escape(str(row["label"])), f"{row['probability']:.1%}")
    Console().print(table)
    _show_rest(result.summary.failures, result.summary.notes, files)


def show_evaluation(result: ModelEvaluation, files: Mapping[str, str]) -> None:
    """The shares, then every class that has clips."""
    summary = result.summary
    fields = {
        "clips": summary.clips, "top-1": f"{summary.top1:.1%}", "top-5": f"{summary.top5:.1%}",
        "mean over classes": f"{summary.mean_class_accuracy:.1%}",
        "classes with clips": f"{summary.classes_seen} of {summary.classes}",
    }  # fmt: skip
    print_pairs(result.logits.checkpoint, fields)
    table = Table("class", "clips", "right", "top-1")
    for row in result.table[result.table["clips"] > 0].to_dict("records"):
        numbers = (str(row["clips"]), str(row["correct"]), f"{row['accuracy']:.1%}")
        table.add_row(escape(str(row["label"])), *numbers)
    Console().print(table)
    _show_rest(summary.failures, summary.notes, files)


def _show_rest(failures: Mapping[str, str], notes: Sequence[str], files: Mapping[str, str]) -> None:
    for note in notes:
        print(f"note: {note}")
    for clip, reason in failures.items():
        print(f"not read: {clip}: {reason.removeprefix(f'{clip}: ')}")
    show_files(files)
