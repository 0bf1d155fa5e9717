"""When no page is at work: what is prepared in the background, for seconds at a time, waits for that.

Beside such work a page that is opened shares the interpreter and two cores with it, and takes twice as long.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

QUIET_S = 2.0
"""Seconds without any page's work that count as quiet: whoever clicks on does so sooner."""
_LOOK_S = 0.2


class Quiet:
    """How many pages are at work, and since when none is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._working, self._since = 0, time.monotonic()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """A page's script runs, or what it waits for."""
        with self._lock:
            self._working += 1
        try:
            yield
        finally:
            with self._lock:
                self._working, self._since = self._working - 1, time.monotonic()

    def lasts(self) -> float:
        """Seconds since a page was last at work; 0 while one is."""
        with self._lock:
            return 0.0 if self._working else time.monotonic() - self._since

    def wait(self, stopping: threading.Event) -> bool:
        """Wait until it has been quiet for QUIET_S; False where the server is to stop before."""
        while not stopping.is_set():
            if self.lasts() >= QUIET_S:
                return True
            stopping.wait(_LOOK_S)
        return False


@functools.cache  # not Streamlit's: it must outlive whatever empties Streamlit's caches
def quiet() -> Quiet:
    """That of the whole server."""
    return Quiet()
