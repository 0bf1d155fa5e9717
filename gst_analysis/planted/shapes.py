"""Shapes and textures of the planted worlds: local coordinates in, signed distances and masks out.

Coordinates are in units of the object's radius, u to the right and v down, turned with the object.
Distances are negative inside.
"""

from __future__ import annotations

import colorsys
import math

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Colour = tuple[int, int, int]

HUES = {
    "red": 0,
    "orange": 28,
    "yellow": 54,
    "green": 115,
    "turquoise": 172,
    "blue": 215,
    "purple": 272,
    "pink": 325,
}
BAR = "bar"  # a rectangle whose half height is `aspect` times its half width
_SQUARE, _STAR_INNER, _RING_INNER, _ARM = 0.84, 0.5, 0.42, 0.36


def reach(shape: str, aspect: float) -> float:
    """How far from its centre a shape of radius 1 may extend, whichever way it is turned."""
    return math.hypot(1.0, aspect) if shape == BAR else 1.25


def measure_distance(shape: str, u: FloatArray, v: FloatArray, aspect: float = 1.0) -> FloatArray:
    """Signed distance to the shape's edge (exact near straight edges, a close bound at corners)."""
    if shape == "disc":
        return np.hypot(u, v, dtype=np.float32) - 1
    if shape == "ring":
        middle = np.abs(np.hypot(u, v) - (1 + _RING_INNER) / 2)
        return np.asarray(middle - (1 - _RING_INNER) / 2, dtype=np.float32)
    if shape == "star":
        return _star(u, v)
    if shape == "triangle":
        return _polygon(u, v, sides=3, inradius=0.6)
    if shape == "cross":
        return np.minimum(_box(u, v, 1.0, _ARM), _box(u, v, _ARM, 1.0))
    return _box(u, v, _SQUARE, _SQUARE) if shape == "square" else _box(u, v, 1.0, aspect)


def _box(u: FloatArray, v: FloatArray, half_width: float, half_height: float) -> FloatArray:
    return np.maximum(np.abs(u) - np.float32(half_width), np.abs(v) - np.float32(half_height))


def _polygon(u: FloatArray, v: FloatArray, *, sides: int, inradius: float) -> FloatArray:
    turns = [math.pi / 2 + 2 * math.pi * k / sides for k in range(sides)]
    planes = [u * np.float32(math.cos(a)) + v * np.float32(math.sin(a)) for a in turns]
    return np.asarray(np.maximum.reduce(planes) - np.float32(inradius), dtype=np.float32)


def _star(u: FloatArray, v: FloatArray) -> FloatArray:
    """Five points: fold the plane into one half point, then measure to its one straight edge."""
    step = np.float32(2 * math.pi / 5)
    angle = np.arctan2(u, -v)
    folded = np.abs(angle - step * np.round(angle / step))
    far = np.hypot(u, v) * np.float32(0.87)
    x, y = far * np.sin(folded), far * np.cos(folded)
    inner = (_STAR_INNER * math.sin(math.pi / 5), _STAR_INNER * math.cos(math.pi / 5))
    normal = (1 - inner[1], inner[0])  # to the edge from the tip (0, 1) to the inner corner
    length = math.hypot(*normal)
    edge = (x * np.float32(normal[0]) + (y - 1) * np.float32(normal[1])) / np.float32(length)
    return np.asarray(edge, dtype=np.float32)


def texture_mask(texture: str, u: FloatArray, v: FloatArray) -> FloatArray | None:
    """Where the second colour lies, from 0 to 1; None for a plain object."""
    turn = np.float32(2 * math.pi / 0.75)
    if texture == "plain":
        return None
    if texture == "striped":
        wave = 2 * np.sin(turn * v)
    elif texture == "dotted":
        wave = 2.5 * (np.cos(turn * u) + np.cos(turn * v) - np.float32(0.55))
    else:
        wave = 3 * np.sin(turn * u) * np.sin(turn * v)
    return np.asarray(np.clip(wave + np.float32(0.5), 0, 1), dtype=np.float32)


def mix_colour(hue_degrees: float, saturation: float, value: float) -> Colour:
    """Hue, saturation and value as red, green and blue from 0 to 255."""
    red, green, blue = (round(255 * c) for c in colorsys.hsv_to_rgb(hue_degrees / 360 % 1, saturation, value))
    return red, green, blue


def contrast_colour(colour: Colour) -> Colour:
    """A dark shade of a bright colour, a pale tint of a dark one."""
    bright = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 120
    red, green, blue = (round(0.22 * c) if bright else round(0.2 * c + 0.8 * 255) for c in colour)
    return red, green, blue
