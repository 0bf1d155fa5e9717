"""What every kind of clip on disk has in common: its description, its frames, and its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gst_analysis.errors import DataError
from gst_analysis.numbers import how_many

MAX_PIXELS = 2**25
"""The largest frame that is read, just above 7680 x 4320, so that a forged header cannot fill the memory."""
MAX_BYTES = 2**31
"""What the frames that are read at once may take together."""

Pixels = npt.NDArray[np.uint8]
Seconds = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ClipInfo:
    """What a clip is. Width and height are as displayed; fps and seconds are None where unknown.

    `promised` is the number of frames the container speaks of; fewer than that means a truncated file.
    """

    num_frames: int
    fps: float | None
    width: int
    height: int
    seconds: float | None
    rotation: int
    codec: str
    promised: int

    @property
    def truncated(self) -> bool:
        return self.num_frames < self.promised


@dataclass(frozen=True)
class Frames:
    """Decoded frames: pixels (T, H, W, 3), seconds (T,) from the clip's first frame, indices (T,)."""

    pixels: Pixels
    seconds: Seconds
    indices: Indices

    def __len__(self) -> int:
        return len(self.indices)


class OpenClip(Protocol):
    """A clip whose frames can be read; made by decoding.open_clip."""

    path: Path

    @property
    def num_frames(self) -> int:
        """Frames that a sequential decode gives."""

    @property
    def times(self) -> Seconds | None:
        """Seconds of every frame from the first, or None where the clip does not say."""

    @property
    def missing(self) -> int:
        """Frames that the container speaks of beyond those it holds: 0 unless the file is truncated."""

    def describe(self) -> ClipInfo: ...

    def read(self, indices: Sequence[int] | Indices) -> Frames: ...

    def verify(self) -> None:
        """Decode every frame and keep none; raises DataError where that fails."""

    def close(self) -> None: ...


def check_indices(path: Path, indices: Sequence[int] | Indices, num_frames: int | None) -> Indices:
    """The wanted positions as an array, all within the clip as far as its length is known."""
    wanted = np.asarray(indices, dtype=np.int64)
    if wanted.ndim != 1 or not len(wanted):
        raise DataError(
            str(path),
            expected="a list of frame positions",
            found=f"shape {wanted.shape}",
            todo="ask for at least one frame",
        )
    low, high = int(wanted.min()), int(wanted.max())
    if low < 0:
        raise DataError(str(path), expected="frame positions from 0", found=str(low), todo="count from 0")
    if num_frames is not None and high >= num_frames:
        raise too_short(path, high, num_frames)
    return wanted


def too_short(path: Path, high: int, num_frames: int) -> DataError:
    """The error of a clip that ends before a wanted frame."""
    return DataError(
        str(path),
        expected=f"at least {how_many(high + 1, 'frame')}",
        found=str(num_frames),
        todo="check that the file is whole and that its annotation belongs to it",
    )


def gather(path: Path, wanted: Indices, frames: Mapping[int, Pixels], seconds: Seconds) -> Frames:
    """Put single frames together in the order, and with the repeats, that were asked for."""
    check_one_size(path, [frame.shape for frame in frames.values()])
    pixels = np.stack([frames[int(index)] for index in wanted])
    return Frames(pixels, seconds, wanted)


def check_one_size(path: Path, shapes: Iterable[tuple[int, ...]]) -> None:
    """Refuse a clip whose frames differ in size."""
    different = set(shapes)
    if len(different) > 1:
        sizes = ", ".join(f"{shape[1]}x{shape[0]}" for shape in sorted(different))
        raise DataError(
            str(path), expected="frames of one size", found=sizes, todo="re-encode it at one size"
        )


def check_room(path: Path, wanted: Indices, width: int, height: int) -> None:
    """Refuse to hold more of a clip at once than any analysis needs."""
    frames = len(np.unique(wanted))
    if frames * width * height * 3 > MAX_BYTES:
        raise DataError(
            str(path),
            expected=f"at most {MAX_BYTES // 2**20} MiB of frames at once",
            found=f"{how_many(frames, 'frame')} of {width}x{height}",
            todo="ask for fewer frames, re-encode it smaller, or leave it out",
        )


def check_size(path: Path, width: int, height: int) -> None:
    """Refuse frames of no or absurd size before they are decoded."""
    if width < 1 or height < 1 or width * height > MAX_PIXELS:
        raise DataError(
            str(path),
            expected=f"frames of 1 to {MAX_PIXELS} pixels, as 7680x4320 has",
            found=f"{width}x{height}",
            todo="re-encode it smaller, or leave it out",
        )
