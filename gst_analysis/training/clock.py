"""Time of a run: seconds in all its sessions, clips a second, and how long it will take."""

from __future__ import annotations

import time


class Clock:
    """Started when training starts or goes on."""

    def __init__(self, earlier_s: float) -> None:
        self._start = self._window = time.perf_counter()
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
