"""Tables written piece by piece, so that none has to lie in memory: csv and parquet, whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from gst_analysis.errors import OutputError
from gst_analysis.files import explain_disk, write_csv
from gst_analysis.tables.schema import Column, Schema, check

PIECE_FORMATS = ("csv", "parquet")
_ROWS = 20_000
"""Rows that are gathered before they are written."""


class TablePieces:
    """One table: `add` its rows as they come."""

    def __init__(self, folder: Path, stem: str, schema: Schema, kinds: Sequence[str]) -> None:
        self.rows = 0
        self._folder, self._stem, self._schema, self._kinds = folder, stem, schema, kinds
        # Values, not tables: a table of one row takes a thousand times the room of its values.
        self._waiting: dict[str, list[Any]] = {name: [] for name in schema.columns}
        self._pieces = 0
        self._parquet: Any = None

    def add(self, table: pd.DataFrame) -> None:
        """Take rows over; they are written when there are enough of them."""
        check(table, self._schema)
        for name, values in self._waiting.items():
            values.extend(table[name].tolist())
        if self._count() >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what has been gathered; the first time, also if that is nothing."""
        rows = self._count()
        if not rows and self._pieces:
            return
        with explain_disk(self._folder.parent / self._stem):
            self._write()
        self.rows += rows
        self._pieces += 1
        self._waiting = {name: [] for name in self._waiting}

    def _write(self) -> None:
        kinds = {name: _choose_dtype(column) for name, column in self._schema.columns.items()}
        piece = pd.DataFrame(self._waiting).astype(kinds)
        if "csv" in self._kinds:
            path = self._folder / f"{self._stem}.csv"
            with path.open("ab") as file:
                write_csv(piece, file, header=not self._pieces)
        if "parquet" in self._kinds:
            self._write_parquet(piece)

    def _count(self) -> int:
        return len(next(iter(self._waiting.values())))

    def close(self) -> None:
        """Write the rest and finish the files."""
        self.flush()
        with explain_disk(self._folder.parent / self._stem):
            self._finish()

    def abandon(self) -> None:
        """Let go of the files as they are."""
        with suppress(OSError):
            self._finish()

    def _finish(self) -> None:
        if self._parquet is not None:
            file, self._parquet = self._parquet, None
            file.close()

    def _write_parquet(self, piece: pd.DataFrame) -> None:
        kinds = {"text": pa.string(), "whole": pa.int64(), "real": pa.float64(), "flag": pa.bool_()}
        schema = pa.schema([(name, kinds[column.kind]) for name, column in self._schema.columns.items()])
        if self._parquet is None:
            self._parquet = parquet.ParquetWriter(self._folder / f"{self._stem}.parquet", schema)
        self._parquet.write_table(pa.Table.from_pandas(piece, schema=schema, preserve_index=False))


@contextmanager
def write_tables(
    folder: str | os.PathLike[str],
    schemas: Mapping[str, Schema],
    kinds: Sequence[str],
    *,
    place: Callable[[list[Path]], object],
) -> Iterator[dict[str, TablePieces]]:
    """Tables by the stems of their files, which are placed when the block ends without error.

    Args:
        folder: where they grow, hidden.
        schemas: what each of them keeps.
        kinds: csv and parquet among them.
        place: moves the finished files to where they belong.

    Raises:
        OutputError: the folder cannot be written, or is full.
    """
    where = Path(folder)
    try:
        where.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=where, prefix=".tables."))
    except OSError as error:
        raise OutputError(
            str(where),
            expected="a folder that can be written to",
            found=error.strerror or str(error),
            todo="choose another place with --out",
        ) from error
    tables = {stem: TablePieces(draft, stem, schema, kinds) for stem, schema in schemas.items()}
    try:
        yield tables
        for table in tables.values():
            table.close()
        place(sorted(draft.iterdir()))
    finally:
        for table in tables.values():
            table.abandon()
        shutil.rmtree(draft, ignore_errors=True)


def _choose_dtype(column: Column) -> str:
    """How pandas keeps a column; only its own whole numbers can be missing."""
    if column.kind == "whole":
        return "Int64" if column.optional else "int64"
    return {"text": "object", "real": "float64", "flag": "bool"}[column.kind]
