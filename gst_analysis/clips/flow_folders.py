"""Optical flow stored as a folder of images: a folder in, frames of flow out.

Two images a step, across and down in grey (flow_x_00001.jpg beside flow_y_00001.jpg, or x_…, or 000123-x_…),
as the lists of TSN, TSM and MMAction2 name them; or one image whose red is x, whose green is y and whose blue
is blank. 128 is no motion. Colour frames beside them are left aside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gst_analysis.clips.frame_folders import FrameFolder, check_numbers, list_series, load_image
from gst_analysis.clips.media import Pixels
from gst_analysis.errors import DataError, name_some

if TYPE_CHECKING:
    from gst_analysis.clips.records import ClipRecord

STILL = 128
"""What is written where nothing moves, and where a frame of flow has no third colour."""
_AXIS = re.compile(r"(?P<head>|.*[^a-z])(?P<axis>[xu])(?P<tail>[^a-z0-9]*)")
_OTHER = {"x": "y", "u": "v"}
_BLANK = 24
"""The steps between the darkest and the brightest blue that a JPEG may put into a blank."""

Series = Mapping[tuple[str, str], Sequence[tuple[int, str]]]
"""A prefix and a kind of file -> numbers and names."""


class FlowFolder(FrameFolder):
    """An open clip of flow: frames are (across, down, still), in red, green and blue."""

    def __init__(self, path: Path) -> None:
        self.path = path
        pairs = list_flow(path)
        self._files = [one for one, _ in pairs]
        self._down = [other for _, other in pairs]
        if self._files[0] == self._down[0]:
            self._require_blank()

    def _load(self, index: int) -> Pixels:
        across = load_image(self._files[index])
        down = across[..., 1] if self._down[index] == self._files[index] else self._load_down(index)
        if down.shape != across.shape[:2]:
            raise DataError(
                str(self._down[index]),
                expected=f"as large as {self._files[index].name}",
                found=f"{down.shape[1]}x{down.shape[0]} and {across.shape[1]}x{across.shape[0]} pixels",
                todo="compute the flow of this clip again",
            )
        return np.stack([across[..., 0], down, np.full_like(down, STILL)], axis=-1)

    def _load_down(self, index: int) -> Pixels:
        return np.asarray(load_image(self._down[index])[..., 0])

    def _require_blank(self) -> None:
        """Colour frames must not be taken for flow: they have a third colour, or none at all."""
        some = [load_image(self._files[place]) for place in {0, len(self._files) // 2, len(self._files) - 1}]
        if any(int(image[..., 2].max()) - int(image[..., 2].min()) > _BLANK for image in some):
            raise _no_flow(self.path, f"{self._files[0].name}, which has three colours")
        if all((image == image[..., :1]).all() for image in some):
            raise _no_flow(self.path, f"{self._files[0].name}, which is grey")


def list_flow(folder: Path) -> list[tuple[Path, Path]]:
    """The images of flow across and down, step by step; one image twice where it holds both.

    Raises:
        DataError: there are none, or they do not pair up.
    """
    series = list_series(folder)
    pair = _find_pair(series)
    if pair is not None:
        across, down = (sorted(series[key]) for key in pair)
        check_numbers(folder, across)
        if [number for number, _ in across] != [number for number, _ in down]:
            raise _no_flow(folder, f"{len(across)} images across and {len(down)} down, of other numbers")
        return [(folder / one, folder / other) for (_, one), (_, other) in zip(across, down, strict=True)]
    if len(series) != 1:
        found = name_some(sorted(values[0][1] for values in series.values()))
        raise _no_flow(folder, found or "no images")
    images = sorted(next(iter(series.values())))
    check_numbers(folder, images)
    return [(folder / name, folder / name) for _, name in images]


def point_at_flow(records: Iterable[ClipRecord], root: Path | None) -> tuple[ClipRecord, ...]:
    """These clips where their flow lies; how many frames an annotation speaks of is not of flow."""
    return tuple(replace(one, path=find_flow(one, root), num_frames=None) for one in records)


def find_flow(record: ClipRecord, root: Path | None) -> Path:
    """Where a clip's flow lies: in its own folder, or below a root under its name, with or without an ending.

    The clip a/b/c.mp4 is looked for as ROOT/a/b/c, ROOT/b/c and ROOT/c, in this order.
    """
    if root is None:
        return record.path
    parts = record.path.parts[1:] if record.path.is_absolute() else record.path.parts
    tails = [Path(*parts[start:]) for start in range(len(parts))]
    tries = [root / end for tail in tails for end in (tail, tail.with_suffix(""))]
    # Where none is there, the error that reading it raises names the simplest.
    return next((path for path in tries if path.is_dir()), tries[-1])


def _find_pair(series: Series) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """The prefixes of the images across and down, such as flow_x_ and flow_y_."""
    for prefix, kind in series:
        match = _AXIS.fullmatch(prefix)
        if match is None:
            continue
        other = match["head"] + _OTHER[match["axis"]] + match["tail"]
        if (other, kind) in series:
            return (prefix, kind), (other, kind)
    return None


def _no_flow(folder: Path, found: str) -> DataError:
    return DataError(
        str(folder),
        expected="optical flow, such as flow_x_00001.jpg beside flow_y_00001.jpg",
        found=found,
        todo="name the folder of flow images, or compute them",
    )
