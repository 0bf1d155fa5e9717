"""What happened in a run, appended line by line: log.jsonl, steps.csv, epochs.csv; trackers are told, too.

A resumed run cuts each file back to where it was when the run was last saved, so nothing stands twice.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gst_analysis.errors import OutputError
from gst_analysis.files import to_plain
from gst_analysis.tables.schema import Schema
from gst_analysis.tracking.trackers import Tracker, Trackers
from gst_analysis.training.table import EPOCHS, EVENTS, STEPS, TRAINING_EPOCHS, TRAINING_STEPS

_TABLES: Mapping[str, Schema] = {STEPS: TRAINING_STEPS, EPOCHS: TRAINING_EPOCHS}


class RunLog:
    """The log of one run; of a rank that does not lead (`folder` is None) it writes nothing."""

    def __init__(
        self, folder: Path | None, *, sizes: Mapping[str, int] | None = None, trackers: Sequence[Tracker] = ()
    ) -> None:
        self._files = {}
        self.trackers = Trackers(trackers, lost=lambda text: self.add_event("note", {"text": text}))
        if folder is None:
            return
        for name in (EVENTS, *_TABLES):
            self._files[name] = _open_at(folder / name, (sizes or {}).get(name, 0))
        for name, schema in _TABLES.items():
            if self._files[name].tell() == 0:
                self._append(name, format_row(list(schema.columns)))

    def add_event(self, event: str, values: Mapping[str, Any]) -> None:
        """One line in log.jsonl."""
        if EVENTS in self._files:
            plain = {k: None if _is_odd(v) else v for k, v in to_plain({"event": event, **values}).items()}
            self._append(EVENTS, json.dumps(plain, ensure_ascii=False) + "\n")

    def add_steps(self, row: Mapping[str, Any]) -> None:
        """A row of TRAINING_STEPS."""
        self._add_row(STEPS, "steps", row)

    def add_epoch(self, row: Mapping[str, Any]) -> None:
        """A row of TRAINING_EPOCHS."""
        self._add_row(EPOCHS, "epoch", row)

    def sizes(self) -> dict[str, int]:
        """How long each file is, all of it on the disk."""
        for file in self._files.values():
            os.fsync(file.fileno())
        return {name: file.tell() for name, file in self._files.items()}

    def close(self) -> None:
        self.trackers.close()
        for file in self._files.values():
            file.close()

    def _add_row(self, name: str, event: str, row: Mapping[str, Any]) -> None:
        if name not in self._files:
            return
        self._append(name, format_row([row[column] for column in _TABLES[name].columns]))
        self.add_event(event, row)
        told = {
            f"{event}/{key}": value
            for key, value in row.items()
            if isinstance(value, float) and key != "seconds"
        }
        self.trackers.add_scalars(told, row["step"])

    def _append(self, name: str, text: str) -> None:
        file = self._files[name]
        if not os.fstat(file.fileno()).st_nlink:
            raise OutputError(
                str(file.name),
                expected="the run's own files, as long as it goes on",
                found="that they were removed",
                todo="begin the run anew",
            )
        file.write(text.encode("utf-8", "backslashreplace"))  # a path may hold half a character
        file.flush()


def _open_at(path: Path, size: int) -> io.BufferedRandom:
    """A file to append to, cut to a length; a shorter one is left as it is."""
    path.touch()
    file = path.open("r+b")
    file.truncate(min(size, file.seek(0, os.SEEK_END)))
    file.seek(0, os.SEEK_END)
    return file


def format_row(values: Sequence[Any]) -> str:
    """A line of a table; numbers that no table has are left empty."""
    text = io.StringIO()
    cells = ["" if v is None or _is_odd(v) else v for v in values]
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _is_odd(value: Any) -> bool:
    """A number that neither JSON nor a table has."""
    return isinstance(value, float) and not math.isfinite(value)
