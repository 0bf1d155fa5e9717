"""Pixels of the planted worlds: a WorldScene in; frames and each object's box out.

Nothing is drawn at random here but from seeds that the scene states, so a scene is its frames. Lengths in
a scene are fractions of the frame's side, so that one scene can be rendered at any size.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gst_analysis.planted.shapes import Colour, FloatArray, measure_distance, reach, texture_mask

Box = tuple[int, int, int, int]  # x0, y0, x1, y1 in pixels; x1 and y1 are just outside
Frames = npt.NDArray[np.uint8]  # (T, H, W, 3)
X, Y, RADIUS, ANGLE, OPACITY = range(5)  # the columns of a track
_INK: Colour = (22, 22, 26)
_EYE_PLACE = {"ring": 0.71, "triangle": 0.2}
_SEEN = 0.1  # an object is in its box wherever it makes up a tenth of a pixel


@dataclass(frozen=True, eq=False)
class Sprite:
    """One thing on screen. `track` is (T, 5): x, y, radius, angle (clockwise, radians), opacity."""

    role: str
    shape: str
    colour: Colour
    track: FloatArray
    second: Colour = _INK
    texture: str = "plain"
    aspect: float = 1.0
    part: Literal[-1, 0, 1] = 0  # the left half, the whole, the right half
    eye: bool = False
    outline: bool = True
    wraps: bool = False  # what leaves the frame at one side comes in at the other


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A smooth periodic texture that slides under the camera; `pan` is (T, 2)."""

    texture_seed: int
    colour: Colour
    contrast: float
    grain: float  # size of the texture's blobs
    pan: FloatArray


@dataclass(frozen=True, eq=False)
class WorldScene:
    """Everything that a clip shows, sprites from back to front; `shake` is (T, 2)."""

    sprites: tuple[Sprite, ...]
    backdrop: Backdrop
    shake: FloatArray
    noise_sigma: float
    noise_seed: int
    noise_backwards: bool = False

    def reversed(self) -> WorldScene:
        """This clip played from its last frame to its first, its noise too."""
        return dataclasses.replace(
            self,
            sprites=tuple(dataclasses.replace(s, track=s.track[::-1]) for s in self.sprites),
            backdrop=dataclasses.replace(self.backdrop, pan=self.backdrop.pan[::-1]),
            shake=self.shake[::-1],
            noise_backwards=not self.noise_backwards,
        )


@dataclass(frozen=True, eq=False)
class Rendering:
    """Frames, and for each sprite its visible box in each frame (None where nothing of it shows)."""

    frames: Frames
    boxes: tuple[tuple[Box | None, ...], ...]


def render_scene(
    scene: WorldScene, size: int, *, noise: bool = True, without: Collection[int] = ()
) -> Rendering:
    """Paint a scene; `without` leaves out sprites by number, and their boxes are empty."""
    canvas = _paint_backdrop(scene, size)
    cover = np.zeros((len(scene.sprites), *canvas.shape[:3]), dtype=np.float32)
    for number, sprite in enumerate(scene.sprites):
        if number not in without:
            _paint_sprite(canvas, cover[: number + 1], sprite, scene.shake)
    if noise:
        canvas += _draw_noise(scene, canvas.shape)
    np.clip(canvas, 0, 255, out=canvas)
    return Rendering((canvas + 0.5).astype(np.uint8), _find_boxes(cover))


def _draw_noise(scene: WorldScene, shape: tuple[int, ...]) -> FloatArray:
    noise = np.random.default_rng(scene.noise_seed).standard_normal(shape, dtype=np.float32)
    noise *= np.float32(scene.noise_sigma)
    return noise[::-1] if scene.noise_backwards else noise


def _paint_backdrop(scene: WorldScene, size: int) -> FloatArray:
    """Slide a window over the periodic texture, between its pixels too."""
    texture = _grow_texture(scene.backdrop, size)
    period = texture.shape[0]
    texture = np.pad(texture, ((0, size + 1), (0, size + 1), (0, 0)), mode="wrap")
    corners = ((scene.backdrop.pan - scene.shake) * np.float32(size)) % np.float32(period)
    canvas = np.empty((len(corners), size, size, 3), dtype=np.float32)
    for frame, (x, y) in enumerate(corners):
        column, row = min(int(x), period - 1), min(int(y), period - 1)
        right, down = np.float32(x - column), np.float32(y - row)
        rows = texture[row : row + size + 1, column : column + size + 1]
        across = rows[:, :-1] + right * (rows[:, 1:] - rows[:, :-1])
        canvas[frame] = across[:-1] + down * (across[1:] - across[:-1])
    return canvas


