"""How far a run is, how long it takes, and whether it shall stop: what passes between it and its watcher.

Plain numbers, a few times a second at most. No torch here.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Literal, Protocol

Phase = Literal["rendering", "reading", "training", "validating"]


@dataclass(frozen=True)
class TrainProgress:
    """Where a run stands. `step` of `steps` are of the running phase; None is not known yet."""

    phase: Phase
    step: int
    steps: int
    epoch: int = 0
    """From 1; 0 before the first."""
    epochs: int = 0
    loss: float | None = None
    lr: float | None = None
    clips_per_s: float | None = None
    eta_s: float | None = None
    """Seconds until the whole run is done, validation included."""
    run: str = ""
    """Which run it is, where somebody trains several."""


class TrainWatcher(Protocol):
    """Called with a TrainProgress now and then while a network is trained."""

    def __call__(self, progress: TrainProgress, /) -> object:
        """Take notice of where the run stands."""


def ignore_progress(progress: TrainProgress) -> None:
    """For runs that nobody watches."""


class Clock:
    """Time of a run: seconds in all its sessions, clips a second, how long it will take.

    It starts when training starts or goes on.
    """

    def __init__(self, earlier_s: float) -> None:
        self._start = self._window = self._saved = time.perf_counter()
        self._earlier_s = earlier_s
        self._steps = 0
        self._clips = 0

    @property
    def seconds(self) -> float:
        """Since training began, pauses left out."""
        return self._earlier_s + time.perf_counter() - self._start

    def count(self, clips: int) -> None:
        """A step is done."""
        self._steps += 1
        self._clips += clips

    def note_saved(self) -> None:
        """The run can go on from here."""
        self._saved = time.perf_counter()

    def is_due(self, minutes: float) -> bool:
        """Whether so much time has gone by since it was saved; never for 0."""
        return minutes > 0 and time.perf_counter() - self._saved >= 60 * minutes

    def start_window(self) -> None:
        self._window, self._clips = time.perf_counter(), 0

    def end_window(self) -> float:
        """Clips a second since the window started; a new one starts."""
        speed = self._clips / max(1e-9, time.perf_counter() - self._window)
        self.start_window()
        return speed

    def remaining_s(self, steps: int) -> float | None:
        """Time for so many more steps at this session's pace, validation included."""
        if not self._steps:
            return None
        return (time.perf_counter() - self._start) / self._steps * steps


STOPPING = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name)
)
"""What asks a run to stop: Ctrl-C, `kill`, a terminal that is closed, what clusters send ahead of time."""


class Interruption:
    """Ctrl-C and its like: `asked` turns true with the first of them while the block runs.

    The loop looks at `asked` where it is safe to save and to stop. A second Ctrl-C or SIGTERM stops at once.
    """

    def __init__(self) -> None:
        self.asked = False
        self.signal = ""
        """Which it was."""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():  # elsewhere no handler can be set
            self._before = {number: signal.signal(number, self._note) for number in STOPPING}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)
        self._before = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number in (signal.SIGINT, signal.SIGTERM):
            raise KeyboardInterrupt
        self.asked, self.signal = True, self.signal or signal.Signals(number).name


@contextmanager
def stop_at_once() -> Iterator[None]:
    """Have every signal that asks a run to stop do as Ctrl-C, while there is nothing to save.

    By itself the system would end the process on the spot, and leave drafts and the readers of clips.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    own = [number for number in STOPPING if number != signal.SIGINT]
    in_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, stop) for number in own} if in_main else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
