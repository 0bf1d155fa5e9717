"""Tables without pandas: the same frames, the same bytes, and a frame only when somebody asks for one."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

from gst_analysis.errors import TableError
from gst_analysis.files import raw_csv
from gst_analysis.tables import Schema, check, real, text
from gst_analysis.tables.columns import Columns
from gst_analysis.tables.held import held_columns, holds_tables
from gst_analysis.tables.writing import write_columns, writer_of

TEXTS = ["=1+1", "-2", "a,b", 'say "so"', "two\nlines", "\x1b[31m", "", "γ", "@x", "\x85", "a", "a"]
REALS = [0.1, -0.0, 1e-5, 1e16, 123456789.123, np.nan, np.inf, 5e-324, 1 / 3, 2.0, -1e22, 1e-4]
TABLE = Columns(
    {
        "name": TEXTS,
        "value": REALS,
        "count": np.arange(-3, 9),
        "sure": np.arange(12) % 3 == 0,
        "small": np.array(REALS, np.float64) ** 3,
        "everywhere": "one",
    }
)


def write(table: Columns | pd.DataFrame, kind: str = "csv") -> bytes:
    file = io.BytesIO()
    writer_of(table, kind, "mine")(file)
    return file.getvalue()


def test_a_file_is_what_pandas_writes_to_the_byte() -> None:
    rng = np.random.default_rng(0)
    numbers = Columns({"x": rng.normal(size=2000) * 10.0 ** rng.integers(-30, 30, 2000)})
    for table in (TABLE, numbers, TABLE.take(slice(0, 0)), TABLE.choose(["name"])):
        assert write(table) == write(table.to_frame())
    assert write(TABLE, "parquet") == write(TABLE.to_frame(), "parquet")
    write_columns(TABLE, file := io.BytesIO(), header=False)
    assert file.getvalue() == write(TABLE).partition(b"\n")[2]
    with raw_csv():
        assert write(TABLE) == write(TABLE.to_frame())
        assert b"\n=1+1," in write(TABLE)


def test_a_table_is_the_same_as_a_frame_and_back() -> None:
    frame = TABLE.to_frame()
    assert frame.dtypes.map(str).tolist()[1:5] == ["float64", "int64", "bool", "float64"]
    pd.testing.assert_frame_equal(Columns.of(frame).to_frame(), frame)
    told = TABLE.choose(["name", "count", "sure"])
    assert told.to_rows() == told.to_frame().to_dict("records")
    pd.testing.assert_frame_equal(Columns.from_rows(told.to_rows()).to_frame(), told.to_frame())
    pd.testing.assert_frame_equal(
        Columns.join([TABLE, TABLE]).to_frame(), pd.concat([frame, frame], ignore_index=True)
    )


def test_rows_are_split_in_the_order_of_their_first_ones() -> None:
    table = Columns({"a": ["y", "x", "y", "x"], "b": [1, 1, 1, 2], "c": [0.0, 1.0, 2.0, 3.0]})
    assert [(key, rows["c"].tolist()) for key, rows in table.split("a")] == [("y", [0, 2]), ("x", [1, 3])]
    assert [key for key, _ in table.split("a", "b")] == [("y", 1), ("x", 1), ("x", 2)]


def build_parts(count: int) -> list[Columns]:
    values = np.random.default_rng(0).normal(size=(count, 1000))
    return [
        Columns({"name": f"file {part}", "even": np.nan, "taps": 3, "value": row, "flag": part % 2 == 0})
        for part, row in enumerate(values)
    ]


def test_what_repeats_is_what_is_written_out() -> None:
    """Names that stand once are read, joined, cut and split as those that stand in every row."""
    parts = build_parts(4)
    written = [Columns({name: values.copy() for name, values in part.items()}) for part in parts]
    frame = pd.concat([part.to_frame() for part in parts], ignore_index=True)
    mixed = Columns.join([parts[0], written[1], parts[2], parts[3]])
    for table in (Columns.join(parts), Columns.join(written), mixed, Columns.join_and_forget(written)):
        pd.testing.assert_frame_equal(table.to_frame(), frame)
        assert write(table) == write(frame)
        for rows in (slice(990, 2010), slice(0, 0), slice(3999, None), np.arange(3998, 2, -7), frame["flag"]):
            kept = table.take(rows if isinstance(rows, slice) else np.asarray(rows))
            known = frame.iloc[rows] if isinstance(rows, slice) else frame.iloc[np.arange(4000)[rows]]
            pd.testing.assert_frame_equal(
                kept.to_frame(), known.reset_index(drop=True), check_dtype=len(known) > 0
            )
        for names in (["name"], ["flag"], ["flag", "taps"], ["name", "value"]):
            found = [(key, part["value"].tolist()) for key, part in table.split(*names)]
            groups = frame.groupby(names if len(names) > 1 else names[0], sort=False)
            assert found == [(key, rows["value"].tolist()) for key, rows in groups]
    assert not written[0].names
    assert not list(parts[0].take(slice(0, 0)).split("name", "value"))


def test_names_of_many_tables_take_next_to_no_memory() -> None:
    """Of a hundred files' tables the numbers are kept once, and a name for each file."""
    tracemalloc.start()
    table = Columns.join_and_forget(build_parts(100))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == 100_000
    assert table["value"].nbytes < held < 1.2 * table["value"].nbytes
    texts = Columns({"name": "a long name", "row": np.arange(50)})["name"]
    assert len({id(text) for text in texts.tolist()}) == 1


def test_columns_keep_schemas_as_frames_do() -> None:
    schema = Schema("S", {"a": text("a word", "x", "y"), "b": real("a number")})
    kept = {"a": ["x", "y"], "b": [0.5, 1.0]}
    for broken in ({"a": ["x", "z"]}, {"b": [0.5, np.nan]}, {"b": [1, 2]}, {"c": 1}):
        with pytest.raises(TableError):
            check(Columns({**kept, **broken}), schema)
        with pytest.raises(TableError):
            check(pd.DataFrame({**kept, **broken}), schema)
    assert len(check(Columns(kept), schema)) == 2


@holds_tables("table")
@dataclass(frozen=True)
class Holder:
    table: pd.DataFrame
    word: str = ""


def test_a_frame_is_made_when_somebody_asks_for_it() -> None:
    holder = Holder(TABLE.as_table())
    assert held_columns(holder) is TABLE
    assert holder.table is holder.table
    pd.testing.assert_frame_equal(holder.table, TABLE.to_frame())
    assert replace(holder, word="x").table is holder.table
    with pytest.raises(TypeError, match="table"):
        Holder()  # type: ignore[call-arg] # wrong on purpose
