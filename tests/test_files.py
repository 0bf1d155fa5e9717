"""Text from outside in files and lines: no formula in csv, half a character in none, a `$` is a dollar.

Names as long as a disk holds them, and lines to be typed that are what they look like.
"""

from __future__ import annotations

import io
import json
import math
import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from gst_analysis.cli import run
from gst_analysis.errors import COMMANDING, OutputError
from gst_analysis.files import RAW_VARIABLE, is_there, raw_csv, table_writer, to_json, write_whole
from gst_analysis.options import join_words
from gst_analysis.plain import spell_json, to_plain
from gst_analysis.style.files import render_figure
from gst_analysis.style.theme import LIGHT, new_figure, style_axes

TEXTS = ["=1+2", "+x", "-a", "@SUM(A1)", "\tx", "\rx", "-0.5", "+3", "a-b", "", "'x"]
TABLE = pd.DataFrame({"text": TEXTS, "number": [-0.5] * len(TEXTS)})


def write(table: pd.DataFrame, kind: str) -> io.BytesIO:
    buffer = io.BytesIO()
    table_writer(table, kind)(buffer)
    buffer.seek(0)
    return buffer


def test_a_spreadsheet_runs_no_cell_and_numbers_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    read = pd.read_csv(write(TABLE, "csv"), dtype={"text": str}, keep_default_na=False)
    assert read["text"].tolist() == ["'=1+2", "'+x", "'-a", "'@SUM(A1)", "'\tx", r"'\rx", *TEXTS[6:]]
    assert read["number"].tolist() == TABLE["number"].tolist()
    monkeypatch.setenv(RAW_VARIABLE, "1")
    raw = pd.read_csv(write(TABLE, "csv"), dtype={"text": str}, keep_default_na=False)
    assert raw["text"].tolist() == [*TEXTS[:5], r"\rx", *TEXTS[6:]]
    monkeypatch.delenv(RAW_VARIABLE)
    with raw_csv():
        assert write(TABLE, "csv").getvalue().startswith(b"text,number\n=1+2,")
    assert pd.read_parquet(write(TABLE, "parquet"))["text"].tolist() == TEXTS


@pytest.mark.parametrize(("words", "cell"), [([], "'=1+2"), (["--raw-csv"], "=1+2")])
def test_the_command_line_may_ask_for_raw_cells(words: list[str], cell: str, tmp_path: Path) -> None:
    (tmp_path / "val.txt").write_text("=1+2 0\n")
    out = tmp_path / "out"
    assert run([*words, "dataset-check", str(tmp_path / "val.txt"), "--out", str(out)]) == 1
    assert pd.read_csv(out / "dataset_check.csv")["clip"].tolist() == [cell]


def test_half_a_character_stops_no_table() -> None:
    table = pd.DataFrame({"text": ["a\ud800b"]}, dtype=object)
    assert rb"a\ud800b" in write(table, "csv").getvalue()
    assert pd.read_parquet(write(table, "parquet"))["text"].tolist() == ["a\ufffdb"]


def test_json_has_no_infinity() -> None:
    assert to_json([float("inf"), float("nan"), 1.5]).split() == ["[", "null,", "null,", "1.5", "]"]


@pytest.mark.parametrize("text", [r"$\notacommand{x}$.pth", "a $b$ c", "half \ud800", "\x1b[31m"])
def test_any_text_may_stand_in_a_figure(text: str) -> None:
    figure = new_figure(3, 2, LIGHT)
    axes = figure.subplots()
    style_axes(axes, LIGHT)
    axes.plot([0, 1], [1, 1000], label=text)
    axes.set(xlabel=text, title=text, yscale="log")
    axes.set_xticks([0, 1], labels=[text, "b"])
    axes.legend()
    figure.suptitle(text)
    assert render_figure(figure, "svg").startswith(b"<?xml")


def test_a_name_may_be_as_long_as_a_disk_holds(tmp_path: Path) -> None:
    """The name of a draft, or of a card beside it, would be longer."""
    path = tmp_path / f"{'w' * 251}.pth"
    assert write_whole(path, lambda file: file.write(b"x")) == path
    assert path.read_bytes() == b"x"
    assert is_there(path)
    assert not is_there(path.with_suffix(".profile.json"))


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_a_line_to_be_typed_hides_nothing() -> None:
    names = ["plain.pth", "a b", "\u202egnp.exe'\\", "\x1b]0;t\x07\n$(x)`y`", os.fsdecode(b"\xffa0\x80f")]
    line = join_words(["printf", "%s\\0", *names])
    assert line.isprintable()
    assert line.split(" ")[2] == "plain.pth"
    said = subprocess.run(["bash", "-c", line], capture_output=True, check=True).stdout
    assert said.split(b"\0") == [*map(os.fsencode, names), b""]


@pytest.mark.parametrize("told", ["abc", "9" * 20, "1e9"])
def test_an_environment_that_ends_writers_of_figures_is_one_line(
    monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", told)
    with pytest.raises(OutputError, match="SOURCE_DATE_EPOCH: expected seconds since 1970"):
        render_figure(Figure(), "pdf")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    dated = render_figure(Figure(), "pdf")
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert render_figure(Figure(), "pdf") == dated


@pytest.mark.parametrize("line", [("bn-hist",), ("report",), ("drift", "--formats", "csv,png")])
def test_such_an_environment_is_refused_before_any_work(
    line: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    command = [line[0], "nothing.pth", "--out", str(tmp_path / "out"), *line[1:]]
    assert run(command) == 2
    assert "SOURCE_DATE_EPOCH" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert run(["drift", "nothing.pth", "--out", str(tmp_path / "out"), "--formats", "csv"]) == 2
    assert "nothing.pth" in capsys.readouterr().err  # a table has no date


def test_a_document_in_pieces_is_the_one_that_json_writes() -> None:
    rows = [
        {"n": n, "share": n / 7, "none": None, "odd": math.nan, "é\x1b": "\n\x1b[1m\u2028"}
        for n in range(2500)
    ]
    values: list[object] = [rows, {"rows": rows, "empty": [], "none": {}, 1: (1, [[]])}, {}, [], "x", None]
    for value in values:
        wanted = json.dumps(to_plain(value), indent=2, ensure_ascii=False) + "\n"
        spelt = COMMANDING.sub(lambda found: f"\\u{ord(found[0]):04x}", wanted)
        assert "".join(spell_json(value)) == to_json(value) == spelt
    assert max(map(len, spell_json({"rows": rows}))) < len(to_json(rows)) / 2
