"""Frames for people to look at: a clip in; small pictures of some frames, or all frames in turn, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from gst_analysis.clips.decoding import decode_frames, open_clip
from gst_analysis.clips.media import Frames, Pixels
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.spans import find_span

USUAL_RATE = 12.0
"""Frames a second that are assumed of images, which say nothing of time."""
_BLOCK_BYTES = 64_000_000


def load_thumbnails(path: Path, indices: Sequence[int], *, side: int = 240) -> list[Pixels]:
    """The frames at these places of a file, none of their sides longer than `side` pixels.

    Raises:
        DataError: the clip cannot be read.
    """
    thumbnails: dict[int, Pixels] = {}
    for index in dict.fromkeys(map(int, indices)):  # one at a time: a large frame is large
        pixels = decode_frames(path, [index]).pixels[0]
        image = Image.fromarray(pixels)
        image.thumbnail((side, side))
        thumbnails[index] = np.asarray(image)
    return [thumbnails[int(index)] for index in indices]


def iterate_frames(record: ClipRecord) -> Iterator[Frames]:
    """All frames of a clip in blocks of a few, so that a long video never lies in memory.

    Raises:
        DataError: the clip cannot be read.
    """
    with open_clip(record.path) as clip:
        span = find_span(record, clip)
        height, width = clip.read([span.start]).pixels.shape[1:3]
        size = max(8, _BLOCK_BYTES // (height * width * 3))
        edges = [*range(span.start, span.stop, size), span.stop]
        for start, stop in pairwise(edges):
            yield clip.read(range(start, stop))


def measure_rate(record: ClipRecord) -> float:
    """Frames a second, by the clip's own times; USUAL_RATE where it has none.

    Raises:
        DataError: the clip cannot be opened.
    """
    with open_clip(record.path) as clip:
        return rate_of(clip.times)


def rate_of(times: np.ndarray | None) -> float:
    """Frames a second from the seconds of every frame."""
    if times is None or len(times) < 2 or not times[-1] > 0:
        return USUAL_RATE
    return float((len(times) - 1) / times[-1])
