"""What one annotation line says, before any video file is looked up.

An annotation file's text enters a reader (readers_*.py) as an Annotation; a list of Entry leaves it.
Paths in an Entry are text from an untrusted file: only locating.py turns them into real paths.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gst_analysis.clips.locating import require_file
from gst_analysis.errors import DataError

# str.splitlines would also part a line at signs that a name may hold, such as U+2028.
_LINE_END = re.compile(r"\r\n|\n|\r")
MOST_BYTES = 500_000_000
"""Ten million lines: what is larger is something else."""
_WHOLE = re.compile(r"[0-9]{1,9}")
_CLOCK = re.compile(r"([0-9]{1,3}):([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]{1,9})?)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One annotated clip. `files` may hold the clip itself, `sources` a longer video around it.

    A file may also lie in one of `folders`, which the clips of a class share: written out, they would be most
    of what a list of a million lines takes.
    """

    clip: str
    line: int
    files: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    label: int | None = None
    label_text: str | None = None
    num_frames: int | None = None
    frames: tuple[int, int] | None = None
    """First frame and the one after the last, from 0, within a source."""
    times: tuple[float, float] | None = None
    """Start and stop in seconds within a source."""
    subset: str | None = None
    folders: tuple[str, ...] = ()

    @property
    def candidates(self) -> tuple[str, ...]:
        """Where the clip itself may lie: its files, then those in every folder."""
        return self.files + tuple(f"{folder}/{file}" for folder in self.folders for file in self.files)


@dataclass(frozen=True)
class Annotation:
    """An annotation or label file as text."""

    path: Path
    text: str
    sha256: str

    @classmethod
    def load(cls, path: Path) -> Annotation:
        """Read a UTF-8 text file, or say in one line why not."""
        require_file(path, "an annotation file")
        try:
            size = path.stat().st_size
            if size > MOST_BYTES:
                raise DataError(
                    str(path),
                    expected=f"an annotation file of at most {MOST_BYTES // 10**6} MB",
                    found=f"{size // 10**6} MB",
                    todo="give the annotation file itself, or divide it",
                )
            content = path.read_bytes()
        except OSError as error:
            raise DataError(
                str(path),
                expected="an annotation file",
                found=error.strerror or str(error),
                todo="check the path",
            ) from error
        try:
            # -sig: some programs write a mark of the encoding before the text.
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise DataError(
                f"{path}, line {line}",
                expected="UTF-8 text",
                found=f"byte 0x{content[error.start]:02x}",
                todo="give the annotation file itself, or save it as UTF-8",
            ) from error
        return cls(path, text, hashlib.sha256(content).hexdigest())

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines that hold anything, numbered from 1, without white space around them."""
        start, number = 0, 1
        for end in _LINE_END.finditer(self.text):
            line = self.text[start : end.start()].strip()
            if line:
                yield number, line
            start, number = end.end(), number + 1
        line = self.text[start:].strip()
        if line:
            yield number, line

    @cached_property
    def is_json(self) -> bool:
        """Whether it is meant as JSON: a clip's or a class's name may start with a bracket as well."""
        if self.path.suffix.lower() == ".json":
            return True
        if self.text.lstrip()[:1] not in ("[", "{"):
            return False
        try:
            json.loads(self.text)
        except (ValueError, RecursionError):
            return False
        return True

    def place(self, number: int) -> str:
        """How to name a line; in JSON, where lines are the writer's layout, a record."""
        kind = "record" if self.is_json else "line"
        return f"{self.path}, {kind} {number}"

    def error(self, line: int, *, expected: str, found: str, todo: str = "correct it") -> DataError:
        """The error of a malformed line."""
        return DataError(self.place(line), expected=expected, found=_short(found), todo=todo).quoting()

    def whole(self, text: str, line: int, name: str) -> int:
        """A whole number of at least 0, or the line's error."""
        if not _WHOLE.fullmatch(text.strip()):
            raise self.error(line, expected=f"{name} as a whole number", found=text)
        return int(text)

    def seconds(self, text: str, line: int, name: str) -> float:
        """A clock time such as 00:01:02.5 in seconds, or the line's error."""
        match = _CLOCK.fullmatch(text.strip())
        if match is None:
            raise self.error(line, expected=f"{name} as HH:MM:SS.ss", found=text)
        hours, minutes, seconds = match.groups()
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)

    def field(self, row: Mapping[str, str | None], name: str, line: int) -> str:
        """A column's text that must not be empty, or the line's error."""
        value = (row.get(name) or "").strip()
        if not value:
            raise self.error(line, expected=f"a value in column {name}", found="nothing")
        return value

    def span(self, start: float, stop: float, line: int, name: str) -> None:
        """Refuse a stop that does not lie after its start."""
        if not start < stop:
            raise self.error(line, expected=f"a stop {name} after the start", found=f"{start} to {stop}")


def hold_once(text: str) -> str | None:
    """A label's or a subset's text, one object however many lines have it; None for an empty one."""
    return sys.intern(text) if text else None


def is_whole(text: str) -> bool:
    """Whether a token is a plain whole number of at least 0."""
    return _WHOLE.fullmatch(text) is not None


def strip_template(text: str) -> str:
    """A label or template without [ ] and doubled spaces: `Putting [something] down` -> as its label."""
    return " ".join(re.sub(r"[\[\]]", "", text).split())


def strip_quotes(text: str) -> str:
    """A field without the quotes around it, as csv writes them; quotes within a field are kept."""
    if len(text) < 3 or not text[0] == text[-1] == '"':
        return text
    inside = text[1:-1].replace('""', "\0")
    return text if '"' in inside else inside.replace("\0", '"')


def _short(text: str, limit: int = 80) -> str:
    return repr(text if len(text) <= limit else text[:limit] + "…")
