"""Frames for people to look at: a clip in; small pictures of some frames, or all frames in turn, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from gst_analysis.clips.media import Frames, Pixels, Seconds
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.spans import find_span

USUAL_RATE = 12.0
"""Frames a second that are assumed of images, which say nothing of time."""
_BLOCK_BYTES = 64_000_000


def load_thumbnails(
    path: Path, indices: Sequence[int], *, side: int = 240, at_hand: OpenedClips | None = None
) -> list[Pixels]:
    """The frames at these places of a file, none of their sides longer than `side` pixels.

    Args:
        path: a video file or frame folder.
        indices: places from 0; repeats are allowed.
        side: pixels.
        at_hand: clips that are opened.

    Raises:
        DataError: the clip cannot be read.
    """
    at_hand, thumbnails = at_hand or OpenedClips(), {}
    for index in dict.fromkeys(map(int, indices)):  # one at a time: a large frame is large
        image = Image.fromarray(at_hand.look(path, index))
        image.thumbnail((side, side))
        thumbnails[index] = np.asarray(image)
    return [thumbnails[int(index)] for index in indices]


def iterate_frames(record: ClipRecord, *, at_hand: OpenedClips | None = None) -> Iterator[Frames]:
    """All frames of a clip in blocks of a few, so that a long video never lies in memory.

    Raises:
        DataError: the clip cannot be read.
    """
    at_hand = at_hand or OpenedClips()
    clip = at_hand.open(record.path)
    span = find_span(record, clip)
    height, width = at_hand.look(record.path, span.start).shape[:2]
    size = max(8, _BLOCK_BYTES // (height * width * 3))
    edges = [*range(span.start, span.stop, size), span.stop]
    for start, stop in pairwise(edges):
        yield clip.read(range(start, stop))


def measure_rate(record: ClipRecord, *, at_hand: OpenedClips | None = None) -> float:
    """Frames a second, by the clip's own times; USUAL_RATE where it has none.

    Raises:
        DataError: the clip cannot be opened.
    """
    return rate_of((at_hand or OpenedClips()).open(record.path).times)


def read_times(record: ClipRecord, *, at_hand: OpenedClips | None = None) -> Seconds | None:
    """The second of every frame of a clip, its first at 0; None where its file says nothing of time.

    Raises:
        DataError: the clip cannot be opened.
    """
    clip = (at_hand or OpenedClips()).open(record.path)
    span, times = find_span(record, clip), clip.times
    return None if times is None else times[span.start : span.stop] - times[span.start]


def rate_of(times: np.ndarray | None) -> float:
    """Frames a second from the seconds of every frame."""
    if times is None or len(times) < 2 or not times[-1] > 0:
        return USUAL_RATE
    return float((len(times) - 1) / times[-1])
