"""Rows that a sentence is about: the one where a column is largest or least, and the parts of a table.

Apart from schema.py, which knows no pandas: what is told of a table is told after it was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


def find_largest(table: pd.DataFrame, column: str) -> Row:
    """The first row in which a column is largest, by the names of its columns."""
    return _to_row(table, int(table[column].to_numpy().argmax()))


def find_least(table: pd.DataFrame, column: str) -> Row:
    """The first row in which a column is least, by the names of its columns."""
    return _to_row(table, int(table[column].to_numpy().argmin()))


def find_farthest(table: pd.DataFrame, column: str) -> Row:
    """The first row in which a column is farthest from 0, by the names of its columns."""
    return _to_row(table, int(table[column].abs().to_numpy().argmax()))


def split_by(table: pd.DataFrame, *columns: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """The parts of a table in which some columns are the same, in order, and what they hold, with commas."""
    for key, rows in table.groupby(list(columns), sort=False):
        yield ", ".join(map(str, key)) if isinstance(key, tuple) else str(key), rows


def _to_row(table: pd.DataFrame, place: int) -> Row:
    return {str(name): value for name, value in table.iloc[place].to_dict().items()}
