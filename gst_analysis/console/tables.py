"""Tables that Rich draws: text from files stands in them as text, so its control characters are spelt.

Behind a door in `output.py`, as Rich is slow to import. Rich itself takes an escape sequence in a cell for
one of its own and hands it to the terminal.
"""

from __future__ import annotations

from typing import Any

from rich.table import Table

from gst_analysis.errors import shorten, spell_controls

MOST_CHARACTERS = 1000
"""A cell is no place for a file's longest name."""


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


def _plain(text: str) -> str:
    return spell_controls(shorten(text, MOST_CHARACTERS))
