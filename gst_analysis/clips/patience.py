"""How long a clip may take: a damaged file may have a decoder search without end, and a batch shall go on."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from gst_analysis.errors import DataError, SpecError

VARIABLE = "GST_ANALYSIS_CLIP_TIMEOUT"
"""Where it is set: the seconds that a clip may take, whatever its size. The environment reaches every process
that reads clips; `--clip-timeout` sets it."""
LEAST_S, S_PER_MB = 10.0, 1.0
"""By itself a clip has so long, and so much more for every megabyte that is read of it."""

Item = TypeVar("Item")


class Patience:
    """The time of one reading of a clip, from its making on.

    Args:
        path: the clip.
        megabytes: how large it honestly is; where None, as large as the file.
    """

    def __init__(self, path: Path, megabytes: float | None = None) -> None:
        self.path = path
        fixed = load_timeout()
        if fixed is None and megabytes is None:
            megabytes = os.stat(path).st_size / 1e6
        self.seconds = fixed or LEAST_S + S_PER_MB * (megabytes or 0)
        self._end = time.monotonic() + self.seconds

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._end

    def check(self) -> None:
        """Give up when the time is up.

        Raises:
            DataError: it is.
        """
        if self.is_over:
            raise self.error()

    def error(self) -> DataError:
        """What is said of a clip that took too long."""
        return DataError(
            str(self.path),
            expected=f"a clip that can be read within {self.seconds:.3g} s",
            found="that it takes longer: it may be damaged",
            todo="mend it, leave it out, or allow more with --clip-timeout",
        )

    def renew(self) -> None:
        """Begin anew: a frame has come, and whoever was handed it may have taken long."""
        self._end = time.monotonic() + self.seconds

    def watch(self, items: Iterable[Item]) -> Iterator[Item]:
        """Hand on what comes, as long as there is time.

        Raises:
            DataError: there is none left.
        """
        for item in items:
            self.check()
            yield item


def load_timeout() -> float | None:
    """The seconds that the environment allows a clip; None where it says nothing.

    Raises:
        SpecError: it says something else.
    """
    text = os.environ.get(VARIABLE, "")
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise SpecError(
            "--clip-timeout",
            expected="a number of seconds above 0",
            found=repr(text)[:40],
            todo=f"correct it there, or in {VARIABLE}",
        )
    return seconds
