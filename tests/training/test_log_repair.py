"""Logs that were damaged while a run stood still are whole again when it goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from gst_analysis.analyses.training_runs import read_run
from gst_analysis.training.loop import train
from tests.training.runs import STEPS, tiny

SHORT = {"schedule.kind": "constant", "schedule.epochs": "1"}
LONG = {**SHORT, "schedule.epochs": "2"}
FILES = ("log.jsonl", "steps.csv", "epochs.csv")


@pytest.fixture(scope="module")
def stopped(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch."""
    out = tmp_path_factory.mktemp("stopped") / "run"
    train(tiny(world, SHORT), out=out)
    return out


def go_on(world: Path, stopped: Path, out: Path, damage: dict[str, bytes | None]) -> list[str]:
    """Damage some of the logs and resume; returns the notes of that."""
    shutil.copytree(stopped, out)
    for name, content in damage.items():
        if content is None:
            (out / name).unlink()
        else:
            (out / name).write_bytes(content)
    result = train(tiny(world, LONG), out=out, resume=True)
    noted = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    notes = [note for note in result.notes if "damaged" in note]
    assert notes == [event["text"] for event in noted if "damaged" in event.get("text", "")]
    return notes


def test_whole_logs_are_left_as_they_are(world: Path, stopped: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert go_on(world, stopped, out, {}) == []
    for name in FILES:
        assert (out / name).read_bytes().startswith((stopped / name).read_bytes())


@pytest.mark.parametrize("content", [None, b"", b"garbage", b"garbage\n" * 200, b"\xff\xfe\0" * 99])
def test_tables_are_written_anew_from_what_is_known(
    content: bytes | None, world: Path, stopped: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    notes = go_on(world, stopped, out, {"steps.csv": content, "epochs.csv": content})
    assert notes == [
        "steps.csv was damaged: its rows were taken from log.jsonl",
        "epochs.csv was damaged: its rows were taken from state.pt",
    ]
    for name in FILES:
        assert (out / name).read_bytes().startswith((stopped / name).read_bytes())
    run = read_run(out)
    assert run.table["step"].tolist() == list(range(1, 2 * STEPS + 1))
    assert run.epochs["epoch"].tolist() == [1, 2]


def test_rows_that_nobody_knows_are_told(world: Path, stopped: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    lines = (stopped / "log.jsonl").read_bytes().splitlines(keepends=True)
    kept = next(n for n, line in enumerate(lines) if b'"steps"' in line) + 1
    notes = go_on(world, stopped, out, {"log.jsonl": b"".join(lines[:kept]) + b"half a", "steps.csv": None})
    assert notes == [
        f"log.jsonl was damaged: lines up to step {STEPS} are missing",
        f"steps.csv was damaged: rows up to step {STEPS} are missing",
    ]
    assert read_run(out).table["step"].tolist() == [1, *range(STEPS + 1, 2 * STEPS + 1)]
    assert pd.read_csv(out / "epochs.csv")["epoch"].tolist() == [1, 2]


def test_a_lost_log_is_told_and_the_tables_stay(world: Path, stopped: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert len(go_on(world, stopped, out, {"log.jsonl": None})) == 1
    assert (out / "steps.csv").read_bytes().startswith((stopped / "steps.csv").read_bytes())
    assert read_run(out).summary.steps == 2 * STEPS
