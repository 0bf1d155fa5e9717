"""Small clips whose every frame shows its own number, so that a test can tell which frame came back.

The number is written in binary as ten bright or dark blocks; below them a picture moves, so that
frames depend on each other as in any video.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

BLOCK = 16
COLUMNS, ROWS = 5, 2
CODECS = {
    ".mp4": "libx264",
    ".mov": "libx264",
    ".mkv": "libx265",
    ".webm": "libvpx-vp9",
    ".avi": "mpeg4",
    ".mpg": "mpeg2video",
    ".ts": "libx264",
}
FAST = {
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libx264": {"preset": "veryfast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:bframes=3:pools=1:frame-threads=1"},
}


@dataclass(frozen=True)
class Film:
    """How a planted video is written."""

    frames: int = 48
    width: int = 96
    height: int = 64
    rate: int = 24
    gop: int = 12
    b_frames: int = 2
    pts_ms: tuple[int, ...] | None = None
    rotation: int | None = None
    hflip: bool = False
    codec: str | None = None
    muxer: tuple[tuple[str, str], ...] = ()
    noise: bool = False


def planted_frame(number: int, width: int = 96, height: int = 64, *, noise: bool = False) -> Pixels:
    """One frame that shows its number."""
    y, x = np.mgrid[:height, :width]
    picture = (96 + 64 * np.sin((x + 3 * number) / 7) * np.cos((y - number) / 5)).astype(np.uint8)
    if noise:
        rng = np.random.default_rng(number)
        picture = (picture // 2 + rng.integers(0, 128, picture.shape)).astype(np.uint8)
    pixels = np.repeat(picture[..., None], 3, axis=2)
    pixels[: ROWS * BLOCK, : COLUMNS * BLOCK] = 16
    for bit in range(ROWS * COLUMNS):
        row, column = divmod(bit, COLUMNS)
        if number >> bit & 1:
            pixels[row * BLOCK : (row + 1) * BLOCK, column * BLOCK : (column + 1) * BLOCK] = 235
    return pixels


def read_number(pixels: Pixels) -> int:
    """The number that a frame shows."""
    number = 0
    for bit in range(ROWS * COLUMNS):
        row, column = divmod(bit, COLUMNS)
        middle = pixels[
            row * BLOCK + 4 : (row + 1) * BLOCK - 4, column * BLOCK + 4 : (column + 1) * BLOCK - 4
        ]
        number |= int(middle.mean() > 128) << bit
    return number


def read_numbers(pixels: Pixels) -> list[int]:
    return [read_number(frame) for frame in pixels]


def write_video(path: Path, film: Film | None = None, **changes: object) -> Path:
    """Write a planted video; the suffix chooses the container and, unless named, the codec."""
    film = film or Film(**changes)  # type: ignore[arg-type] # settings by name, of any type
    codec = film.codec or CODECS[path.suffix]
    with av.open(str(path), "w", options=dict(film.muxer)) as container:
        stream = container.add_stream(codec, rate=film.rate, options=FAST.get(codec, {}))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = film.width, film.height, "yuv420p"
        stream.codec_context.gop_size = film.gop
        if codec not in ("libvpx-vp9", "libvpx"):
            stream.codec_context.max_b_frames = film.b_frames
        if film.pts_ms is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        if film.rotation is not None or film.hflip:
            stream.set_display_rotation(film.rotation or 0, hflip=film.hflip)
        for number in range(film.frames):
            pixels = planted_frame(number, film.width, film.height, noise=film.noise)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            if film.pts_ms is not None:
                frame.pts, frame.time_base = film.pts_ms[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_folder(path: Path, names: Sequence[str], *, width: int = 96, height: int = 64) -> Path:
    """Write a frame folder; the n-th name shows n."""
    path.mkdir(parents=True)
    for number, name in enumerate(names):
        Image.fromarray(planted_frame(number, width, height)).save(path / name, quality=95)
    return path


def write_grain(path: Path, frames: int, *, width: int = 96, height: int = 64) -> Path:
    """Write a frame folder in which nothing is flat, for gradients that must not hang on a tie.

    Where neighbours are equal, max pooling's gradient goes to whichever rounding makes the larger, and
    rounding differs between processors, and between a network and its folded copy.
    """
    path.mkdir(parents=True)
    for number in range(frames):
        grain = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        Image.fromarray(grain).save(path / f"{number:05d}.png")
    return path


def decode_all(path: Path) -> Pixels:
    """Every frame by one plain sequential decode: what sampled frames are compared with."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def cut(path: Path, share: float) -> Path:
    """A copy without the end of the file."""
    content = path.read_bytes()
    short = path.with_name(f"cut_{round(100 * share)}_{path.name}")
    short.write_bytes(content[: int(len(content) * share)])
    return short
