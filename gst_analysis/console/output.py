"""What every command prints with: JSON, progress bars, pairs, the files that were written."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, TypeVar

import typer

from gst_analysis.console.loudness import ProgressLines, is_quiet, show_held
from gst_analysis.console.streams import find_beneath, mark_refusals
from gst_analysis.console.waiting import show_wait
from gst_analysis.documents import name_schema
from gst_analysis.errors import MOST_CHARACTERS, legible, one_line, shorten
from gst_analysis.files import Occupied, to_plain
from gst_analysis.options import Files
from gst_analysis.plain import spell_json
from gst_analysis.processes import is_leader
from gst_analysis.progress import Progress as Report
from gst_analysis.results import Result
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from rich import console, markup
    from rich import progress as bars

    from gst_analysis.console import tables
else:  # neither help nor JSON needs Rich, which is slow to import
    bars = Door("rich.progress")
    console = Door("rich.console")
    markup = Door("rich.markup")
    tables = Door("gst_analysis.console.tables")

AnyResult = TypeVar("AnyResult", bound=Result[Any])
AnyOutcome = TypeVar("AnyOutcome", bound="Outcome")

WIDEST = 1000
"""Columns of a line that no terminal cuts."""


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.writelines(spell_json(value))


def print_document(name: str, told: Any) -> None:
    """A document that is no result's, by its name: which schema describes it, and what it tells."""
    print_json({"schema": name_schema(name), **to_plain(told)})


@contextmanager
def show_progress(title: str, total: int = 0) -> Iterator[Report]:
    """A bar on stderr for as long as the block runs; a line now and then where stderr is no terminal."""
    if not may_draw(sys.stderr):  # Rich, which takes a while to import, would draw nothing
        lines = ProgressLines()
        yield lambda done, total, label: lines.tell(title, done, total)
        return
    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.MofNCompleteColumn(),
        bars.TimeRemainingColumn(),
        bars.TextColumn("{task.fields[current]}"),
    )
    with open_bar(*columns) as bar:
        task, lines = bar.add_task(title, total=total, current=""), ProgressLines()

        def report(done: int, total: int, label: str) -> None:
            if bar.disable:
                lines.tell(title, done, total)
                return
            if done:
                show_held()
            bar.update(task, completed=done, total=total, current=escape(shorten(one_line(label))))

        yield report


def may_draw(stream: TextIO) -> bool:
    """Whether a bar can be drawn there: on a terminal, or where Rich is told to take it for one."""
    told = any(name in os.environ for name in ("FORCE_COLOR", "TTY_COMPATIBLE"))
    return not is_quiet() and (told or find_beneath(stream).isatty())


def finish(result: AnyResult, files: Files, *, json: bool, show: Callable[[AnyResult], object]) -> None:
    """Save a result, then print it: as one document, or as text with notes, failures and files below.

    Of several processes that share the work one alone writes and prints.

    Args:
        result: what an analysis returned.
        files: where it is written, and as what.
        json: print the document.
        show: prints the text.

    Raises:
        Exit: with 1, if something could not be looked at.
    """
    save = partial(result.save, kinds=files.formats, dark=files.dark, overwrite=files.overwrite)
    with show_wait("drawing and writing"):
        written = save_or_keep(save, files.out) if is_leader() and files.out else {}
    conclude(result, written, json=json, show=show)


def save_or_keep(save: Callable[[Path], dict[str, str]], folder: Path) -> dict[str, str]:
    """Write into a folder; where something is in the way that could not be foreseen, into a new one in it.

    The work has been done by then, and may have taken hours.

    Args:
        save: writes into the folder it is given; returns the files.
        folder: where to.

    Raises:
        Occupied: something was in the way; it says where the files are now.
    """
    try:
        return save(folder)
    except Occupied as error:
        new = next(place for n in count(1) if not os.path.lexists(place := folder / f"new-{n}"))
        save(new)
        told = f"this time everything is in {legible(new)}"
        raise Occupied(
            error.subject, expected=error.expected, found=error.found, todo=f"{error.todo}; {told}"
        ) from error


class Outcome(Protocol):
    """What a command has come to: a result, or what was written of one."""

    @property
    def notes(self) -> Iterable[str]: ...

    @property
    def failures(self) -> Mapping[str, str]: ...

    def describe_failures(self) -> list[str]: ...

    def to_document(self, files: Mapping[str, str] | None = None) -> dict[str, Any]: ...


