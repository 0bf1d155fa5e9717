"""The frames that a record means: a record and a choice of positions in, frames out.

The choice is a function of the clip's length, so that one opening of the file both counts and reads.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gst_analysis.clips.decoding import Frames, OpenClip, open_clip
from gst_analysis.clips.media import Indices
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import DataError
from gst_analysis.numbers import how_many

ROUNDING_S = 1e-6


def read_frames(record: ClipRecord, choose: Callable[[int], Indices]) -> Frames:
    """Read the positions that `choose` returns for the clip's number of frames.

    Indices and seconds of the result are those of the file, also where the clip is a part of it.

    Raises:
        DataError: the file cannot be read, or ends before the annotation says.
    """
    return _read(record, choose, flow=False)


def read_flow(record: ClipRecord, choose: Callable[[int], Indices]) -> Frames:
    """Read what `read_frames` reads, of the images of optical flow in the record's folder.

    Raises:
        DataError: there are none, or fewer than the annotation says.
    """
    return _read(record, choose, flow=True)


def _read(record: ClipRecord, choose: Callable[[int], Indices], *, flow: bool) -> Frames:
    with open_clip(record.path, flow=flow) as clip:
        span = find_span(record, clip)
        return clip.read(span.start + np.ravel(choose(len(span))))


def find_span(record: ClipRecord, clip: OpenClip) -> range:
    """Which of the file's frames belong to the clip.

    Times are used for video files, frame numbers for frame folders, whose rate is unknown. An end that
    lies a twentieth of the clip (or one frame) past the last frame counts as rounding; more is an error.
    """
    total, times = clip.num_frames, clip.times
    if record.start_s is not None and record.stop_s is not None and times is not None:
        # A frame that is shown at just that second is in, however the second was rounded.
        start, stop = np.searchsorted(times, np.array([record.start_s, record.stop_s]) - ROUNDING_S).tolist()
        step = float(times[-1]) / max(1, total - 1)
        stop += max(0, int((record.stop_s - float(times[-1])) / step) - 1) if step else 0
    elif record.start_s is not None and record.start_frame is None:
        raise DataError(
            f"clip {record.clip} in {record.path}",
            expected="frame numbers, or a video file with times",
            found="start and stop in seconds for images",
            todo="use the video, or a list with frame numbers",
        )
    elif record.start_frame is not None and record.stop_frame is not None:
        start, stop = record.start_frame, record.stop_frame
    else:
        start, stop = 0, record.num_frames or total
    kept = min(stop, total)
    if start >= kept or stop - kept > max(1, (stop - start) // 20):
        raise DataError(
            f"clip {record.clip} in {record.path}",
            expected=f"frames {start} to {stop - 1}",
            found=f"{how_many(total, 'frame')}",
            todo="check that the file is whole and that its annotation is right",
        )
    return range(start, kept)
