"""Clips stored as a folder of JPEG or PNG files, one a frame: a folder in, frames out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from gst_analysis.clips.locating import list_folder, require_file
from gst_analysis.clips.media import (
    MAX_PIXELS,
    ClipInfo,
    Frames,
    Indices,
    Pixels,
    Seconds,
    check_indices,
    check_room,
    check_size,
    gather,
)
from gst_analysis.clips.patience import Patience
from gst_analysis.errors import DataError, name_some

# A name that begins with a dot is none: macOS leaves ._00001.jpg beside 00001.jpg.
_FRAME = re.compile(
    r"(?P<prefix>(?:[^.].*)?(?<![0-9]))(?P<number>[0-9]{1,12})\.(?P<kind>jpe?g|png)", re.IGNORECASE
)
_COLOUR_PREFIXES = ("img_", "image_", "frame_", "rgb_", "")
"""What colour frames are called where a folder holds flow images too."""
MAX_PAINTED = 16 * MAX_PIXELS
"""Pixels that a JPEG may paint in all its scans; a progressive one has some ten of them."""
_SCAN, _SCAN_BYTES, _PIECE = b"\xff\xda", 10, 2**20


class FrameFolder:
    """An open clip of image files in the order of their numbers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files = list_frames(path)

    @property
    def num_frames(self) -> int:
        return len(self._files)

    @property
    def times(self) -> Seconds | None:
        return None

    @property
    def missing(self) -> int:
        return 0

    def describe(self) -> ClipInfo:
        """Size from the first image; image files say nothing of time."""
        height, width = self._load(0).shape[:2]
        kind = self._files[0].suffix[1:].lower()
        count = self.num_frames
        return ClipInfo(count, None, width, height, None, 0, "png" if kind == "png" else "jpeg", count)

    def read(self, indices: Sequence[int] | Indices) -> Frames:
        wanted = check_indices(self.path, indices, self.num_frames)
        places = np.unique(wanted)
        patience = Patience(self.path, megabytes=len(places))
        first = self._load(int(places[0]))
        check_room(self.path, wanted, first.shape[1], first.shape[0])
        rest = {int(index): self._load(int(index)) for index in patience.watch(places[1:])}
        frames = {int(places[0]): first} | rest
        return gather(self.path, wanted, frames, np.full(len(wanted), np.nan))

    def verify(self) -> None:
        for index in Patience(self.path, megabytes=self.num_frames).watch(range(self.num_frames)):
            self._load(index)

    def close(self) -> None:
        """Nothing is held open."""

    def _load(self, index: int) -> Pixels:
        return load_image(self._files[index])


def load_image(path: Path) -> Pixels:
    """One image (H, W, 3) of a folder.

    Raises:
        DataError: it is damaged, or no JPEG or PNG.
    """
    require_file(path)
    try:
        # Pillow goes by content: no other of its many decoders shall meet a file of unknown origin.
        with Image.open(path, formats=["JPEG", "PNG"]) as image:
            check_size(path, *image.size)
            if image.format == "JPEG":
                _check_scans(path, *image.size)
            return _to_rgb(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            str(path),
            expected="a whole JPEG or PNG image",
            found=str(error) or "a damaged file",
            todo="extract the frame again, or leave the clip out",
        ) from error


def _check_scans(path: Path, width: int, height: int) -> None:
    """Refuse a JPEG that paints itself over and over, which few bytes for each time are enough to ask for.

    What begins a scan stands in nothing that was coded: it is counted wherever it stands.
    """
    most = MAX_PAINTED // (width * height)
    if path.stat().st_size < _SCAN_BYTES * most:  # as nearly every frame: it is not read twice
        return
    with path.open("rb") as file:
        scans = sum(piece.count(_SCAN) for piece in iter(lambda: file.read(_PIECE), b""))
    if scans > most:
        raise DataError(
            str(path),
            expected=f"at most {most} scans of {width}x{height}",
            found=f"{scans:,}",
            todo="save the frame again, or leave the clip out",
        )


def _to_rgb(image: Image.Image) -> Pixels:
    """Eight bits of each colour; of sixteen the upper ones, as Pillow takes them of coloured images."""
    if image.mode.startswith("I"):  # grey in 16 bits, which Pillow would cut off at 255
        grey = (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
        return np.stack([grey] * 3, axis=-1)
    return np.asarray(image.convert("RGB"))


def list_frames(folder: Path) -> list[Path]:
    """The colour frames of a folder, sorted by number.

    Raises:
        DataError: there are none, several series are mixed, or a number is missing or there twice.
    """
    numbered = sorted(_choose_series(folder, list_series(folder)))
    check_numbers(folder, numbered)
    return [folder / name for _, name in numbered]


def list_series(folder: Path) -> dict[tuple[str, str], list[tuple[int, str]]]:
    """The numbered images of a folder: by what stands before the number and the kind, numbers and names."""
    series: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for name in list_folder(folder):
        match = _FRAME.fullmatch(name)
        if match:
            kind = "png" if match["kind"].lower() == "png" else "jpeg"
            series.setdefault((match["prefix"].lower(), kind), []).append((int(match["number"]), name))
    return series


def _choose_series(
    folder: Path, series: dict[tuple[str, str], list[tuple[int, str]]]
) -> list[tuple[int, str]]:
    chosen = list(series)
    if len(chosen) > 1:
        ranks = [prefix for prefix in _COLOUR_PREFIXES if any(key[0] == prefix for key in series)]
        chosen = [key for key in series if ranks and key[0] == ranks[0]]
    if len(chosen) != 1:
        found = [values[0][1] for values in series.values()]
        raise DataError(
            str(folder),
            expected="frames of one kind, such as 00001.jpg or img_00001.png",
            found=f"{name_some(sorted(found))}" if found else "none",
            todo="keep the colour frames by themselves, numbered" if found else "extract the frames",
        )
    return series[chosen[0]]


def check_numbers(folder: Path, numbered: Sequence[tuple[int, str]]) -> None:
    """Refuse unequal steps: frames are taken by place, so a hole would shift all that follow."""
    steps = [after[0] - before[0] for before, after in itertools.pairwise(numbered)]
    usual = min(steps, default=1)
    odd = next((place for place, step in enumerate(steps) if step != usual or step == 0), None)
    if odd is not None:
        raise DataError(
            str(folder),
            expected="frames numbered in equal steps, each once",
            found=f"{numbered[odd + 1][1]} after {numbered[odd][1]}",
            todo="extract the frames again, or leave the clip out",
        )
