"""Long work: on two threads beside the pages, with its progress, and a way to stop it.

A page asks for a job by a key that names all it follows from; two visitors who ask for the same share one
job, and none of them can stop it for the other. What takes minutes has a thread of its own, so that it does
not hold up what takes seconds; on each, visitors take turns. A few results are kept, the oldest go.
"""

from __future__ import annotations

import logging
import pickle
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from app.cached_quiet import quiet
from app.visits import Visitor
from gst_analysis.errors import GstError, OutputError
from gst_analysis.progress import Pace, Progress

MOST_KEPT = 16
MOST_BYTES = 96_000_000
"""Of all results that are kept; the last one is kept however large it is."""
MOST_WAITING = 24
MOST_OF_ONE = 4
"""Pieces of work that one visitor may have at a time."""

Work = Callable[[Progress], Any]
"""Work is handed what to tell its progress to."""
Lane = Literal["minutes", "seconds"]


def titled(progress: Progress, title: str) -> Progress:
    """A progress that says the title, where work names what people need not know, such as a clip's file."""

    def tell_on(done: int, total: int, label: str, /) -> None:
        progress(done, total, title)

    return tell_on


class Stopped(Exception):
    """All who had asked for it pressed Cancel, or left."""


class Queued(NamedTuple):
    """How a piece of work waits."""

    ahead: int
    """Those that come before it, the one that runs included."""
    since_s: float
    remaining_s: float | None
    """Until its turn, where that is only up to what runs now."""


