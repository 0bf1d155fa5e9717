"""Where a command writes: streams through which no text from a file can give a terminal orders.

Names, labels and messages come from strangers' files, and any print would hand them on. So the program's own
stdout and stderr spell control characters; what draws on purpose, Rich alone, writes to the stream beneath.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from gst_analysis.errors import GstError, spell_controls


class SafeStream:
    """A text stream that spells control characters, and is otherwise the one beneath it."""

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def __getattr__(self, name: str) -> Any:
        if name == "beneath":  # while a copy is being made
            raise AttributeError(name)
        return getattr(self.beneath, name)

    def write(self, text: str) -> int:
        """Write text, its control characters spelt."""
        with mark_refusals():
            self.beneath.write(spell_controls(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """Hand on what was written."""
        with mark_refusals():
            self.beneath.flush()


class RefusedOutput(GstError):
    """What was printed is not taken: there is no room, or nobody is reading it any more."""

    def __init__(self, error: OSError) -> None:
        self.unread = isinstance(error, BrokenPipeError)
        """Whether the reader has gone, as `head` does."""
        super().__init__(
            "standard output",
            expected="room for what is printed",
            found=error.strerror or str(error),
            todo="make room, or write it somewhere else",
        )


@contextmanager
def mark_refusals() -> Iterator[None]:
    """Tell a stream that takes nothing more from files that cannot be written.

    Raises:
        RefusedOutput: the stream took nothing.
    """
    try:
        yield
    except OSError as error:
        raise RefusedOutput(error) from error


@contextmanager
def safe_streams() -> Iterator[None]:
    """Have stdout and stderr spell control characters for as long as the block runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, SafeStream(find_beneath(stream))) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def find_beneath(stream: TextIO) -> TextIO:
    """The stream that a terminal's orders may be written to."""
    return stream.beneath if isinstance(stream, SafeStream) else stream


def free_streams() -> None:
    """Give up spelling, for a program that this process becomes."""
    sys.stdout, sys.stderr = find_beneath(sys.stdout), find_beneath(sys.stderr)


def open_standard_streams() -> None:
    """Make the three standard streams usable, whatever the process was started with.

    A number that is closed would be that of the next file that is opened, and a library's message, written
    to stderr by its number, would end in the middle of a result.

    Raises:
        GstError: stdout is closed, so that nothing could be printed.
    """
    closed = []
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            closed.append(number)
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 # for as long as we run
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a sign that the terminal's encoding lacks
    if sys.stdout is None or 1 in closed:
        raise GstError(
            "standard output",
            expected="one that is open",
            found="a closed one",
            todo="leave out >&-, or send it to /dev/null",
        )


def give_up_output() -> None:
    """Let nothing more be written to stdout, or Python would complain once more as it ends."""
    with suppress(OSError, ValueError):  # a stream of somebody who calls us, without a number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
