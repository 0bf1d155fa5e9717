"""What comes of text from outside and of errors that nobody foresaw: nothing obeyed, one line each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from gst_analysis.cli import program, run
from gst_analysis.console import crashes
from gst_analysis.console.output import build_table, print_json, print_pairs, print_table
from gst_analysis.console.streams import safe_streams
from gst_analysis.errors import GstError, spell_controls

ORDERS = "\x1b]0;title\x07 \x9b31m \x7f \u202egnp.exe \r\ud800"
OBEYED = set("\x1b\x07\x9b\x7f\u202e\r\ud800")


def test_no_text_gives_a_terminal_orders(capsys: pytest.CaptureFixture[str]) -> None:
    with safe_streams():
        print(ORDERS)
        print(ORDERS, file=sys.stderr)
        print_pairs(ORDERS, {ORDERS: ORDERS})
        table = build_table(ORDERS, title=ORDERS, caption=ORDERS)
        table.add_column(ORDERS)
        table.add_row(ORDERS, ORDERS)
        print_table(table)
        print_json({ORDERS: ORDERS})
    printed = capsys.readouterr()
    assert not OBEYED & set(printed.out + printed.err)
    assert printed.out.startswith(r"\x1b]0;title\x07 \x9b31m \x7f \u202egnp.exe \r\ud800")


def test_json_says_the_text_itself(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": ORDERS + r"\x41"})
    assert json.loads(capsys.readouterr().out) == {"name": ORDERS + r"\x41"}


def test_letters_of_every_language_stay_as_they_are() -> None:
    assert spell_controls("Zoë läuft\t日本語 → é\n") == "Zoë läuft\t日本語 → é\n"


def test_no_message_is_endless() -> None:
    error = GstError("k" * 10**6, expected="x", found="y" * 10**6, todo="z")
    assert len(str(error)) < 5000
    assert len(error.found) == 10**6


@pytest.mark.parametrize(
    "error", [ValueError("a\n\x1b[31mb"), MemoryError(), RecursionError("deep"), OSError(5, "x")]
)
def test_what_nobody_foresaw_is_one_line_and_a_trace(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def fail(*_: object, **__: object) -> NoReturn:
        raise error

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(program, "app", fail)
    assert run(["models"]) == 70
    (line,) = capsys.readouterr().err.splitlines()
    (trace,) = crashes.find_traces().iterdir()
    assert str(trace) in line
    assert "in fail" in trace.read_text()
    assert run(["models", "--debug"]) == 70
    assert "Traceback" in capsys.readouterr().err


def test_only_the_newest_traces_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(crashes, "find_traces", lambda: tmp_path)
    for number in range(crashes.KEPT + 3):
        (tmp_path / f"crash-2000-{number:02}.txt").touch()
    path = crashes.save_trace(ValueError("x" * 10**6), ["a" * 10**6])
    assert path.stat().st_size < 2 * crashes.MOST_CHARACTERS
    kept = sorted(one.name for one in tmp_path.iterdir())
    assert len(kept) == crashes.KEPT
    assert kept[-1] == path.name


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's way of closing streams")
@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        (">&-", 2, "standard output: expected one that is open"),
        ("> /dev/full", 2, "standard output: expected room"),
        ("| true; exit ${PIPESTATUS[0]}", 0, ""),
        (">/dev/null 2>&-", 0, ""),
    ],
)
def test_a_stdout_that_is_closed_or_full_is_one_line(end: str, code: int, said: str) -> None:
    if "full" in end and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    done = subprocess.run(
        ["bash", "-c", f"'{sys.executable}' -m gst_analysis.cli models {end}"], capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == bool(said)
