"""A table as arrays by name: what results are made and written of where nobody asks for a pandas frame.

Importing pandas takes a quarter of importing torch, and a command that writes a table needs none of it. Text
is an array of objects, all else one of numbers: in reals alone something can be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import pandas as pd
else:  # whoever wants no frame does not wait for it
    pd = Door("pandas")

Array = np.ndarray[Any, np.dtype[Any]]

Table: TypeAlias = "Columns | pd.DataFrame"


class Columns:
    """Columns of one length by their names, in order; what is one value is that of every row."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        found = {name: _as_array(values) for name, values in columns.items()}
        self._rows = max((len(values) for values in found.values() if values.ndim), default=0)
        self._arrays = {
            name: values if values.ndim else np.full(self._rows, values[()], values.dtype)
            for name, values in found.items()
        }

    @classmethod
    def of(cls, table: Table) -> Columns:
        """Any table as columns; one of columns as it is."""
        if isinstance(table, Columns):
            return table
        return cls({str(name): values.to_numpy() for name, values in table.items()})

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> Columns:
        """Rows below one another.

        Args:
            rows: what each column holds there.
            names: which columns, if not those of the first row.
        """
        wanted = list(rows[0]) if names is None else names
        return cls({name: [row[name] for row in rows] if rows else np.empty(0, object) for name in wanted})

    @classmethod
    def join(cls, parts: Sequence[Columns]) -> Columns:
        """Tables of the same columns below one another."""
        return cls({name: np.concatenate([part[name] for part in parts]) for name in parts[0].names})

    @property
    def names(self) -> list[str]:
        return list(self._arrays)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def items(self) -> Iterator[tuple[str, Array]]:
        """Names and columns."""
        return iter(self._arrays.items())

    def assign(self, **columns: Any) -> Columns:
        """These columns, and others behind or in place of them."""
        return Columns({**self._arrays, **columns})

    def choose(self, names: Sequence[str]) -> Columns:
        """Some columns, in this order."""
        return Columns({name: self._arrays[name] for name in names})

    def take(self, rows: Array | slice) -> Columns:
        """Some rows: by their numbers, by yes and no, or from one to another."""
        return Columns({name: values[rows] for name, values in self._arrays.items()})

    def split(self, *names: str) -> list[tuple[Any, Columns]]:
        """The rows that are alike in some columns, in the order of their first rows, by what they hold there.

        That is a value for one column, a tuple for several.
        """
        lists = [self._arrays[name].tolist() for name in names]
        return self.split_by(lists[0] if len(lists) == 1 else list(zip(*lists, strict=True)))

    def split_by(self, keys: Sequence[Any]) -> list[tuple[Any, Columns]]:
        """The rows of the same key, in the order of their first rows."""
        found: dict[Any, list[int]] = {}
        for row, key in enumerate(keys):
            found.setdefault(key, []).append(row)
        return [(key, self.take(_as_slice(rows))) for key, rows in found.items()]

    def to_rows(self) -> list[dict[str, Any]]:
        """Every row as Python's values by name."""
        lists = [values.tolist() for values in self._arrays.values()]
        return [dict(zip(self._arrays, row, strict=True)) for row in zip(*lists, strict=True)]

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame of these columns, with arrays of its own."""
        return pd.DataFrame(self._arrays)

    def as_table(self) -> pd.DataFrame:
        """This table for a class that holds tables: it makes a frame of it when somebody asks for one."""
        return cast("pd.DataFrame", self)


def _as_slice(rows: list[int]) -> Array | slice:
    """Rows that lie together as a view of them, which needs no copy."""
    first, last = rows[0], rows[-1]
    return slice(first, last + 1) if last - first + 1 == len(rows) else np.array(rows)


def _as_array(values: Any) -> Array:
    array = np.asarray(values)
    return array.astype(object) if array.dtype.kind in "US" else array