def _grow_texture(backdrop: Backdrop, size: int) -> FloatArray:
    """Filtered noise: mostly one brightness for all colours, a little colour of its own."""
    period = 2 * math.ceil(size * 0.75)
    white = np.random.default_rng(backdrop.texture_seed).standard_normal((4, period, period))
    row, column = np.fft.fftfreq(period)[:, None], np.fft.rfftfreq(period)
    smooth = np.exp(-((row**2 + column**2) * (math.pi * backdrop.grain * size) ** 2))
    smooth[0, 0] = 0
    waves = np.fft.irfft2(np.fft.rfft2(white) * smooth, s=(period, period))
    waves *= backdrop.contrast / waves.std(axis=(1, 2), keepdims=True)
    texture = np.array(backdrop.colour) + (0.9 * waves[:1] + 0.44 * waves[1:]).transpose(1, 2, 0)
    return np.clip(texture, 10, 245).astype(np.float32)


def _paint_sprite(canvas: FloatArray, cover: FloatArray, sprite: Sprite, shake: FloatArray) -> None:
    """Lay one sprite over what is there, in windows that just hold it; keep count of what it covers."""
    size = canvas.shape[1]
    centre = (sprite.track[:, :2] + shake) * np.float32(size)
    if sprite.wraps:
        centre %= np.float32(size)
    shifts = (-size, 0, size) if sprite.wraps else (0,)
    radius = np.maximum(sprite.track[:, RADIUS] * np.float32(size), np.float32(0.5))
    half = math.ceil(float(radius.max()) * reach(sprite.shape, sprite.aspect)) + 2
    corner = np.floor(centre).astype(np.int64) - half
    alpha, colour = _shade(sprite, centre - corner, radius, 2 * half)
    for frame, at in enumerate(corner):
        for across, down in itertools.product(shifts, shifts):
            x, y = at[0] + across, at[1] + down
            x0, y0, x1, y1 = max(0, x), max(0, y), min(size, x + 2 * half), min(size, y + 2 * half)
            if x0 < x1 and y0 < y1:
                a = alpha[frame, y0 - y : y1 - y, x0 - x : x1 - x]
                under = canvas[frame, y0:y1, x0:x1]
                under += a[..., None] * (colour[frame, y0 - y : y1 - y, x0 - x : x1 - x] - under)
                cover[:-1, frame, y0:y1, x0:x1] *= 1 - a
                cover[-1, frame, y0:y1, x0:x1] = a


def _shade(
    sprite: Sprite, centre: FloatArray, radius: FloatArray, window: int
) -> tuple[FloatArray, FloatArray]:
    """Opacity (T, w, w) and colour (T, w, w, 3) of a sprite in its windows."""
    grid = np.arange(window, dtype=np.float32) + np.float32(0.5)
    dx = (grid[None, None, :] - centre[:, 0, None, None]) / radius[:, None, None]
    dy = (grid[None, :, None] - centre[:, 1, None, None]) / radius[:, None, None]
    cos, sin = (f(sprite.track[:, ANGLE])[:, None, None] for f in (np.cos, np.sin))
    u, v = (dx * cos + dy * sin).astype(np.float32), (dy * cos - dx * sin).astype(np.float32)
    distance = measure_distance(sprite.shape, u, v, sprite.aspect)
    if sprite.part:
        distance = np.maximum(distance, -sprite.part * u)
    pixels = distance * radius[:, None, None]
    alpha = np.clip(0.5 - pixels, 0, 1) * sprite.track[:, OPACITY, None, None]
    return alpha.astype(np.float32), _colour_in(sprite, u, v, pixels, radius)


def _colour_in(
    sprite: Sprite, u: FloatArray, v: FloatArray, pixels: FloatArray, radius: FloatArray
) -> FloatArray:
    """Texture, then a dark outline, then the eye that makes every turn of the object visible."""
    colour = np.empty((*u.shape, 3), dtype=np.float32)
    colour[:] = np.array(sprite.colour, dtype=np.float32)
    scale = radius[:, None, None]
    mask = texture_mask(sprite.texture, u, v)
    if mask is not None:
        _blend(colour, mask, sprite.second)
    if sprite.outline:
        _blend(colour, np.clip(pixels + 0.06 * scale + 1.0, 0, 1), _INK)
    if sprite.eye:
        from_eye = np.hypot(u, v + np.float32(_EYE_PLACE.get(sprite.shape, 0.42))) * scale
        _blend(colour, np.clip(0.27 * scale + 0.5 - from_eye, 0, 1), _INK)
        _blend(colour, np.clip(0.17 * scale + 0.5 - from_eye, 0, 1), (255, 255, 255))
    return colour


def _blend(colour: FloatArray, mask: npt.NDArray[np.floating], other: Colour) -> None:
    colour += mask[..., None].astype(np.float32) * (np.array(other, dtype=np.float32) - colour)


def _find_boxes(cover: FloatArray) -> tuple[tuple[Box | None, ...], ...]:
    seen = cover > _SEEN
    columns, rows = np.logical_or.reduce(seen, axis=2), np.logical_or.reduce(seen, axis=3)
    return tuple(
        tuple(_box(columns[s, t], rows[s, t]) for t in range(seen.shape[1])) for s in range(seen.shape[0])
    )


def _box(columns: npt.NDArray[np.bool_], rows: npt.NDArray[np.bool_]) -> Box | None:
    xs, ys = np.flatnonzero(columns), np.flatnonzero(rows)
    return (int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1) if len(xs) else None
