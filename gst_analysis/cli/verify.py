"""`verify`: saved results made once more from what they say of themselves, and compared."""

from __future__ import annotations

import io
import math
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gst_analysis.analyses import ROOMS
from gst_analysis.console.options import Json
from gst_analysis.console.output import build_table, escape, print_document, print_table
from gst_analysis.console.waiting import show_wait
from gst_analysis.documents import REAL, Part, describe, say, several, value_of
from gst_analysis.errors import OutputError, legible, one_line, shorten
from gst_analysis.files import hash_file
from gst_analysis.outputs import Note, load_notes
from gst_analysis.processes import call_python, list_import_paths
from gst_analysis.rooms import Door
from gst_analysis.untrusted import parse_json, read_bounded

if TYPE_CHECKING:
    import pandas as pd
    from pyarrow import parquet
else:
    pd, parquet = Door("pandas"), Door("pyarrow.parquet")

commands = typer.Typer()

_SAFE = frozenset(command for room in ROOMS.values() for command in room)
"""Commands that read and write results, and nothing else; no note can ask for another."""
_CODE = ("--network", "--weights")
_MORE = ("--set", "--recipe")
"""Options that say where a training keeps frames, and to whom it is told."""
_FETCHED = "imagenet"
_OWN = {"--out": 1, "--overwrite": 0, "--json": 0, "--debug": 0}
"""Words that are left out of the line, and how many belong to each."""
MOST_NOTES = 100
"""More than there are questions: no folder of ours holds as many."""
LONGEST_S = 600.0
"""Seconds for a line, which may be a stranger's and ask for hours."""
_MOST_SAID = 10_000
"""Bytes of a complaint, its end."""
_SLACK = 65_536
"""Bytes by which a file may be larger than twice the one that was made again."""


@dataclass(frozen=True)
class Verdict:
    """What came of one file."""

    file: str
    """The file that was looked at."""
    verdict: str
    """equal, close, different, changed or unknown."""
    detail: str
    """Why, in words."""

    @property
    def is_good(self) -> bool:
        """Whether it is what it says."""
        return self.verdict in ("equal", "close")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    tolerance = say(REAL, "how far numbers may be apart, as a share of the larger")
    return [describe("verify", {"tolerance": tolerance, "files": several(value_of(Verdict), "file by file")})]


@commands.command(epilog="Example: gst-analyze verify figures evaluation/accuracy.csv")
def verify(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT...", help="Files of results, or folders of them.")
    ],
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="How far numbers may be apart, as a share of the larger.")
    ] = 1e-6,
    timeout: Annotated[
        float, typer.Option(min=1.0, help="Seconds that a line may take; what takes longer is unknown.")
    ] = LONGEST_S,
    json: Json = False,
) -> None:
    """Make saved results once more and compare them.

    The note beside a result says from which files, and by which line, it was made. The line is run again into
    another folder: each file is equal (the same bytes), close (numbers within the tolerance), different,
    changed since it was made, or unknown. A line that fetches weights or changes how a training goes is not
    run, for the note may be a stranger's. Exits with 1 if any is neither equal nor close.
    """
    with show_wait("making again what is there"):
        verdicts = [one for path in results for one in check_result(path, tolerance, timeout=timeout)]
    if json:
        print_document("verify", {"tolerance": tolerance, "files": verdicts})
    else:
        table = build_table("file", "verdict", "why")
        for one in verdicts:
            table.add_row(*map(escape, (one.file, one.verdict, one.detail)))
        print_table(table)
    if not all(one.is_good for one in verdicts):
        raise typer.Exit(1)


def check_result(path: Path, tolerance: float, *, timeout: float = LONGEST_S) -> Iterator[Verdict]:
    """Every file of a result, or one alone, made again, each note's line within `timeout` seconds.

    Raises:
        OutputError: no note there says how anything was made.
    """
    folder, name = (path, None) if os.path.isdir(path) else (path.parent, path.name)
    notes = [note for note in load_notes(folder) if name is None or name in note.files]
    if not notes:
        raise OutputError(
            legible(path),
            expected="a result, or a folder of them, with its hidden note beside it",
            found="no note of it" if folder.is_dir() else "no such folder",
            todo="make it again, and leave .gst-analysis.*.json where it is",
        )
    if len(notes) > MOST_NOTES:  # each is a line that runs
        raise OutputError(
            legible(path),
            expected=f"at most {MOST_NOTES} results in a folder",
            found=f"notes of {len(notes):,}",
            todo="name the files to verify, a few at a time",
        )
    for note in notes:
        asked = [name] if name else list(note.files)
        yield from _check_note(folder, note, asked, tolerance=tolerance, timeout=timeout)


def _check_note(
    folder: Path, note: Note, names: Sequence[str], *, tolerance: float, timeout: float
) -> Iterator[Verdict]:
    asked = [name for name in names if name not in note.guarded]
    changed = [name for name in asked if not note.owns(folder / name)]
    yield from (Verdict(str(folder / name), "changed", "not as it was written") for name in changed)
    left = [name for name in asked if name not in changed]
    line, why = _find_line(note)
    if not line:
        yield from (Verdict(str(folder / name), "unknown", why) for name in left)
        return
    with tempfile.TemporaryDirectory(prefix="gst-analysis-") as new:
        trouble = _run_again(line, Path(str(note.origin.get("cwd", "."))), Path(new), timeout)
        for name in left:
            verdict, detail = _compare(folder / name, Path(new) / name, tolerance)
            yield Verdict(str(folder / name), verdict, detail or trouble)


