"""How long work says how far it has come: one protocol for every function that takes a `progress`.

A file of its own, which imports nothing of ours: every floor of the house takes it. `Pace` says for how long
work will still go on, for bars of pages and lines of commands alike.
"""

from __future__ import annotations

from operator import sub
from typing import Protocol

NOTICES = "gst_analysis.notices"
"""The log of what a user is told once, such as that something was compiled: commands show it on stderr."""
HELD = "held"
"""What a notice is marked with (`extra`) that commands show only once work has begun, or ended well."""


class Progress(Protocol):
    """Called now and then while work goes on."""

    def __call__(self, done: int, total: int, label: str, /) -> object:
        """Take notice that `done` of `total` steps are done, and of what the work is at.

        Args:
            done: steps that are done.
            total: steps in all; 0 where that is not known yet.
            label: what is being worked on, such as a clip's name; empty where there is nothing to name.
        """


def no_progress(done: int, total: int, label: str) -> None:
    """Take no notice."""


class Pace:
    """How fast work goes, and so for how long it still will.

    Only its last half counts: the first step has what happens once, such as building a network, and a first
    round over the clips is often far quicker than the second.
    """

    _BURST_S = 0.05
    """What comes within so short a time was done together, as the clips of a batch are."""
    _SURE_AFTER_S = 2.0
    _MARKS = 64
    """About as many are kept, however long the work goes on."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, int]] = []
        self._last, self._first, self._total = (0.0, 0), 0.0, 0

    def note(self, now: float, done: int, total: int) -> None:
        """Take notice of a step; what is counted from the beginning again is timed anew."""
        marks, (since, before) = self._marks, self._last
        if total != self._total or done < before:
            self._marks, self._last, self._total = [], (0.0, 0), total
            marks = self._marks
        if done <= 0:
            return
        if not marks:
            self._first, self._last = now, (now, done)
            marks.append(self._last)
        elif now - since < self._BURST_S:
            self._last = (since, done)
            marks[-1] = self._last if marks[-1][0] == since else marks[-1]
        else:
            self._last = (now, done)
            if now - marks[-1][0] >= (now - self._first) / self._MARKS:
                marks.append(self._last)
            while len(marks) > 2 and marks[1][0] <= now - (now - self._first) / 2:
                del marks[0]

    def find_left_s(self, now: float) -> float | None:
        """Seconds until all is done; None while that would be a guess."""
        marks, (last, done) = tuple(self._marks), self._last
        if not marks or done <= marks[0][1] or now - self._first < self._SURE_AFTER_S:
            return None
        since, before = marks[0]
        left = (self._total - done) * (last - since) / (done - before)
        times = [*(at for at, _ in marks), last]
        usual, waited = max(map(sub, times[1:], times)), now - last
        # Until a step is later than any of late it is on its way; then all that is left will be slower.
        return max(0.0, left - waited if waited <= usual else left * waited / usual - usual)
