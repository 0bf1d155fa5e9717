"""What every command prints with: JSON, progress bars, pairs, the files that were written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from gst_analysis.results import to_json

if TYPE_CHECKING:
    from gst_analysis.checkpoints.sources import Progress as Report


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(to_json(value))


@contextmanager
def show_progress(title: str, total: int) -> Iterator[Report]:
    """A bar on stderr for as long as the block runs; nothing when stderr is not a terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[current]}"),
    )
    with open_bar(*columns) as bar:
        task = bar.add_task(title, total=total, current="")
        yield lambda done, of, name: bar.update(task, completed=done, total=of, current=escape(name))


@contextmanager
def open_bar(*columns: ProgressColumn) -> Iterator[Progress]:
    """A bar on stderr that leaves nothing behind; where stderr is no terminal it is never started.

    A bar that is merely disabled ends with an empty line in older versions of Rich.
    """
    console = Console(stderr=True)
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    if not console.is_terminal:
        yield bar
        return
    with bar:
        yield bar


def show_files(files: Mapping[str, str]) -> None:
    """Where the results were written."""
    for kind, path in files.items():
        print(f"{kind}: {path}")


def print_pairs(title: str, pairs: Mapping[str, object]) -> None:
    """Two columns: what, and which."""
    table = Table(title=escape(title), show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in pairs.items():
        table.add_row(name, escape(str(value)))
    Console().print(table)


def show_number(value: float) -> str:
    """Three decimals; a dash for what is not defined."""
    return f"{value:.3f}" if value == value else "–"


def show_p_value(value: float) -> str:
    """Three decimals; small ones as being small."""
    return "–" if value != value else "<.001" if value < 0.001 else f"{value:.3f}"
