"""Frames for people to look at: a clip in; small pictures of some frames, or all frames in turn, out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from gst_analysis.clips.frame_folders import FrameFolder
from gst_analysis.clips.media import OpenClip, Pixels, Seconds, check_one_size
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.spans import find_span
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.clips import video_files
else:
    video_files = Door("gst_analysis.clips.video_files")  # frame folders need no video library

USUAL_RATE = 12.0
"""Frames a second that are assumed of images, which say nothing of time."""
LONGEST = 1_280
"""Pixels of a frame's longer side that people look at: larger videos are reduced while they are decoded."""


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
    places = list(dict.fromkeys(map(int, indices)))
    for index, pixels in zip(places, _look(path, places, at_hand), strict=True):
        image = Image.fromarray(pixels)
        image.thumbnail((side, side))
        thumbnails[index] = np.asarray(image)
    return [thumbnails[int(index)] for index in indices]


def _look(path: Path, places: Sequence[int], at_hand: OpenedClips) -> Iterator[Pixels]:
    """Frames one at a time, from memory where they are; those of a large video are read in one go."""
    small = _reduce(at_hand.open(path)) if places else None
    if small is not None:
        yield from small.read(places).pixels
    else:
        yield from (at_hand.look(path, index) for index in places)


def _reduce(clip: OpenClip) -> video_files.VideoFile | None:
    """A large video whose frames come small; None for every other clip."""
    if isinstance(clip, FrameFolder) or not isinstance(clip, video_files.VideoFile):
        return None
    return clip.reduced(LONGEST) if max(clip.size) > LONGEST else None


def iterate_frames(record: ClipRecord, *, at_hand: OpenedClips | None = None) -> Iterator[tuple[int, Pixels]]:
    """All frames of a clip in turn, each with its place in the file: a long video never lies in memory.

    Those of a large video are reduced to LONGEST pixels, for they are looked at and not measured.

    Raises:
        DataError: the clip cannot be read, or its frames differ in size.
    """
    clip = (at_hand or OpenedClips()).open(record.path)
    span = find_span(record, clip)
    shape: tuple[int, ...] | None = None
    for place, pixels in zip(span, _follow(_reduce(clip) or clip, span), strict=True):
        shape = shape or pixels.shape
        check_one_size(record.path, [shape, pixels.shape])
        yield place, pixels


def _follow(clip: OpenClip, span: range) -> Iterator[Pixels]:
    """A video is gone through once; of a folder every frame is a file."""
    if isinstance(clip, FrameFolder) or not isinstance(clip, video_files.VideoFile):
        return (clip.read([place]).pixels[0] for place in span)
    return clip.follow(span)


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
