"""Windows that slide over a video: parts of it, each read as a clip of its own, a row of logits for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from gst_analysis.analyses.traces.clip_trace import (
    ClipTrace,
    TracedChunk,
    TracePlan,
    UntracedClip,
    refuse_still,
)
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.pictures import rate_of
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.sampling import parse_sampling
from gst_analysis.clips.spans import find_span
from gst_analysis.errors import DataError
from gst_analysis.inference.logits import FrameLogits
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance

_LONGEST_S = 4.0
"""About the length of a clip of Something-Something."""
_AT_ONCE = 64
"""Windows that are measured at a time."""


def plan_windows(
    record: ClipRecord,
    spec: ClipSpec,
    *,
    window: int | None = None,
    step: int | None = None,
    at_hand: OpenedClips | None = None,
) -> list[ClipRecord]:
    """The windows of a video, the last one flush with its end; one where it is no longer than a window.

    Args:
        record: the video, or the part of one.
        spec: how the network samples a clip.
        window: frames of the video. If None: what dense sampling spans; where segments are sampled, half
            of the video, but at most 4 seconds and at least as many frames as are sampled.
        step: frames from one window to the next; an eighth of the window if None.
        at_hand: clips that are opened.

    Raises:
        DataError: the clip cannot be opened.
    """
    clip = (at_hand or OpenedClips(flow=spec.flow)).open(record.path)
    span, rate = find_span(record, clip), rate_of(clip.times)
    stride = parse_sampling(spec.sampling)
    usual = max(spec.frames, min(len(span) // 2, round(_LONGEST_S * rate)))
    window = min(len(span), window or (spec.frames * stride if stride else usual))
    starts = {*range(span.start, span.stop - window + 1, step or max(1, window // 8)), span.stop - window}
    return [
        ClipRecord(f"{record.clip}, from frame {s}", record.path, start_frame=s, stop_frame=s + window)
        for s in sorted(starts)
    ]


def find_windows(
    record: ClipRecord, spec: ClipSpec, plan: TracePlan, at_hand: OpenedClips
) -> list[ClipRecord]:
    """The windows that a plan asks for."""
    return plan_windows(record, spec, window=plan.window, step=plan.step, at_hand=at_hand)


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


def trace_windows(
    model: LoadedModel,
    records: RecordList,
    plan: TracePlan,
    at_hand: OpenedClips,
    progress: Progress | None = None,
) -> TracedChunk:
    """Trace one video by windows that slide over it."""
    record = records[0]
    origin, notes = Provenance({}, {}, {}), model.notes
    try:
        windows = find_windows(record, model.clip_spec, plan, at_hand)
        middles, seconds = _find_middles(record, windows, at_hand)
    except DataError as error:
        return TracedChunk((UntracedClip(record.clip, str(error)),), notes, origin)
    (start, stop), *others = find_bounds(windows)
    if not others and stop - start < 2:
        return TracedChunk((refuse_still(record),), notes, origin)
    measure = partial(measure_frame_logits, model, settings=plan.settings, read=at_hand.read)
    parts = _measure_parts(measure, replace(records, records=tuple(windows)), record.clip, progress)
    last = parts[-1]
    if last.failures:
        reason = next(iter(last.failures.values()))
        return TracedChunk((UntracedClip(record.clip, reason),), last.notes, last.provenance)
    rows = np.concatenate([part.clip_logits for part in parts])
    trace = ClipTrace(
        parts[0].checkpoint,
        record.clip,
        "window",
        record,
        record.label,
        parts[0].class_names,
        rows,
        np.asarray(rows.mean(axis=0, dtype=np.float64), dtype=np.float32),
        middles,
        seconds,
        (describe_windows(windows, model.clip_spec.frames),),
    )
    return TracedChunk((trace,), parts[0].notes, parts[0].provenance)


def _measure_parts(
    measure: Callable[..., FrameLogits], windows: RecordList, clip: str, progress: Progress | None
) -> list[FrameLogits]:
    """The logits of a clip's windows, some at a time; nothing is read beyond a part with a failure."""
    parts: list[FrameLogits] = []
    for start in range(0, len(windows), _AT_ONCE):
        part = replace(windows, records=windows.records[start : start + _AT_ONCE])
        parts.append(measure(part, progress=_count_windows(progress, clip, start, len(windows))))
        if parts[-1].failures:
            break
    return parts


def _count_windows(
    progress: Progress | None, clip: str, start: int, total: int
) -> Callable[[int, int, str], object] | None:
    if progress is None:
        return None
    return lambda done, *_: progress(start + done, total, f"windows of {clip}")


def _find_middles(
    record: ClipRecord, windows: Sequence[ClipRecord], at_hand: OpenedClips
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The frame in the middle of every window, and when it is shown."""
    middles = np.array([sum(bounds) // 2 for bounds in find_bounds(windows)], dtype=np.int64)
    times = at_hand.open(record.path).times
    return middles, np.full(len(middles), np.nan) if times is None else times[middles]
