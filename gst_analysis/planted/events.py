"""What stories are told with, over the frames of a clip: a random state in; pulses, steps and events out.

Nothing that is drawn here depends on the class: the clips of one random state share everything but their
story, and what a probe finds is the story.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gst_analysis.planted.motion import Random
from gst_analysis.planted.shapes import FloatArray

Steps = Mapping[str, tuple[int, int]]
DIRECTIONS: Steps = {"right": (1, 0), "left": (-1, 0), "up": (0, -1), "down": (0, 1)}


@dataclass(frozen=True)
class Event:
    """One thing that happens: `start` is the first frame that shows it, `stop` the first that does not."""

    name: str
    start: int
    stop: int


def name_runs(names: Sequence[str], curves: npt.NDArray[np.floating]) -> tuple[Event, ...]:
    """Events by name, in order: the stretches of frames that differ from the frame before.

    Args:
        names: what happens, in order.
        curves: (T, n), all that moves.
    """
    moves = np.any(np.diff(curves, axis=0, prepend=curves[:1]) != 0, axis=1)
    edges = np.flatnonzero(np.diff(moves.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
    return tuple(Event(n, int(a), int(b)) for n, (a, b) in zip(names, edges, strict=False))


def ramp(frames: int, start: float, length: float) -> FloatArray:
    """From 0 at frame `start`, evenly, to 1 so many frames later."""
    return np.asarray(np.clip((np.arange(frames) - start) / length, 0, 1), dtype=np.float32)


def pulse(length: int) -> FloatArray:
    """From nearly nothing to 1 and back, over so many frames."""
    return np.asarray(np.sin(math.pi * (np.arange(length) + 0.5) / length) ** 2, dtype=np.float32)


def tell_pulses(
    names: Sequence[str], starts: Sequence[int], frames: int, length: int
) -> tuple[dict[str, FloatArray], tuple[Event, ...]]:
    """A curve for every name, with a pulse from each start; past the last frame it goes on at the first."""
    curves = {name: np.zeros(frames, dtype=np.float32) for name in names}
    for name, start in zip(names, starts, strict=True):
        curves[name][(start + np.arange(length)) % frames] += pulse(length)
    return curves, tuple(Event(n, s, s + length) for n, s in zip(names, starts, strict=True))


def draw_starts(random: Random, frames: int, number: int, length: int) -> list[int]:
    """Whole frames where so many events begin, one after the other, each with room for its length."""
    free = frames - number * length
    before = np.sort(random.integers(0, free + 1, number))
    return [int(gap) + n * length for n, gap in enumerate(before)]
