"""`verify` makes results again, and tells equal from close, different and changed; `doctor` looks around."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gst_analysis.cli import doctor, run, verify
from gst_analysis.outputs import load_notes
from tests.conftest import SaveSmall


@pytest.fixture
def results(save_small: SaveSmall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A result made by a command; making it again runs in this process, which is quicker."""

    def run_again(line: list[str], cwd: Path, out: Path, timeout: float) -> str:
        monkeypatch.chdir(cwd)
        return "" if run([*line, "--out", str(out)]) == 0 else "failed"

    monkeypatch.setattr(verify, "_run_again", run_again)
    out = tmp_path / "out"
    assert run(["bn-hist", str(save_small()), "--out", str(out), "--formats", "csv,json"]) == 0
    return out


def read(path: Path, capsys: pytest.CaptureFixture[str], code: int, *words: str) -> dict[str, str]:
    capsys.readouterr()
    assert run(["verify", str(path), "--json", *words]) == code
    text = capsys.readouterr().out
    told = json.loads(text[text.index('{\n  "schema"') :])
    return {Path(one["file"]).name: one["verdict"] for one in told["files"]}


def forge(results: Path, change: Callable[[dict[str, Any]], object]) -> None:
    note = results / ".gst-analysis.bn_scales.json"
    told = json.loads(note.read_text())
    change(told)
    note.write_text(json.dumps(told))


