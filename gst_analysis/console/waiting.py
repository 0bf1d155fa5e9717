"""A line on the terminal for work that tells no steps, such as reading a large file: what, and for how long.

It comes after two seconds and leaves nothing behind. Rich, which could draw it, takes longer to import than
most such work takes.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gst_analysis.console.loudness import is_quiet
from gst_analysis.console.streams import find_beneath, mark_refusals
from gst_analysis.errors import one_line

PATIENCE_S = 2.0
"""Before so many seconds nobody wonders whether anything goes on."""
_STEP_S = 1.0


@contextmanager
def show_wait(doing: str) -> Iterator[None]:
    """Say on a terminal what takes so long, for as long as the block runs.

    Args:
        doing: what is being done, such as "reading best.pth".
    """
    dumb = os.environ.get("TERM", "dumb") in ("dumb", "unknown")
    if is_quiet() or dumb or not find_beneath(sys.stderr).isatty():
        yield
        return
    over = threading.Event()
    line = threading.Thread(target=_tell, args=(doing, over), daemon=True)
    line.start()
    try:
        yield
    finally:
        over.set()
        line.join()


def _tell(doing: str, over: threading.Event) -> None:
    """Write the line anew every second, and take it away in the end."""
    screen, since = find_beneath(sys.stderr), time.monotonic()
    if over.wait(PATIENCE_S):
        return
    with mark_refusals():
        while True:
            spent = f"{doing}, for {time.monotonic() - since:.0f} s"
            room = shutil.get_terminal_size().columns - 1
            screen.write(f"\r{one_line(spent)[:room]}\x1b[K")
            screen.flush()
            if over.wait(_STEP_S):
                break
        screen.write("\r\x1b[K")
        screen.flush()
