"""Changes of state: a random state and the frame tau of the change in; the sprites that show it out.

Until tau a clip shows attempts: it tears a bit, rattles, tilts, peeps behind. From tau on the change
completes and stays (tau None: the attempts go on to the end). What is drawn at random does not depend on
tau, so the two clips of one random state are equal before tau and differ from tau on.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gst_analysis.planted.motion import Random, build_track
from gst_analysis.planted.render import Sprite
from gst_analysis.planted.shapes import BAR, Colour, FloatArray

PARTS: tuple[Literal[-1, 1], Literal[-1, 1]] = (-1, 1)


@dataclass(frozen=True)
class Looks:
    """What the thing that changes looks like, and the colour of what it meets."""

    shape: str
    texture: str
    colour: Colour
    second: Colour
    other: Colour
    radius: float = 0.15


def draw_tau(random: Random, frames: int) -> int:
    """The first frame that shows the change: late enough for attempts, early enough to be seen to stay."""
    return int(random.integers(max(2, round(0.15 * frames)), frames - max(2, round(0.12 * frames))))


def draw_change(random: Random, action: str, frames: int, tau: int | None, looks: Looks) -> list[Sprite]:
    """Sprites from back to front."""
    attempts = _draw_attempts(random, frames)
    done = _complete(frames, tau, lasts=max(2.0, random.uniform(0.08, 0.2) * frames))
    changes: dict[str, Callable[[Random, FloatArray, FloatArray, Looks], list[Sprite]]] = {
        "tearing": _tear,
        "opening": _open,
        "tipping": _tip,
        "hiding": _hide,
    }
    return changes[action](random, attempts * (1 - done), done, looks)


def _draw_attempts(random: Random, frames: int) -> FloatArray:
    """Pulses from 0 to 1 that come and go through the whole clip, each of its own strength."""
    turns = random.uniform(2.5, 4.5) * np.linspace(0, 1, frames) + random.uniform()
    strengths = random.uniform(0.55, 1, 8)[np.floor(turns).astype(int)]
    return np.asarray(strengths * np.sin(math.pi * turns) ** 2, dtype=np.float32)


def _complete(frames: int, tau: int | None, *, lasts: float) -> FloatArray:
    """0 before tau, already more than 0 at tau, and 1 for good once it has lasted that many frames."""
    if tau is None:
        return np.zeros(frames, dtype=np.float32)
    u = np.clip((np.arange(frames) - tau + 1) / lasts, 0, 1)
    return np.asarray(u * u * (3 - 2 * u), dtype=np.float32)


def _turn_about(
    hinge: tuple[float, float], angle: FloatArray, arm: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Where the end of an arm comes to lie when it turns clockwise about a hinge."""
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = hinge[0] + arm[0] * cos - arm[1] * sin, hinge[1] + arm[0] * sin + arm[1] * cos
    return x.astype(np.float32), y.astype(np.float32)


def _tear(random: Random, attempts: FloatArray, done: FloatArray, looks: Looks) -> list[Sprite]:
    """Two halves hinged below: a gap gapes and closes above; then they come apart."""
    radius, (x, y) = random.uniform(0.15, 0.19), random.uniform(0.42, 0.58, 2)
    gape = random.uniform(0.1, 0.16) * attempts + random.uniform(0.2, 0.35) * done
    apart = random.uniform(0.09, 0.12) * done
    hinge = (x, y + 0.9 * radius)
    halves: list[Sprite] = []
    for part in PARTS:
        cx, cy = _turn_about(hinge, part * gape, (0, -0.9 * radius))
        track = build_track(len(done), cx + part * apart, cy, radius, angle=part * gape)
        halves.append(
            Sprite("piece", looks.shape, looks.colour, track, looks.second, looks.texture, part=part)
        )
    return halves


def _open(random: Random, attempts: FloatArray, done: FloatArray, looks: Looks) -> list[Sprite]:
    """A box whose lid rattles; then it swings open and what was inside rises."""
    frames, side = len(done), int(random.choice((-1, 1)))
    wide, high = random.uniform(0.17, 0.2), random.uniform(0.12, 0.14)
    x, y = random.uniform(0.45, 0.55), random.uniform(0.6, 0.68)
    thin, long = 0.035, wide + 0.015
    swing = random.uniform(0.16, 0.26) * attempts + random.uniform(1.7, 2.0) * done
    lid_x, lid_y = _turn_about((x + side * long, y - high), side * swing, (-side * long, -thin))
    lift = random.uniform(0.15, 0.19) * done
    inside = build_track(frames, x, y + 0.01 - lift, high - 0.035)
    body = build_track(frames, x, y, wide)
    lid = build_track(frames, lid_x, lid_y, long, angle=side * swing)
    return [
        Sprite("content", "disc", looks.other, inside, eye=True),
        Sprite("box", BAR, looks.colour, body, looks.second, looks.texture, aspect=high / wide),
        Sprite("lid", BAR, looks.second, lid, aspect=thin / long),
    ]


def _tip(random: Random, attempts: FloatArray, done: FloatArray, looks: Looks) -> list[Sprite]:
    """A tall block on a shelf tilts about one lower corner; then it lies."""
    frames, side = len(done), int(random.choice((-1, 1)))
    wide, high = random.uniform(0.06, 0.085), random.uniform(0.18, 0.22)
    hinge = (0.5 - side * random.uniform(0.04, 0.16), random.uniform(0.66, 0.8))
    lean = side * (random.uniform(0.1, 0.2) * attempts + math.pi / 2 * done)
    x, y = _turn_about(hinge, lean, (-side * wide, -high))
    block = build_track(frames, x, y, wide, angle=lean)
    shelf = build_track(frames, 0.5, hinge[1] + 0.025, 0.44)
    return [
        Sprite("shelf", BAR, looks.other, shelf, aspect=0.025 / 0.44),
        Sprite("block", BAR, looks.colour, block, looks.second, looks.texture, aspect=high / wide),
    ]


def _hide(random: Random, attempts: FloatArray, done: FloatArray, looks: Looks) -> list[Sprite]:
    """An object peeps behind a screen; then it stays behind it."""
    frames, side = len(done), int(random.choice((-1, 1)))
    radius, wide, high = random.uniform(0.11, 0.13), random.uniform(0.18, 0.21), random.uniform(0.2, 0.25)
    x, y = 0.5 - side * random.uniform(0.12, 0.18), random.uniform(0.36, 0.64)
    out, near = wide + radius * random.uniform(1.1, 1.3), wide + radius * random.uniform(0.25, 0.5)
    away = out + (near - out) * attempts - out * done
    tilt = random.uniform(-0.3, 0.3)
    shown = build_track(frames, x + side * away, y + random.uniform(-0.04, 0.04), radius, angle=tilt)
    screen = build_track(frames, x, y, wide)
    return [
        Sprite("target", looks.shape, looks.colour, shown, looks.second, looks.texture, eye=True),
        Sprite("screen", BAR, looks.other, screen, aspect=high / wide),
    ]