def _find_line(note: Note) -> tuple[list[str], str]:
    """The words that make a result again, without where to; none and why not, if there are none."""
    told = note.origin.get("command")
    words = [str(word) for word in told] if isinstance(told, list) else []
    if not words:
        return [], "made in Python, not by a command"
    # The note may be a stranger's: only an analysis is run, never anybody's code, and nothing is fetched.
    asks = any(word.startswith((*_CODE, *_MORE)) or _FETCHED in word.lower() for word in words)
    if words[0] not in _SAFE or asks:
        return [], f"not run again: {shorten(one_line(' '.join(words)), 60)}"
    kept, skip = list[str](), 0
    for word in words:
        name, sign, _ = word.partition("=")
        if skip:
            skip -= 1
        elif name in _OWN:
            skip = 0 if sign else _OWN[name]
        else:
            kept.append(word)
    return kept, ""


def _run_again(line: Sequence[str], cwd: Path, out: Path, timeout: float) -> str:
    """Run a line into a new folder; returns its complaint, if it has one."""
    words = call_python("-m", "gst_analysis.cli", *line, "--out", str(out))
    try:
        code, told = _run_within(words, cwd if os.path.isdir(cwd) else None, timeout)
    except subprocess.TimeoutExpired:
        return f"its line takes more than {timeout:g} s, which --timeout bounds"
    except (OSError, ValueError) as error:  # a line that is no line: endless words, or no text
        return f"its line cannot be run: {shorten(one_line(str(error)), 120)}"
    return shorten(one_line(told), 200) if code not in (0, 1) else ""


def _run_within(words: Sequence[str], cwd: Path | None, timeout: float) -> tuple[int, str]:
    """A process's exit code and what it complained of; it and all that it started end with the call."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": list_import_paths()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        finally:
            _end_group(process)
        said.seek(0, os.SEEK_END)
        said.seek(max(0, said.tell() - _MOST_SAID))
        return code, said.read().decode("utf-8", "replace")


def _end_group(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _compare(old: Path, new: Path, tolerance: float) -> tuple[str, str]:
    """The verdict on a file, and why."""
    if not new.is_file():
        return "unknown", "" if old.suffix else "not made by that line"
    if hash_file(old) == hash_file(new):
        return "equal", "the same bytes"
    if old.suffix not in (".csv", ".parquet", ".json"):
        return "different", "other bytes"
    # Ours is as large as it honestly is: nothing much larger is read to find the same in it.
    most = new.stat().st_size * 2 + _SLACK
    try:
        apart = _measure_distance(_read(old, most), _read(new, most))
    except (OSError, ValueError, ArithmeticError) as error:
        return "different", f"cannot be read as what it is: {shorten(one_line(str(error)), 120)}"
    if apart <= tolerance:
        return "close", f"numbers differ by {apart:.1e} at most"
    return "different", "other words" if apart == math.inf else f"numbers differ by up to {apart:.1e}"


def _read(path: Path, most: int) -> Any:
    """A result's values.

    Raises:
        ValueError: it has more bytes, or more unpacked, than `most` allows, or cannot be read.
    """
    content = read_bounded(path, most=most)
    if path.suffix == ".json":
        told = parse_json(content)
        if isinstance(told, dict) and isinstance(told.get("provenance"), dict):
            told["provenance"].pop("version", None)  # which may well be another by now
        return told
    text = io.BytesIO(content)
    table = pd.read_csv(text) if path.suffix == ".csv" else _read_parquet(text)
    return table.to_dict("list")


def _read_parquet(content: io.BytesIO) -> pd.DataFrame:
    """A parquet table, unless it unpacks to far more than its bytes.

    Raises:
        ValueError: it does.
    """
    told = parquet.ParquetFile(content).metadata
    unpacked = sum(told.row_group(number).total_byte_size for number in range(told.num_row_groups))
    if max(unpacked, told.num_rows) > 100 * len(content.getbuffer()) + _SLACK:
        raise ValueError(f"{told.num_rows:,} rows in {len(content.getbuffer()):,} bytes")
    content.seek(0)
    return pd.read_parquet(content)


def _measure_distance(old: Any, new: Any) -> float:
    """The largest difference of numbers as a share of the larger; infinite where anything else differs."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and old.keys() == new.keys():
        return max((_measure_distance(old[key], new[key]) for key in old), default=0.0)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return max((_measure_distance(one, other) for one, other in zip(old, new, strict=True)), default=0.0)
    if isinstance(old, (int, float)) and isinstance(new, (int, float)):
        if old == new or (old != old and new != new):
            return 0.0
        apart = abs(old - new) / max(abs(old), abs(new))
        return math.inf if apart != apart else apart
    return 0.0 if old == new else math.inf
