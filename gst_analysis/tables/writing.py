"""Tables written to files, of columns as of frames: the same bytes, and csv of columns without pandas.

Numbers are written by the csv module in the fewest digits that read back to them, which is what pandas does.
"""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from gst_analysis.files import Writer, guard_text, table_writer
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.tables import columns
    from gst_analysis.tables.columns import Array, Columns, Table
else:  # numpy comes with it
    columns = Door("gst_analysis.tables.columns")

_AT_ONCE = 1000
"""Rows that are spelt together."""


def writer_of(table: Table, kind: str, stamp: str = "") -> Writer:
    """What writes a table as csv or parquet.

    Args:
        table: the table.
        kind: which of them.
        stamp: where it came from; it has no room in csv.
    """
    if not isinstance(table, columns.Columns):
        return table_writer(table, kind, stamp)
    return partial(write_columns, table) if kind == "csv" else table_writer(table.to_frame(), kind, stamp)


def write_columns(table: Columns, file: IO[Any], *, header: bool = True) -> None:
    """Write columns as csv, for anything that reads one: no cell of it is a formula.

    Args:
        table: the table.
        file: where to, open for bytes.
        header: begin with the names of its columns.
    """
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="")
    rows = csv.writer(text, lineterminator="\n")
    if header:
        rows.writerow(table.names)
    for first in range(
        0, len(table), _AT_ONCE
    ):  # as Python's values all of a long table would take much memory
        part = table.take(slice(first, first + _AT_ONCE))
        rows.writerows(zip(*(_spell_cells(values) for _, values in part.items()), strict=True))
    text.detach()  # what it holds is written; the file stays open


def _spell_cells(values: Array) -> list[Any]:
    """A column's cells: texts that no spreadsheet runs, and nothing for a number that is none."""
    cells: list[Any] = values.tolist()
    if values.dtype.kind == "O":
        known = {text: guard_text(text) for text in set(cells)}
        return [known[text] for text in cells]
    return ["" if cell != cell else cell for cell in cells] if values.dtype.kind == "f" else cells