def test_what_is_made_again_is_equal(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(read(results, capsys, 0).values()) == {"equal"}
    table = pd.read_csv(results / "bn_scales.csv")
    table["gamma"] *= 1 + 1e-9
    table.to_csv(results / "bn_scales.csv", index=False)
    assert read(results / "bn_scales.csv", capsys, 1) == {"bn_scales.csv": "changed"}


def test_numbers_may_be_as_far_apart_as_is_said(tmp_path: Path) -> None:
    for name, value in (("a", 1.0), ("b", 1.0 + 1e-8), ("c", 1.1)):
        pd.DataFrame({"x": [value, float("nan")], "name": ["=1", "z"]}).to_csv(tmp_path / f"{name}.csv")
    paths = [tmp_path / f"{name}.csv" for name in "abc"]
    assert [verify._compare(paths[0], other, 1e-6)[0] for other in paths] == ["equal", "close", "different"]
    paths[2].write_text("x\n1\n")
    assert verify._compare(paths[0], paths[2], 1e9) == ("different", "other words")


def test_a_strangers_note_runs_nothing(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (note,) = load_notes(results)
    line, _ = verify._find_line(note)  # without the words that say where to
    assert line == ["bn-hist", note.origin["command"][1], "--formats", "csv,json"]
    for words in (
        ["train", "x"],
        ["bn-hist", "-", "--network=evil:run"],
        ["explore"],
        [],
        ["drift", "x.pth", "--start", "imagenet"],  # which would be fetched
        ["slim", "x.pth", "--fine-tune", "1", "--set", "run.wandb=theirs"],
        ["slim", "x.pth", "--fine-tune", "1", "--set=data.cache_folder=/"],
        ["slim", "x.pth", "--fine-tune", "1", "--recipe", "theirs.toml"],
    ):
        forge(results, lambda told, words=words: told["origin"].update(command=words))  # type: ignore[misc] # bound
        assert set(read(results, capsys, 1).values()) == {"unknown"}


def test_what_has_no_note_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").touch()
    for path in (tmp_path, tmp_path / "a.csv", tmp_path / "none"):
        assert run(["verify", str(path)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_doctor_says_what_a_report_needs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["doctor", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"torch", "av", "numpy"} <= set(told["packages"])
    assert "h264" in told["codecs"]["decoders"]
    assert told["devices"]["cpu"]
    assert run(["doctor"]) == 0
    assert "nothing is missing that the program needs" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "_find_package", lambda name: None)
    assert run(["doctor"]) == 1
    assert "missing: torch, for everything: pip install 'torch" in capsys.readouterr().out.replace("\n", " ")


ODD: dict[str, tuple[str, bytes]] = {
    "nothing": (".csv", b""),
    "a quote without end": (".csv", b'a,b\n1,2,3,4\n1\n"'),
    "no text": (".csv", b"a,\xff\n1,\xfe\n"),
    "NULs": (".csv", b"a,b\n1,\0\n\0\0,2\n"),
    "a million columns": (".csv", b",".join(b"c%d" % n for n in range(10**6))),
    "deep": (".json", b"[" * 100_000 + b"]" * 100_000),
    "a number of 5,000 digits": (".json", b"1" * 5_000),
    "a number beyond floats": (".json", b"[" + b"9" * 400 + b"]"),
    "not JSON": (".json", b"\xff{}"),
    "not parquet": (".parquet", b"PAR1" + bytes(1_000) + b"PAR1"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_cannot_be_read_is_different(tmp_path: Path, name: str) -> None:
    kind, content = ODD[name]
    old, new = tmp_path / f"old{kind}", tmp_path / f"new{kind}"
    old.write_bytes(content)
    table = pd.DataFrame({"a": [1.0]})
    if kind == ".json":
        new.write_text("[1.0]")
    else:
        getattr(table, "to_csv" if kind == ".csv" else "to_parquet")(new)
    began = time.process_time()
    assert verify._compare(old, new, 1e-6)[0] == "different"
    assert time.process_time() - began < 5


def test_few_bytes_that_unpack_to_very_many_are_not_unpacked(tmp_path: Path) -> None:
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    pd.DataFrame({"a": np.zeros(10_000_000, dtype="int8")}).to_parquet(old)
    pd.DataFrame({"a": [1.0]}).to_parquet(new)
    verdict, why = verify._compare(old, new, 1e-6)
    assert verdict == "different"
    assert "10,000,000 rows" in why


@pytest.mark.parametrize(
    "change",
    [
        {"command": 5},
        {"command": ["bn-hist", "a\0b"]},
        {"command": ["bn-hist", "\ud800"]},
        {"command": ["bn-hist", "a" * 3_000_000]},
        {"command": ["bn-hist", "none.pth"], "cwd": "a" * 5_000},
    ],
    ids=["no list", "NUL", "half a character", "endless", "an endless folder"],
)
def test_a_line_that_is_none_is_not_run(
    results: Path, change: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the real way of making it again
    forge(results, lambda told: told["origin"].update(change))
    assert set(read(results, capsys, 1).values()) == {"unknown"}


HARM = """import pathlib; pathlib.Path(__file__).with_name("ran").touch()\n"""


def test_a_line_runs_in_a_strangers_folder_and_imports_nothing_from_it(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the real way of making it again
    monkeypatch.chdir(tmp_path)
    for name in ("typer", "pandas", "array", "gst_analysis"):
        Path(f"{name}.py").write_text(HARM)
    forge(results, lambda told: told["origin"].update(cwd=str(tmp_path), command=["bn-hist", "none.pth"]))
    assert set(read(results, capsys, 1).values()) == {"unknown"}
    assert not Path("ran").exists()


def test_a_line_that_takes_long_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    code = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(60)"
    left = tmp_path / "left"
    late = ["sh", "-c", f"sleep 3; touch {left}"]
    start = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        verify._run_within([sys.executable, "-c", code, *late], None, 1.5)
    assert time.monotonic() - start < 30
    time.sleep(2)
    assert not left.exists()


def test_a_note_that_asks_for_hours_is_unknown(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    long = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(verify, "call_python", lambda *_: long)
    assert set(read(results, capsys, 1, "--timeout", "1").values()) == {"unknown"}
    assert run(["verify", str(results), "--timeout", "1"]) == 1
    assert "more than 1 s" in " ".join(capsys.readouterr().out.split())
    assert run(["verify", str(results), "--timeout", "nan"]) == 2


def test_an_odd_note_is_one_line_or_a_verdict(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = results / ".gst-analysis.bn_scales.json"
    sound = note.read_text()
    forge(results, lambda told: told["files"].update({"n" * 5_000: "x", "n\0": "y", "..": "z"}))
    assert "changed" in read(results, capsys, 1).values()
    names = {f"f{number}": "x" for number in range(100_001)}
    forge(results, lambda told: told["files"].update(names))
    for content in (note.read_text(), "[" * 100_000, sound.replace(": 1,", f": {'1' * 5_000},", 1)):
        note.write_text(content)
        assert run(["verify", str(results)]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_note_that_is_a_pipe_and_a_result_of_holes_hold_nothing_up(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (results / "bn_scales.csv").open("r+b") as file:
        file.truncate(30 * 10**9)
    assert read(results / "bn_scales.csv", capsys, 1) == {"bn_scales.csv": "changed"}
    note = results / ".gst-analysis.bn_scales.json"
    note.unlink()
    os.mkfifo(note)
    assert run(["verify", str(results)]) == 2


def test_a_folder_of_very_many_notes_runs_none(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = (results / ".gst-analysis.bn_scales.json").read_text()
    for number in range(verify.MOST_NOTES):
        (results / f".gst-analysis.q{number}.json").write_text(note)
    assert run(["verify", str(results)]) == 2
    assert "found notes of 101; name the files" in capsys.readouterr().err
