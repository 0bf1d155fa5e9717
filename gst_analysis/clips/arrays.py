"""Clips in memory: a NumPy array or a tensor of frames stands wherever a clip's path may.

Frames are (T, H, W, 3) or (T, 3, H, W), in colours red, green and blue: whole numbers from 0 to 255, or real
ones from 0 to 1. No torch here: a tensor is asked for its values as NumPy asks.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from gst_analysis.clips.media import ClipInfo, Frames, Indices, Pixels, check_indices, check_size
from gst_analysis.errors import DataError


class ArrayPath(type(pathlib.Path())):  # type: ignore[misc] # the class of paths of this system
    """What a clip in memory is called where others have a path; nothing lies there."""

    clip: ArrayClip | None = None


class ArrayClip:
    """Frames in memory, read as those of a file are."""

    times = None
    missing = 0

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels
        digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
        name = ArrayPath(f"array-{digest[:12]}")
        name.clip = self
        self.path: pathlib.Path = name
        check_size(self.path, pixels.shape[2], pixels.shape[1])

    @property
    def num_frames(self) -> int:
        """Frames that there are."""
        return len(self.pixels)

    def describe(self) -> ClipInfo:
        """What it is: an array knows no rate."""
        frames, height, width, _ = self.pixels.shape
        return ClipInfo(frames, None, width, height, None, 0, "array", frames)

    def read(self, indices: Sequence[int] | Indices) -> Frames:
        """The frames at some positions."""
        wanted = check_indices(self.path, indices, self.num_frames)
        return Frames(self.pixels[wanted], np.full(len(wanted), np.nan), wanted)

    def verify(self) -> None:
        """Nothing can be wrong with them."""

    def close(self) -> None:
        """Nothing is open."""


def is_array(value: object) -> bool:
    """Whether it is an array or a tensor, and no path."""
    return hasattr(value, "__array__") and hasattr(value, "shape")


def hold_clips(value: Any) -> list[pathlib.Path]:
    """Clips in memory by what stands for their paths: one of four axes, or several of five.

    Raises:
        DataError: it is no clip.
    """
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _refuse(f"{type(value).__name__} without values") from error
    clips = list(array) if array.ndim == 5 else [array]
    return [ArrayClip(_read_pixels(clip)).path for clip in clips]


def _read_pixels(array: np.ndarray[Any, Any]) -> Pixels:
    """(T, H, W, 3) of bytes."""
    if array.ndim == 4 and array.shape[-1] != 3 and array.shape[1] == 3:
        array = array.transpose(0, 2, 3, 1)  # (T, 3, H, W) -> (T, H, W, 3)
    if array.ndim != 4 or array.shape[-1] != 3 or 0 in array.shape:
        raise _refuse(f"the shape {array.shape}")
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise _refuse(f"{array.dtype} values, or NaN or infinity")
    low, high = float(array.min()), float(array.max())
    scale = 255 if array.dtype.kind == "f" and high <= 1 else 1
    if low < 0 or high * scale > 255:
        raise _refuse(f"values from {low:g} to {high:g}: perhaps its mean was taken away already")
    return np.ascontiguousarray(np.rint(array * scale).astype(np.uint8))


def _refuse(found: str) -> DataError:
    return DataError(
        "a clip in memory",
        expected="frames as (T, H, W, 3) or (T, 3, H, W), of whole numbers up to 255 or real ones up to 1",
        found=found,
        todo="give the frames as they are, before they are resized and normalised",
    )