def conclude(
    outcome: AnyOutcome, written: Mapping[str, str], *, json: bool, show: Callable[[AnyOutcome], object]
) -> None:
    """Print what was saved before: as one document, or as text with notes, failures and files below.

    Raises:
        Exit: with 1, if something could not be looked at.
    """
    if is_leader():
        if json:
            print_json(outcome.to_document(written))
        else:
            show(outcome)
            print_remarks(outcome)
            print_files(written)
    if outcome.failures:
        raise typer.Exit(1)


def print_remarks(result: Outcome) -> None:
    """Notes, and what could not be looked at and why, a line each; of a quiet command no notes."""
    for note in () if is_quiet() else result.notes:
        print(f"note: {one_line(note)}")
    for line in result.describe_failures():
        print(shorten(one_line(line), MOST_CHARACTERS))


@contextmanager
def open_bar(*columns: bars.ProgressColumn) -> Iterator[bars.Progress]:
    """A bar on stderr that leaves nothing behind; where stderr is no terminal it is never started.

    A bar that is merely disabled ends with an empty line in older versions of Rich.
    """
    screen = _open_screen(find_beneath(sys.stderr))
    silent = is_quiet() or not screen.is_terminal
    bar = bars.Progress(*columns, console=screen, transient=True, disable=silent)
    if silent:
        yield bar
        return
    with bar:
        yield bar


def find_width() -> int:
    """Columns of the terminal that stdout is; 0 where it is none, and nothing is cut."""
    file = find_beneath(sys.stdout)
    return shutil.get_terminal_size().columns if file.isatty() or "COLUMNS" in os.environ else 0


def can_write(signs: str) -> bool:
    """Whether stdout's encoding has these signs."""
    try:
        signs.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def print_sentence(text: str) -> None:
    """A sentence on as many lines as the terminal needs, broken between words; elsewhere on one."""
    width = find_width()
    # Names and paths stay whole, so that they can be copied.
    wrap = partial(textwrap.wrap, break_long_words=False, break_on_hyphens=False)
    print("\n".join(wrap(text, max(20, width))) if width else text)


def print_files(files: Mapping[str, str]) -> None:
    """Where the results were written."""
    for kind, path in files.items():
        print(f"{kind}: {path}")


def print_pairs(title: str, pairs: Mapping[str, object]) -> None:
    """Two columns: what, and which; a hash has a line of its own, in which it stays whole."""
    apart = {name: value for name, value in pairs.items() if re.fullmatch("[0-9a-f]{64}", str(value))}
    table = tables.PlainTable(title=escape(title), show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in pairs.items():
        if name not in apart:
            table.add_row(name, escape(str(value)))
    print_table(table)
    print_files({name: str(value) for name, value in apart.items()})


def build_table(*headings: str, title: str | None = None, caption: str | None = None) -> tables.PlainTable:
    """A table for the terminal, of columns that have only a heading; others are added to it."""
    return tables.PlainTable(*headings, title=title, caption=caption)


def print_table(table: tables.PlainTable) -> None:
    """A table on stdout, as wide as the terminal allows; in a pipe or a file as wide as it is."""
    file = find_beneath(sys.stdout)
    screen = _open_screen(file)
    if not screen.is_terminal and not _is_size(os.environ.get("COLUMNS", "")):
        screen = _open_screen(file, width=WIDEST)
    tables.fit(table, screen)
    with mark_refusals():
        screen.print(table)


def _open_screen(file: TextIO, width: int | None = None) -> console.Console:
    """A screen of Rich's, which makes a number of whatever digits there are in the environment."""
    odd = {name for name in ("COLUMNS", "LINES") if not _is_size(os.environ.get(name, "80"))}
    sound = {name: value for name, value in os.environ.items() if name not in odd}
    return console.Console(file=file, width=width, _environ=sound)


def _is_size(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6


def escape(text: str) -> str:
    """Text for a cell or a title, none of which Rich takes for markup."""
    return markup.escape(text)


def format_number(value: float) -> str:
    """Three decimals; a dash for what is not defined."""
    return f"{value:.3f}" if value == value else "–"


def format_p_value(value: float) -> str:
    """Three decimals; small ones as being small."""
    return "–" if value != value else "<.001" if value < 0.001 else f"{value:.3f}"
