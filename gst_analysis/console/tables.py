"""Tables that Rich draws: text from files stands in them as text, so its control characters are spelt.

Behind a door in `output.py`, as Rich is slow to import. Rich itself takes an escape sequence in a cell for
one of its own and hands it to the terminal.
"""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table
from rich.text import Text

from gst_analysis.errors import shorten, spell_controls

MOST_CHARACTERS = 1000
"""A cell is no place for a file's longest name."""
NAMES = ("clip", "file", "path", "video")
"""Headings of columns whose texts differ at their ends."""
_LEAST = 16


class PlainTable(Table):
    """A table of the terminal whose cells, headings, title and caption give it no orders."""

    def __init__(self, *headings: str, title: str | None = None, **settings: Any) -> None:
        caption = settings.pop("caption", None)
        told = [None if text is None else _plain(text) for text in (title, caption)]
        super().__init__(*map(_plain, headings), title=told[0], caption=told[1], **settings)

    def add_row(self, *cells: Any, **settings: Any) -> None:
        """Add a row."""
        super().add_row(*(_plain(cell) if isinstance(cell, str) else cell for cell in cells), **settings)

    def add_column(self, header: Any = "", *rest: Any, **settings: Any) -> None:
        """Add a column."""
        super().add_column(_plain(header) if isinstance(header, str) else header, *rest, **settings)


def fit(table: Table, screen: Console) -> None:
    """Let a table that is too wide lose words before numbers, and of clips' names the beginning.

    Where a table is too wide, Rich cuts every column at its right end: figures of numbers, and what tells
    clips apart.
    """
    for column in table.columns:
        if column.justify == "right":
            column.min_width = max(map(_count, _list_unbroken(column)), default=0)
    # Rich breaks a title in the middle of a word, such as a path, where its table is narrower.
    told = [text for text in (table.title, table.caption) if isinstance(text, str)]
    words = [word for text in told for word in Text.from_markup(text).plain.split()]
    table.min_width = min(screen.width, max(map(cell_len, words), default=0))
    over = screen.measure(table, options=screen.options.update(max_width=10_000)).maximum - screen.width
    for column in table.columns:
        if over > 0 and str(column.header).partition(" ")[0] in NAMES:
            over -= _keep_ends(column, over)


def _keep_ends(column: Column, over: int) -> int:
    """Shorten a column's texts from the left by up to so many places; returns by how many."""
    widest = max(map(_count, _list_texts(column)), default=0)
    room = max(_LEAST, widest - over)
    cells = column._cells  # Rich gives no other way to change a cell
    for place, cell in enumerate(cells):
        text = Text.from_markup(cell).plain if isinstance(cell, str) else str(cell)
        if len(text) > room:
            cells[place] = escape("…" + text[1 - room :])
    column.no_wrap, column.min_width = True, min(room, widest)
    return max(0, widest - room)


def _list_texts(column: Column) -> list[str]:
    return [str(column.header), *(cell for cell in column._cells if isinstance(cell, str))]


def _list_unbroken(column: Column) -> list[str]:
    """What a column must have room for: its cells, and the words of its heading, which may stand in lines."""
    heading, *cells = _list_texts(column)
    return [*heading.split(), *cells]


def _count(text: str) -> int:
    """Places that a text takes in a cell, without what is markup in it."""
    return max(map(cell_len, Text.from_markup(text).plain.splitlines()), default=0)


def _plain(text: str) -> str:
    return spell_controls(shorten(text, MOST_CHARACTERS))
