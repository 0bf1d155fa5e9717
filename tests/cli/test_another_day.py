"""Every command that writes gives the same bytes on another day, in another time zone and in another folder.

What may differ stands in docs/saving.md: where a line was run, in its hidden note, and what a training took.
"""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from gst_analysis.cli import app, run
from tests.cli.test_sockets import LINES, NET, OTHER, WORLD, bench
from tests.training import runs

__all__ = ["bench"]

TIMED = {"seconds", "clips_per_s"}
OF_THIS_RUN = {"run.lock", "state.pt"}
"""Of a training: the number of its process, and beside the weights of last.pth the seconds that it took."""
DAYS, ZONES = (0, 401), ("Asia/Tokyo", "America/New_York")


def find_option(command: str, name: str) -> Any:
    return next((one for one in app.commands[command].params if name in one.opts), None)


WRITING = [name for name in LINES if find_option(name, "--out") or name == "synth"]


def write_line(command: str) -> list[str]:
    """A command's line, with every format that it can write."""
    words, option = [command, *LINES[command]], find_option(command, "--formats")
    if option is None:
        return words if "--out" in words or command == "synth" else [*words, "--out", "out"]
    if "--formats" in words:
        del words[words.index("--formats") :]
    kinds = re.findall(r"\w+", option.help.partition(":")[2])
    return [*words, "--formats", ",".join(kinds), "--out", "out"]


@pytest.fixture
def days(bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Iterator[Path]]:
    """Two folders with the same inputs, each on a day and in a time zone of its own."""
    now = time.time

    def pass_on() -> Iterator[Path]:
        for name, day, zone in zip(("first/place", "elsewhere"), DAYS, ZONES, strict=True):
            here = tmp_path / name
            here.mkdir(parents=True)
            for given in (NET, OTHER, WORLD):
                (here / given).symlink_to(bench / given)
            monkeypatch.chdir(here)
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            monkeypatch.setattr(time, "time", lambda day=day: now() + day * 86_400)
            yield here

    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    yield pass_on()
    monkeypatch.undo()
    time.tzset()


def read(path: Path, here: Path) -> object:
    """A file's bytes, without what is of its folder or of the clock."""
    if path.name.startswith(".gst-analysis."):
        return path.read_text().replace(str(here), "here")
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [{key: value for key, value in line.items() if key not in TIMED} for line in lines]
    if path.name in ("epochs.csv", "steps.csv"):
        table = pd.read_csv(io.BytesIO(path.read_bytes()))
        return table.drop(columns=[*TIMED & set(table)]).to_csv()
    return path.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("command", [name for name in WRITING if name not in ("demo", "explore")])
def test_every_format_is_the_same_on_another_day(command: str, days: Iterator[Path]) -> None:
    made = []
    for here in days:
        if command == "train":
            runs.render(here / "rendered")
        before = {path for path in here.rglob("*") if path.is_file()}
        assert run(write_line(command)) == 0
        after = [path for path in here.rglob("*") if path.is_file() and path not in before]
        told = [path for path in after if path.name not in OF_THIS_RUN]
        made.append({str(path.relative_to(here)): read(path, here) for path in told})
    first, second = made
    assert sorted(first) == sorted(second)
    assert first
    assert [name for name, content in first.items() if second[name] != content] == []


def test_lines_ask_for_every_format() -> None:
    assert {"trace", "report", "slim", "synth", "train", "adopt", "reference"} <= set(WRITING)
    assert write_line("trace")[-3] == "png,svg,pdf,html,mp4,webm,csv,parquet,json"
