"""Everything this package raises on purpose.

    GstError                      catch this one to catch them all
    ├── SpecError                 a network that cannot be: unknown name, impossible alpha, bad size
    │   └── NotDefinedError       an analysis that is not defined for a network: nothing is broken
    ├── CheckpointError           a checkpoint file that cannot be used
    │   ├── UnreadableCheckpoint  not a checkpoint at all: missing, empty, truncated, random bytes
    │   ├── UnsafeCheckpoint      reading it would have run code; nothing was run
    │   ├── UnknownCheckpoint     readable, but no network we know
    │   └── BrokenCheckpoint      a network we know, with missing, misshapen or non-finite weights
    ├── DataError                 annotation files, clips and datasets
    ├── TableError                a table that breaks its schema
    └── OutputError               a result that cannot be written

Every message is one line and says what was expected, what was found and what to do.
"""

from __future__ import annotations

import linecache
import os
import re
import traceback
from types import TracebackType
from typing import Self

DEBUG_VARIABLE = "GST_ANALYSIS_DEBUG"
"""Where it is set, and not to 0, traces are shown."""

COMMANDING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters but tab and line feed, halves of characters, and what turns the direction of writing."""


MOST_CHARACTERS = 2000
"""Of each part of a message: a name in a file may be as long as the file."""


class GstError(Exception):
    """Base of all errors; build one from its four parts."""

    def __init__(self, subject: str, *, expected: str, found: str, todo: str) -> None:
        self.subject = subject
        self.expected = expected
        self.found = found
        self.todo = todo
        super().__init__(self._say(found))
        self.discreet = found

    def quoting(self, *, instead: str = "something else") -> Self:
        """Note that what was found is quoted from a file, and how to say so to whoever may not read that.

        Args:
            instead: what was found, without its words.
        """
        self.discreet = instead
        return self

    def say_discreetly(self) -> str:
        """The message without what it quotes from a file."""
        return self._say(self.discreet)

    def _say(self, found: str) -> str:
        parts = (self.subject, self.expected, found, self.todo)
        told = [shorten(str(part), MOST_CHARACTERS) for part in parts]
        return one_line("{}: expected {}; found {}; {}".format(*told))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows, which asks by this name: whose line led here, and the message.

        A reader of bad input needs no frames of ours; `%debug` walks them, GST_ANALYSIS_DEBUG=1 shows them.
        """
        if debugs():
            return traceback.format_exception(self)
        theirs = [f"line {line}: {text}" for line, text in _find_line(self.__traceback__)]
        return [*theirs, f"{type(self).__name__}: {self}"]

    @property
    def parts(self) -> dict[str, str]:
        """The four, by their names."""
        return {"subject": self.subject, "expected": self.expected, "found": self.found, "todo": self.todo}


class SpecError(GstError):
    """A network or clip specification that cannot be built."""


class NotDefinedError(SpecError):
    """An analysis that a network lacks something for: nobody did anything wrong, and other analyses go."""


class CheckpointError(GstError):
    """A checkpoint file that cannot be used."""


class UnreadableCheckpoint(CheckpointError):
    """The file is missing, empty, truncated or no checkpoint."""


class UnsafeCheckpoint(CheckpointError):
    """The file asks for code to be run on loading."""


class UnknownCheckpoint(CheckpointError):
    """The file holds weights of a network we do not know."""


class BrokenCheckpoint(CheckpointError):
    """The file holds a network we know with wrong, missing or non-finite tensors."""


class DataError(GstError):
    """Annotations, clips or datasets that cannot be used."""


class TableError(GstError):
    """A table that breaks its schema."""


class OutputError(GstError):
    """A result that cannot be written where it was asked for."""


def debugs() -> bool:
    """Whether whoever runs this wants to see where errors come from."""
    return os.environ.get(DEBUG_VARIABLE, "0") not in ("", "0")


def _find_line(frames: TracebackType | None) -> list[tuple[int, str]]:
    """The last line, with its number, that ran before this package did; none where Python kept no source."""
    found: list[tuple[int, str]] = []
    for frame, line in traceback.walk_tb(frames):
        if frame.f_globals.get("__name__", "").partition(".")[0] == __package__:
            break
        text = linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
        found = [(line, shorten(text))] if text else []
    return found


def one_line(text: str) -> str:
    """Fold all white space and drop control characters, so that a message stays one safe line."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable())


def describe_error(error: BaseException, limit: int = 200) -> str:
    """An error of a library's as one line: its kind and what it says, which may be anything, or nothing."""
    try:
        text = str(error)
    except Exception:  # its own text is code of somebody's, too
        text = ""
    return shorten(one_line(f"{type(error).__name__}: {text[: 10 * limit]}").rstrip(": "), limit)


def quote(value: object, limit: int = 60) -> str:
    """A value as Python writes it, of at most so many characters; it may be a number of any length."""
    try:
        return shorten(repr(value), limit)
    except ValueError:  # Python writes no whole number of more than some thousand digits
        return "a number of very many digits"


def legible(path: object) -> str:
    """A path as text that can be printed and written, whatever bytes its name is made of."""
    return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in str(path))


def spell_controls(text: str) -> str:
    """Text as it may be shown: what a terminal obeys, and half a character, is spelt, as `\\x1b` is."""
    if text.isascii() and text.isprintable():
        return text
    return COMMANDING.sub(lambda found: ascii(found[0])[1:-1], text)


def shorten(text: str, limit: int = 200) -> str:
    """Text of at most so many characters, its middle left out where it is longer."""
    half = (limit - 1) // 2
    return text if len(text) <= limit else f"{text[:half]}…{text[len(text) - half :]}"


def name_some(names: list[str], *, limit: int = 4) -> str:
    """The first few names, none of them endless, and how many more there are."""
    shown = ", ".join(map(shorten, names[:limit]))
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown
