"""A tracker that keeps what it is told."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


class Recorder:
    """Keeps everything; fails from a given number of calls on, if one is given."""

    def __init__(self, fails_after: int | None = None) -> None:
        self.scalars: list[tuple[int, dict[str, float]]] = []
        self.histograms: list[tuple[int, str, np.ndarray]] = []
        self.closed = False
        self._left = fails_after

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        self._count()
        self.scalars.append((step, dict(values)))

    def add_histogram(self, name: str, values: np.ndarray, step: int) -> None:
        self._count()
        self.histograms.append((step, name, values))

    def close(self) -> None:
        self.closed = True

    def _count(self) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise ConnectionError("the server\nis gone")
