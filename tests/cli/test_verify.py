"""`verify` makes results again, and tells equal from close, different and changed; `doctor` looks around."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gst_analysis.cli import doctor, run, verify
from gst_analysis.outputs import load_notes
from tests.conftest import SaveSmall


@pytest.fixture
def results(save_small: SaveSmall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A result made by a command; making it again runs in this process, which is quicker."""

    def run_again(line: list[str], cwd: Path, out: Path) -> str:
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
    for words in (["train", "x"], ["bn-hist", "-", "--network=evil:run"], ["explore"], []):
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
