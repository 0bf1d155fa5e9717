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


class Repeats:
    """A column of values of which each stands in several rows: as names do, at a fraction of the room."""

    def __init__(self, values: Array, counts: Array) -> None:
        self.values, self.counts = values, counts
        self.ends = counts.cumsum()

    ndim = 1

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def spread(self) -> Array:
        """Every row's value."""
        return np.repeat(self.values, self.counts)

    def cut(self, rows: slice) -> Repeats:
        """The rows from one to another."""
        first, last, _ = rows.indices(len(self))
        kept = np.minimum(self.ends, last) - np.maximum(self.ends - self.counts, first)
        some = kept > 0
        return Repeats(self.values[some], kept[some])

    @staticmethod
    def join(parts: Sequence[Repeats]) -> Repeats:
        """Columns below one another."""
        values, counts = ([getattr(part, name) for part in parts] for name in ("values", "counts"))
        return Repeats(np.concatenate(values), np.concatenate(counts))


class Columns:
    """Columns of one length by their names, in order; what is one value is that of every row."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        found = {
            name: values if isinstance(values, Repeats) else _as_array(values)
            for name, values in columns.items()
        }
        self._rows = max((len(values) for values in found.values() if values.ndim), default=0)
        self._arrays: dict[str, Array | Repeats] = {
            name: _fill(values, self._rows) for name, values in found.items()
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
        return cls({name: _join([part._arrays[name] for part in parts]) for name in parts[0].names})

    @classmethod
    def join_and_forget(cls, parts: Sequence[Columns]) -> Columns:
        """What `join` gives, of tables that are empty afterwards: no number lies in memory twice."""
        return cls({name: _join([part._arrays.pop(name) for part in parts]) for name in parts[0].names})

    @property
    def names(self) -> list[str]:
        return list(self._arrays)

    def __len__(self) -> int:
        return self._rows

    def __getitem__(self, name: str) -> Array:
        return _spread(self._arrays[name])

    def items(self) -> Iterator[tuple[str, Array]]:
        """Names and columns."""
        return ((name, self[name]) for name in self._arrays)

    def assign(self, **columns: Any) -> Columns:
        """These columns, and others behind or in place of them."""
        return Columns({**self._arrays, **columns})

    def choose(self, names: Sequence[str]) -> Columns:
        """Some columns, in this order."""
        return Columns({name: self._arrays[name] for name in names})

    def take(self, rows: Array | slice) -> Columns:
        """Some rows: by their numbers, by yes and no, or from one to another."""
        return Columns(
            {
                name: values.cut(rows)
                if isinstance(values, Repeats) and isinstance(rows, slice)
                else _spread(values)[rows]
                for name, values in self._arrays.items()
            }
        )

    def split(self, *names: str) -> Iterator[tuple[Any, Columns]]:
        """The rows that are alike in some columns, in the order of their first rows, by what they hold there.

        That is a value for one column, a tuple for several.
        """
        # Rows that are alike lie together mostly: keys are made where something changes, not for each row.
        edge = np.zeros(len(self), bool)
        edge[:1] = True
        for name in names:
            edge[1:] |= self[name][1:] != self[name][:-1]
        starts = np.flatnonzero(edge)
        lists = [self[name][starts].tolist() for name in names]
        found: dict[Any, list[Array]] = {}
        ends = [*starts.tolist(), len(self)][1:]
        for key, first, end in zip(zip(*lists, strict=True), starts.tolist(), ends, strict=True):
            found.setdefault(key if len(names) > 1 else key[0], []).append(np.arange(first, end))
        # One after the other: of a long table all parts at once would take as much memory as its numbers.
        return ((key, self.take(_as_slice(np.concatenate(rows)))) for key, rows in found.items())

    def split_by(self, keys: Sequence[Any]) -> list[tuple[Any, Columns]]:
        """The rows of the same key, in the order of their first rows."""
        found: dict[Any, list[int]] = {}
        for row, key in enumerate(keys):
            found.setdefault(key, []).append(row)
        return [(key, self.take(_as_slice(np.array(rows)))) for key, rows in found.items()]

    def to_rows(self) -> list[dict[str, Any]]:
        """Every row as Python's values by name."""
        lists = [values.tolist() for _, values in self.items()]
        return [dict(zip(self._arrays, row, strict=True)) for row in zip(*lists, strict=True)]

    def to_frame(self) -> pd.DataFrame:
        """A pandas frame of these columns, with arrays of its own."""
        return pd.DataFrame(dict(self.items()))

    def as_table(self) -> pd.DataFrame:
        """This table for a class that holds tables: it makes a frame of it when somebody asks for one."""
        return cast("pd.DataFrame", self)


def _fill(values: Array | Repeats, rows: int) -> Array | Repeats:
    if isinstance(values, Repeats) or values.ndim:
        return values
    return Repeats(values.reshape(1), np.array([rows]))


def _spread(values: Array | Repeats) -> Array:
    return values.spread() if isinstance(values, Repeats) else values


def _join(parts: Sequence[Array | Repeats]) -> Array | Repeats:
    repeats = [part for part in parts if isinstance(part, Repeats)]
    return Repeats.join(repeats) if len(repeats) == len(parts) else np.concatenate(list(map(_spread, parts)))


def _as_slice(rows: Array) -> Array | slice:
    """Rows that lie together as a view of them, which needs no copy."""
    first, last = int(rows[0]), int(rows[-1])
    return slice(first, last + 1) if last - first + 1 == len(rows) else rows


def _as_array(values: Any) -> Array:
    array = np.asarray(values)
    return array.astype(object) if array.dtype.kind in "US" else array
