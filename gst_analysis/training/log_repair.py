"""Logs that were deleted, cut or overwritten since a run was saved: made whole again from what else is known.

Epochs are in state.pt, and log.jsonl holds every row of steps.csv as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gst_analysis.files import write_whole
from gst_analysis.training.logs import format_row
from gst_analysis.training.state import Snapshot
from gst_analysis.training.table import EPOCHS, EVENTS, STEPS, TRAINING_EPOCHS, TRAINING_STEPS

Event = dict[str, Any]


def repair_logs(folder: Path, snapshot: Snapshot) -> tuple[dict[str, int], list[str]]:
    """Make a run's logs those of the moment it was saved; returns their lengths, and what to tell of it."""
    sizes, step = dict(snapshot.log), snapshot.position.step
    texts = {name: _read(folder / name, sizes.get(name, 0)) for name in (EVENTS, STEPS, EPOCHS)}
    events, whole = _read_events(texts[EVENTS], sizes.get(EVENTS, 0), step)
    notes = []
    if not whole:
        notes.append(f"log.jsonl was damaged: lines up to step {step} are missing")
        texts[EVENTS] = "".join(json.dumps(event) + "\n" for event in events)
    rows = _read_rows(texts[STEPS])
    if rows is None or len(texts[STEPS].encode()) < sizes.get(STEPS, 0):
        logged = {event["step"]: event for event in events if event.get("event") == "steps"}
        texts[STEPS] = _format_table(list(TRAINING_STEPS.columns), _merge(logged, rows or {}, step))
        if whole:
            notes.append("steps.csv was damaged: its rows were taken from log.jsonl")
        else:
            notes.append(f"steps.csv was damaged: rows up to step {step} are missing")
    epochs = _format_table(list(TRAINING_EPOCHS.columns), snapshot.position.rows)
    if texts[EPOCHS] != epochs:
        texts[EPOCHS] = epochs
        notes.append("epochs.csv was damaged: its rows were taken from state.pt")
    if notes:
        for name, text in texts.items():
            _write(folder / name, text)
    return {name: len(text.encode()) for name, text in texts.items()}, notes


def _read(path: Path, size: int) -> str:
    """Read what was there when the run was saved; bytes that are no text become signs that fit nowhere."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return file.read(size).decode(errors="replace")


def _read_events(text: str, size: int, step: int) -> tuple[list[Event], bool]:
    """The readable lines of log.jsonl up to a step, and whether that is all of it."""
    *lines, rest = text.split("\n")
    events = [event for event in map(_parse, lines) if event is not None and _is_before(event, step)]
    return events, len(events) == len(lines) and not rest and len(text.encode()) == size


def _parse(line: str) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _is_before(event: Event, step: int) -> bool:
    """Whether an event is as ours are, and none of another, longer run; a row has all its columns."""
    if event.get("event") == "steps" and not set(TRAINING_STEPS.columns) <= set(event):
        return False
    at = event.get("step", 0)
    return isinstance(at, int) and at <= step + 1  # what was left out is told of the step that follows


def _read_rows(text: str) -> dict[int, Event] | None:
    """Rows of steps.csv by their step; None if any line is no row."""
    header, *lines = text.splitlines() or [""]
    names = list(TRAINING_STEPS.columns)
    cells = [line.split(",") for line in lines]
    if header != ",".join(names) or not text.endswith("\n"):
        return None
    try:
        read = [dict(zip(names, map(_number, row), strict=True)) for row in cells]
        return {int(row["step"] or 0): row for row in read}
    except (ValueError, OverflowError):
        return None


def _number(cell: str) -> int | float | None:
    if not cell:
        return None
    return int(cell) if cell.isdecimal() else float(cell)


def _merge(logged: Mapping[int, Event], rows: Mapping[int, Event], step: int) -> Iterator[Event]:
    """Rows up to a step in order, from either source."""
    every = {**logged, **rows}
    return (every[at] for at in sorted(every) if at <= step)


def _format_table(names: Sequence[str], rows: Iterator[Event] | Sequence[Event]) -> str:
    return "".join([format_row(names), *(format_row([row[name] for name in names]) for row in rows)])


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda file: file.write(text.encode()))
