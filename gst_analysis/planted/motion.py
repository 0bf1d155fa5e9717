"""Motions that read one way forwards and the other way backwards: a random state in; tracks out.

Every motion is drawn forwards. The partner class plays the whole clip backwards, so what the frames of
partners show is the same, and only their order differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gst_analysis.planted.shapes import FloatArray

Random = np.random.Generator
Drawn = npt.NDArray[np.floating] | float
_MARGIN = 0.03  # between an object and the frame's edge
_ROOM = 1.1  # how much further than its radius an object extends


def build_track(
    frames: int, x: Drawn, y: Drawn, radius: Drawn, *, angle: Drawn = 0.0, opacity: Drawn = 1.0
) -> FloatArray:
    """Columns x, y, radius, angle, opacity; a single number stands for every frame."""
    columns = [np.broadcast_to(column, frames) for column in (x, y, radius, angle, opacity)]
    return np.stack(columns, axis=1).astype(np.float32)


def draw_progress(random: Random, frames: int) -> FloatArray:
    """From 0 to 1, after a short rest and before another, evenly or easing in and out."""
    start, end, ease = random.uniform(0, 0.2), random.uniform(0.8, 1), random.uniform()
    u = np.clip((np.linspace(0, 1, frames) - start) / (end - start), 0, 1)
    return np.asarray((1 - ease) * u + ease * u * u * (3 - 2 * u), dtype=np.float32)


def draw_motion(random: Random, action: str, frames: int, radius: float) -> list[FloatArray]:
    """Tracks of the one or two objects that take part, forwards."""
    motions: dict[str, Callable[[Random, int, float], list[FloatArray]]] = {
        "rightwards": _move_right,
        "upwards": _move_up,
        "growing": _grow,
        "appearing": _appear,
        "clockwise": _turn,
        "approaching": _approach,
    }
    return motions[action](random, frames, radius)


def draw_drift(random: Random, frames: int, radius: float) -> tuple[FloatArray, FloatArray]:
    """A slow straight way somewhere in the frame, in any direction, that stays inside."""
    margin = _ROOM * radius + _MARGIN
    way = random.uniform(0, 0.12) * np.linspace(-0.5, 0.5, frames)
    heading = random.uniform(0, 2 * math.pi)
    x, y = random.uniform(margin, 1 - margin, 2)
    path = [np.clip(place + way * f(heading), margin, 1 - margin) for place, f in ((x, np.cos), (y, np.sin))]
    return path[0].astype(np.float32), path[1].astype(np.float32)


def _draw_tilt(random: Random, frames: int) -> FloatArray:
    """An object's resting angle, with a slight sway."""
    angle = random.uniform(-0.35, 0.35)
    sway = 0.08 * np.sin(np.linspace(0, random.uniform(3, 9), frames) + random.uniform(0, 2 * math.pi))
    return np.asarray(angle + sway, dtype=np.float32)


def _travel(random: Random, frames: int, radius: float) -> tuple[FloatArray, FloatArray]:
    """Along: from low to high; across: nearly constant, near the middle: frames tell the two apart."""
    margin = _ROOM * radius + _MARGIN
    span = random.uniform(0.38, min(0.6, 1 - 2 * margin))
    start = random.uniform(margin, 1 - margin - span)
    _, across = draw_drift(random, frames, radius)
    nearer = 0.5 + 0.25 * (across - 0.5)
    return start + np.float32(span) * draw_progress(random, frames), nearer.astype(np.float32)


def _move_right(random: Random, frames: int, radius: float) -> list[FloatArray]:
    along, across = _travel(random, frames, radius)
    return [build_track(frames, along, across, radius, angle=_draw_tilt(random, frames))]


def _move_up(random: Random, frames: int, radius: float) -> list[FloatArray]:
    along, across = _travel(random, frames, radius)
    return [build_track(frames, across, 1 - along, radius, angle=_draw_tilt(random, frames))]


def _grow(random: Random, frames: int, radius: float) -> list[FloatArray]:
    small, large = radius * random.uniform(0.7, 0.8), radius * random.uniform(1.5, 1.75)
    x, y = draw_drift(random, frames, large)
    sizes = small + (large - small) * draw_progress(random, frames)
    return [build_track(frames, x, y, sizes, angle=_draw_tilt(random, frames))]


def _appear(random: Random, frames: int, radius: float) -> list[FloatArray]:
    middle, ramp = random.uniform(0.3, 0.7), random.uniform(0.08, 0.3)
    opacity = np.clip((np.linspace(0, 1, frames) - middle) / ramp + 0.5, 0, 1)
    x, y = draw_drift(random, frames, radius)
    return [build_track(frames, x, y, radius, angle=_draw_tilt(random, frames), opacity=opacity)]


def _turn(random: Random, frames: int, radius: float) -> list[FloatArray]:
    """The eye passes over the top: a turn from any angle to any other takes far more clips to learn."""
    turn, middle = random.uniform(1.3, 2.0), random.uniform(-0.3, 0.3)
    angle = middle + turn * (draw_progress(random, frames) - np.float32(0.5))
    radius = random.uniform(0.22, 0.28)  # only what is inside the object moves: it must be seen
    x, y = draw_drift(random, frames, 1.12 * radius)  # a square's corners reach out at half of a right angle
    return [build_track(frames, x, y, radius, angle=angle)]


def _approach(random: Random, frames: int, radius: float) -> list[FloatArray]:
    radius = 0.75 * radius
    apart, close = random.uniform(0.48, 0.6), 2 * _ROOM * radius + random.uniform(0, 0.03)
    half = (apart + (close - apart) * draw_progress(random, frames)) / 2
    heading, (x, y) = random.uniform(0, 2 * math.pi), random.uniform(0.46, 0.54, 2)
    dx, dy = half * math.cos(heading), half * math.sin(heading)
    tilts = [_draw_tilt(random, frames) for _ in range(2)]
    return [
        build_track(frames, x + side * dx, y + side * dy, radius, angle=tilt)
        for side, tilt in zip((-1, 1), tilts, strict=True)
    ]