class BackgroundJob:
    """One piece of work. `ended` is set when there is a result, an error, or it was stopped."""

    def __init__(self, work: Work, visitor: Visitor, lane: Lane = "minutes") -> None:
        self._work: Work | None = work
        self._stop = threading.Event()
        self._pace = Pace()
        self.asked_at, self.lane = time.monotonic(), lane
        self._askers = weakref.WeakSet([visitor])
        self.ended = threading.Event()
        self.done, self.total, self.at = 0, 0, ""
        self.running = self.stopped = False
        self.result: Any = None
        self.bytes = 0
        self.error: GstError | None = None

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop, and does so at its next sign of progress."""
        return self._stop.is_set()

    def is_for(self, visitor: Visitor) -> bool:
        """Whether this visitor has asked for it."""
        return visitor in self._askers

    def join(self, visitor: Visitor) -> None:
        """Another visitor asks for the same."""
        self._askers.add(visitor)

    def leave(self, visitor: Visitor) -> None:
        """A visitor no longer wants it; stop where nobody else does."""
        self._askers.discard(visitor)
        if self.is_unwanted():
            self.cancel()

    def is_unwanted(self) -> bool:
        """Whether all who asked for it have cancelled it, or are gone."""
        return not len(self._askers)

    def who_waits(self) -> list[Visitor]:
        """Those who have asked for it and are still known."""
        return list(self._askers)

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def remaining_s(self) -> float | None:
        """Seconds until what it is at now is done, at its speed of late; None while that is a guess."""
        return self._pace.find_left_s(time.monotonic())

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
            with quiet().at_work():
                self.result = self._work(self.progress)
            self.bytes = _weigh(self.result)
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
        self.done, self.total, self.at = done, total, label
        self._pace.note(time.monotonic(), done, total)


def _weigh(result: Any) -> int:
    """How much memory a result takes, about; nothing for what is no plain value."""
    try:
        return len(pickle.dumps(result))
    except (pickle.PicklingError, TypeError, AttributeError):
        return 0


class Jobs:
    """All jobs of a server, by key."""

    def __init__(self) -> None:
        self._jobs: OrderedDict[str, BackgroundJob] = OrderedDict()
        self._waiting: dict[Lane, list[BackgroundJob]] = {"minutes": [], "seconds": []}
        self._running: dict[Lane, BackgroundJob] = {}
        self._served: weakref.WeakKeyDictionary[Visitor, float] = weakref.WeakKeyDictionary()
        self._lock = threading.Lock()

    def find(self, key: str) -> BackgroundJob | None:
        """The job of a key, unless nobody asked for it or it was stopped."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None or job.stopping:
                return None
            self._jobs.move_to_end(key)
            return job

    def start(self, key: str, work: Work, visitor: Visitor, *, lane: Lane = "minutes") -> None:
        """Begin, unless the same is being done or was done; what failed is done again.

        Args:
            key: all that the result follows from.
            work: what to do.
            visitor: who asks.
            lane: how long it takes, in order of size.

        Raises:
            OutputError: too much is waiting, on this server or for this visitor.
        """
        with self._lock:
            old = self._jobs.get(key)
            if old is not None and not (old.stopping or old.error):
                old.join(visitor)
                return
            self._check_room(visitor)
            self._jobs[key] = job = BackgroundJob(work, visitor, lane)
            self._jobs.move_to_end(key)
            self._let_go()
            self._waiting[lane].append(job)
            if lane not in self._running and len(self._waiting[lane]) == 1:
                threading.Thread(target=self._serve, args=(lane,), name=f"job-{lane}", daemon=True).start()

    def place(self, job: BackgroundJob) -> Queued | None:
        """How a job waits; None if it does not."""
        with self._lock:
            order, running = self._in_order(job.lane), self._running.get(job.lane)
            if job not in order:
                return None
            ahead = order.index(job) + (running is not None)
            left = running.remaining_s if running is not None and ahead == 1 else None
        return Queued(ahead, time.monotonic() - job.asked_at, left)

    def drop_unwanted(self) -> None:
        """Stop what nobody waits for any more."""
        with self._lock:
            going = [job for job in self._jobs.values() if not job.ended.is_set()]
        for job in going:
            if job.is_unwanted():
                job.cancel()

    def close(self) -> None:
        """Stop everything, as the server does when it ends."""
        with self._lock:
            for waiting in self._waiting.values():
                waiting.clear()
            for job in self._jobs.values():
                job.cancel()

    def _check_room(self, visitor: Visitor) -> None:
        waiting = [job for job in self._jobs.values() if not job.ended.is_set()]
        own = sum(job.is_for(visitor) for job in waiting)
        if len(waiting) < MOST_WAITING and own < MOST_OF_ONE:
            return
        full = len(waiting) >= MOST_WAITING
        raise OutputError(
            "this server" if full else "your work",
            expected=f"fewer than {MOST_WAITING if full else MOST_OF_ONE} pieces of work at a time",
            found=str(len(waiting) if full else own),
            todo="try again in a minute" if full else "wait for one of them, or cancel it",
        )

    def _let_go(self) -> None:
        """Forget the oldest results where they are too many, or too large together."""
        ended = [(name, job.bytes) for name, job in self._jobs.items() if job.ended.is_set()]
        over = sum(size for _, size in ended) - MOST_BYTES
        for place, (name, size) in enumerate(ended[:-1]):
            if over > 0 or len(ended) - place > MOST_KEPT:
                del self._jobs[name]
                over -= size

    def _in_order(self, lane: Lane) -> list[BackgroundJob]:
        """What waits, as it will be done: first for those who were served longest ago."""
        left = [job for job in self._waiting[lane] if not job.ended.is_set()]
        served = dict(self._served.items())
        now = time.monotonic()
        order: list[BackgroundJob] = []
        while left:
            job = min(left, key=lambda job: min((served.get(v, 0.0) for v in job.who_waits()), default=now))
            served.update((visitor, now + len(order)) for visitor in job.who_waits())
            order.append(job)
            left.remove(job)
        return order

    def _serve(self, lane: Lane) -> None:
        """Work until nothing waits."""
        while True:
            with self._lock:
                self._running.pop(lane, None)
                order = self._in_order(lane)
                self._waiting[lane] = order[1:]
                if not order:
                    return
                job = self._running[lane] = order[0]
                for visitor in job.who_waits():
                    self._served[visitor] = time.monotonic()
            job.run()
