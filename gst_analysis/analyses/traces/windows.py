"""Windows that slide over a video: a record in, records of its parts out, each to be read as a clip."""

from __future__ import annotations

from collections.abc import Sequence

from gst_analysis.clips.decoding import open_clip
from gst_analysis.clips.pictures import rate_of
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.sampling import parse_sampling
from gst_analysis.clips.spans import find_span
from gst_analysis.networks.specs import ClipSpec

_LONGEST_S = 4.0
"""About the length of a clip of Something-Something."""


def plan_windows(
    record: ClipRecord, spec: ClipSpec, *, window: int | None = None, step: int | None = None
) -> list[ClipRecord]:
    """The windows of a video, the last one flush with its end; one where it is no longer than a window.

    Args:
        record: the video, or the part of one.
        spec: how the network samples a clip.
        window: frames of the video. If None: what dense sampling spans; where segments are sampled, half
            of the video, but at most 4 seconds and at least as many frames as are sampled.
        step: frames from one window to the next; an eighth of the window if None.

    Raises:
        DataError: the clip cannot be opened.
    """
    with open_clip(record.path) as clip:
        span, rate = find_span(record, clip), rate_of(clip.times)
    stride = parse_sampling(spec.sampling)
    usual = max(spec.frames, min(len(span) // 2, round(_LONGEST_S * rate)))
    window = min(len(span), window or (spec.frames * stride if stride else usual))
    starts = {*range(span.start, span.stop - window + 1, step or max(1, window // 8)), span.stop - window}
    return [
        ClipRecord(f"{record.clip}, from frame {s}", record.path, start_frame=s, stop_frame=s + window)
        for s in sorted(starts)
    ]


def find_bounds(windows: Sequence[ClipRecord]) -> list[tuple[int, int]]:
    """First frame of every window, and the one after its last."""
    return [
        (window.start_frame, window.stop_frame)
        for window in windows
        if window.start_frame is not None and window.stop_frame is not None
    ]


def describe_windows(windows: Sequence[ClipRecord], frames: int) -> str:
    """In words, with the number of frames that a network samples from each."""
    bounds = find_bounds(windows)
    length = bounds[0][1] - bounds[0][0]
    if len(bounds) == 1:
        return f"the video is one window of {length} frames, of which {frames} are sampled"
    step = bounds[1][0] - bounds[0][0]
    every = "every frame" if step == 1 else f"every {step} frames"
    return f"a window of {length} frames of the video, of which {frames} are sampled, {every}"
