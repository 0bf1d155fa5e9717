"""How much a command says beside its result: `--quiet`, as usual, or `--verbose`, anywhere in its line.

A command that is not watched on a terminal tells in a line now and then how far it is.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Literal, TextIO

from gst_analysis.errors import SpecError, one_line, shorten
from gst_analysis.processes import is_leader
from gst_analysis.progress import HELD, NOTICES, Pace

Loudness = Literal["quiet", "usual", "verbose"]
FLAGS: dict[str, Loudness] = {"--quiet": "quiet", "--verbose": "verbose"}
INTERVAL = "GST_ANALYSIS_PROGRESS"
"""The variable that says after how many seconds each line of progress comes; 0 for none."""
_SECONDS = {"quiet": 0.0, "usual": 10.0, "verbose": 2.0}
_CHOSEN: ContextVar[Loudness] = ContextVar("loudness", default="usual")


def take_loudness(words: Sequence[str]) -> tuple[list[str], Loudness]:
    """The words of a command line without the flags of loudness, and what they say.

    Raises:
        SpecError: both are there.
    """
    given = {FLAGS[word] for word in words if word in FLAGS}
    if len(given) > 1:
        raise SpecError("--quiet", expected="it or --verbose", found="both", todo="leave one of them out")
    return [word for word in words if word not in FLAGS], next(iter(given), "usual")


@contextmanager
def speak(loudness: Loudness) -> Iterator[None]:
    """Be as loud as that while the block runs, on stderr.

    As usual, notices are shown (what is done once and takes its time); `--verbose` shows all that is logged.
    """
    token = _CHOSEN.set(loudness)
    name = "gst_analysis" if loudness == "verbose" else NOTICES
    logger, handler = logging.getLogger(name), _Notices()
    before = logger.level
    if loudness != "quiet":
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    try:
        yield
        handler.show_held()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
        _CHOSEN.reset(token)


class _Notices(logging.StreamHandler[TextIO]):
    """Shows what is logged, at once or, where it is marked so, when it is sure that work begins.

    So a line that is refused is answered with one line: why.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, HELD, False):
            self._held.append(record)
        else:
            self._show(record)

    def show_held(self) -> None:
        """Show what was held."""
        held, self._held = self._held, []
        for record in held if is_leader() else ():
            self._show(record)

    def _show(self, record: logging.LogRecord) -> None:
        self.setStream(sys.stderr)  # as it is now: a bar puts one of its own there, which keeps it whole
        super().emit(record)


def show_held() -> None:
    """Show the notices that wait for work to begin: it has."""
    for name in (NOTICES, "gst_analysis"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, _Notices):
                handler.show_held()


def is_quiet() -> bool:
    """Whether neither notes nor progress are wanted."""
    return _CHOSEN.get() == "quiet"


class ProgressLines:
    """A line on stderr every so many seconds, from the first time that so many have passed.

    Args:
        seconds: how many; what was chosen if None.
    """

    def __init__(self, *, seconds: float | None = None) -> None:
        self._seconds = _read_interval() if seconds is None else seconds
        self._start = self._last = time.monotonic()
        self._pace = Pace()

    def tell(self, text: str, done: int, total: int) -> None:
        """Say how far something is, if it is time for that."""
        now = time.monotonic()
        self._pace.note(now, done, total)
        if done:
            show_held()
        if not self._seconds or now - self._last < self._seconds or is_quiet() or not is_leader():
            return
        self._last = now
        spent, left = now - self._start, self._pace.find_left_s(now)
        count = f"{done:,} of {total:,}" if total else f"{done:,}"
        line = f"{text}: {count} after {_say_time(spent)}" + (
            f", about {_say_time(left)} left" if left else ""
        )
        print(shorten(one_line(line)), file=sys.stderr, flush=True)


def _read_interval() -> float:
    try:
        return float(os.environ.get(INTERVAL, _SECONDS[_CHOSEN.get()]))
    except ValueError:
        return _SECONDS[_CHOSEN.get()]


def _say_time(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
