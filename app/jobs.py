"""Long work: one piece at a time on a thread beside the pages, with its progress, and a way to stop it.

A page asks for a job by a key that names all it follows from; two visitors who ask for the same get the
same job. A few results are kept, the oldest go.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import streamlit as st

from gst_analysis.errors import GstError, OutputError
from gst_analysis.progress import Progress

MOST_KEPT = 16
MOST_WAITING = 6
_SURE_AFTER_S = 2.0
"""Seconds at one thing from which its speed says when it will be done."""

Work = Callable[[Progress], Any]
"""Work is handed what to tell its progress to."""


def titled(progress: Progress, title: str) -> Progress:
    """A progress that says the title, where work names what people need not know, such as a clip's file."""

    def tell_on(done: int, total: int, label: str, /) -> None:
        progress(done, total, title)

    return tell_on


class Stopped(Exception):
    """The visitor pressed Cancel."""


class Visitor:
    """One visit: it ends some minutes after its page was closed, when Streamlit forgets the session."""


class Owner:
    """Who started something, remembered without keeping them."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = weakref.ref(visitor)

    def admits(self, visitor: Visitor) -> bool:
        """Whether this visitor may stop it: whoever started it, and anybody once they have left."""
        owner = self._visitor()
        return owner is None or owner is visitor


def find_visitor() -> Visitor:
    """The one whose page this is."""
    found = st.session_state.setdefault("visitor", Visitor())
    assert isinstance(found, Visitor)
    return found


class BackgroundJob:
    """One piece of work. `ended` is set when there is a result, an error, or it was stopped."""

    def __init__(self, work: Work, visitor: Visitor) -> None:
        self._work: Work | None = work
        self._stop = threading.Event()
        self._since, self._share_then = 0.0, 0.0
        self.owner = Owner(visitor)
        self.ended = threading.Event()
        self.done, self.total, self.at = 0, 0, ""
        self.running = self.stopped = False
        self.result: Any = None
        self.error: GstError | None = None

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Seconds until what it is at now is done, at the speed so far; None while that is a guess."""
        spent, gained = time.monotonic() - self._since, self.share - self._share_then
        return None if spent < _SURE_AFTER_S or gained <= 0 else spent / gained * (1 - self.share)

    def cancel(self) -> None:
        """Stop at the next sign of progress, or before it has begun."""
        self._stop.set()
        if not self.running:
            self.stopped = True
            self.ended.set()

    def run(self) -> None:
        """Do the work; never raises."""
        if self.stopped:
            return
        self.running = True
        try:
            assert self._work is not None
            self.progress(0, 0, "")
            self.result = self._work(self.progress)
        except Stopped:
            self.stopped = True
        except GstError as error:
            self.error = error
        except Exception:
            logging.getLogger(__name__).exception("a job failed")
            self.error = OutputError(
                "this work",
                expected="a result",
                found="a fault of ours",
                todo="the server's log says more; please report it",
            )
        finally:
            self._work = None
            self.running = False
            self.ended.set()

    def progress(self, done: int, total: int, label: str, /) -> None:
        """Note how far it is; ends the work if the visitor has asked for that."""
        if self._stop.is_set():
            raise Stopped
        news = label != self.at or not self._since
        self.done, self.total, self.at = done, total, label
        if news:
            self._since, self._share_then = time.monotonic(), self.share


class Jobs:
    """All jobs of a server, by key."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, BackgroundJob] = OrderedDict()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="job")

    def find(self, key: str) -> BackgroundJob | None:
        """The job of a key, unless nobody asked for it or it was stopped."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.stopped:
                return None
            self._jobs.move_to_end(key)
            return job

    def start(self, key: str, work: Work, visitor: Visitor) -> None:
        """Begin, unless it has begun or is done; a job that failed begins anew. It is the visitor's.

        Raises:
            OutputError: too many are waiting.
        """
        with self._lock:
            old = self._jobs.get(key)
            if old is not None and not (old.ended.is_set() and (old.stopped or old.error)):
                return
            waiting = [job for job in self._jobs.values() if not job.ended.is_set()]
            if len(waiting) >= MOST_WAITING:
                raise OutputError(
                    "this server",
                    expected=f"fewer than {MOST_WAITING} pieces of work at a time",
                    found=str(len(waiting)),
                    todo="try again in a minute",
                )
            self._jobs[key] = job = BackgroundJob(work, visitor)
            self._jobs.move_to_end(key)
            for name in [name for name, kept in self._jobs.items() if kept.ended.is_set()][:-MOST_KEPT]:
                del self._jobs[name]
        self._worker.submit(job.run)

    def close(self) -> None:
        """Stop everything, as the server does when it ends."""
        with self._lock:
            for job in self._jobs.values():
                job.cancel()
        self._worker.shutdown(wait=False, cancel_futures=True)
