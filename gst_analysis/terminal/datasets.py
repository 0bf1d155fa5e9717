"""Planted worlds, and what is wrong with data sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.terminal.output import print_pairs, show_files

if TYPE_CHECKING:
    from gst_analysis.workflows import DatasetCheck, MadeWorld


def show_world(made: MadeWorld) -> None:
    """What was rendered, and where."""
    fields = {
        "world": made.world, "clips": made.clips, "for training": made.train,
        "for validation": made.validation, "classes": "\n".join(made.labels),
    }  # fmt: skip
    print_pairs(made.folder, fields)


def show_dataset_check(result: DatasetCheck, files: Mapping[str, str]) -> None:
    """How many clips are sound, then every problem."""
    for note in result.notes:
        print(f"note: {note}")
    if len(result.table):
        table = Table("clip", "problem", "detail")
        for row in result.table.to_dict("records"):
            table.add_row(*(escape(str(row[name])) for name in ("clip", "problem", "detail")))
        Console().print(table)
    summary = result.summary
    print(f"{summary.sound} of {summary.clips} clips are sound")
    show_files(files)
