"""Tables of whole data sets, written in pieces: memory stays flat, and files appear whole or not at all."""

from __future__ import annotations

import errno
import tracemalloc
from pathlib import Path

import pandas as pd
import pytest

from gst_analysis.analyses.traces import TraceOptions, trace_to_folder
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import OutputError, SpecError, TableError
from gst_analysis.files import write_whole
from gst_analysis.results import Provenance, Result
from gst_analysis.tables.pieces import write_tables
from gst_analysis.tables.schema import Schema, real, text, whole
from tests.inference.fakes import fake_model, write_greys

KINDS = ("csv", "parquet")


def move(files: list[Path]) -> None:
    """Out of the hidden folder."""
    for file in files:
        file.rename(file.parent.parent / file.name)


def test_memory_stays_flat_however_many_rows_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gst_analysis.tables.pieces._ROWS", 4000)
    schema = Schema("NUMBERS", {"name": text("a"), "number": whole("b"), "value": real("c")})
    rows = pd.DataFrame({"name": ["x" * 50] * 1000, "number": range(1000), "value": [0.5] * 1000})

    def peak(pieces: int) -> int:
        tracemalloc.start()
        with write_tables(tmp_path / str(pieces), {"t": schema}, KINDS, place=move) as tables:
            for _ in range(pieces):
                tables["t"].add(rows.copy())
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(1)
    assert peak(20) < 1.3 * peak(5)
    for read, kind in ((pd.read_csv, "csv"), (pd.read_parquet, "parquet")):
        assert len(read(tmp_path / "20" / f"t.{kind}")) == 20_000


@pytest.mark.slow
def test_memory_stays_flat_however_many_clips_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gst_analysis.tables.pieces._ROWS", 200)
    monkeypatch.setattr("gst_analysis.analyses.traces.measure._CHUNK", 8)
    clip = ClipRecord("a", write_greys(tmp_path / "a", [10, 20, 30]))
    options = TraceOptions(device="cpu")

    def peak(clips: int) -> int:
        tracemalloc.start()
        records = RecordList((clip,) * clips)
        found = trace_to_folder(fake_model(), records, tmp_path / str(clips), options=options)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert found.summary.clips == clips
        return top

    peak(8)
    assert peak(64) < 1.5 * peak(24)


def test_pieces_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    schema = Schema("NUMBERS", {"number": whole("a")})

    def break_off() -> None:
        with write_tables(tmp_path / "o", {"t": schema}, KINDS, place=move) as tables:
            tables["t"].add(pd.DataFrame({"number": [1, 2]}))
            tables["t"].flush()
            tables["t"].add(pd.DataFrame({"other": [1]}))

    with pytest.raises(TableError):
        break_off()
    assert not list((tmp_path / "o").iterdir())
    with write_tables(tmp_path / "o", {"t": schema}, KINDS, place=move):
        pass
    assert pd.read_parquet(tmp_path / "o" / "t.parquet").columns.tolist() == ["number"]
    assert (tmp_path / "o" / "t.csv").read_text() == "number\n"
    (tmp_path / "file").touch()
    with pytest.raises(OutputError), write_tables(tmp_path / "file", {"t": schema}, KINDS, place=move):
        pass


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    schema = Schema("NUMBERS", {"name": text("a")})
    monkeypatch.setattr(pd.DataFrame, "to_csv", fill)
    with (
        pytest.raises(OutputError, match=r"room to write it.*No space left on device"),
        write_tables(tmp_path, {"t": schema}, KINDS, place=move) as tables,
    ):
        tables["t"].add(pd.DataFrame({"name": ["x"]}))
    assert not list(tmp_path.iterdir())
    with pytest.raises(OutputError, match=r"result\.csv: expected room to write it.*make room"):
        Result(pd.DataFrame({"a": [1]}), None, Provenance({}, {}, {})).save(tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_a_writer_itself_raises_is_left_alone(tmp_path: Path) -> None:
    def fail(_: object) -> None:
        raise ValueError("not about the disk")

    with pytest.raises(ValueError, match="not about the disk"):
        write_whole(tmp_path / "a", fail)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kinds", [("png",), ("png", "svg")])
def test_of_a_whole_data_set_something_must_be_written(kinds: tuple[str, ...], tmp_path: Path) -> None:
    clip = ClipRecord("a", write_greys(tmp_path / "a", [10, 20, 30]))
    with pytest.raises(SpecError, match="csv, parquet or json among them"):
        trace_to_folder(fake_model(), RecordList((clip,)), tmp_path / "out", kinds=kinds)
    assert not (tmp_path / "out").exists()
