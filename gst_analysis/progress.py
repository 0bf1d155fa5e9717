"""How long work says how far it has come: one protocol for every function that takes a `progress`.

A file of its own, which imports nothing: every floor of the house takes it.
"""

from __future__ import annotations

from typing import Protocol

NOTICES = "gst_analysis.notices"
"""The log of what a user is told once, such as that something was compiled: commands show it on stderr."""


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
