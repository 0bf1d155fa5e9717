"""Errors that nobody foresaw: one line for the user, and a file with the trace for who mends them."""

from __future__ import annotations

import os
import platform
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gst_analysis.errors import debugs, describe_error, legible, shorten
from gst_analysis.files import find_cache, write_whole
from gst_analysis.results import find_version

KEPT, MOST_CHARACTERS = 20, 200_000
"""How many traces are kept, and how long one may be."""


def report_crash(error: BaseException, arguments: Sequence[str]) -> str:
    """Keep the trace of an error that nobody foresaw; returns the line that tells of it."""
    found = describe_error(error, 300)
    if isinstance(error, MemoryError):
        found = "memory that ran out"
    file = None
    with suppress(Exception):  # whatever it is, one line comes of it
        file = save_trace(error, arguments)
    kept = (
        f"report it with {legible(file)}" if file else "run it again with --debug, and report what it shows"
    )
    if isinstance(error, MemoryError):
        return f"this command: expected enough memory; found {found}; use less at once, or {kept}"
    return f"this command: expected no error of the program's own; found {found}; {kept}"


def save_trace(error: BaseException, arguments: Sequence[str]) -> Path:
    """Write the trace into the user's cache, and remove the oldest ones there."""
    folder = find_traces()
    text = "".join(traceback.format_exception(error, limit=-100))
    told = [
        f"gst-analysis {find_version()}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {shorten(' '.join(map(ascii, arguments)), 2000)}",
        "",
        shorten(text, MOST_CHARACTERS),
    ]
    content = "\n".join(told).encode("utf-8", "backslashreplace")
    name = f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    path = write_whole(folder / name, lambda file: file.write(content))
    for old in sorted(folder.glob("crash-*.txt"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return path


def find_traces() -> Path:
    """The folder of traces, where this system keeps what may be thrown away."""
    return find_cache() / "crashes"


def wants_traces(arguments: Sequence[str]) -> bool:
    """Whether the user asked for traces, in the line or in the environment."""
    return "--debug" in arguments or debugs()
