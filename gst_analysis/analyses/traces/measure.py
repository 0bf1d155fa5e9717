"""What a network says over the course of a clip: clips in, a trace of each out (the paper's §4.6, Figure 5).

Four modes; a trace has R rows of logits (R, K), one for

- *frame*: every frame's logits before they are averaged, as in the paper. Their mean is the clip's.
  A frame's logits may draw on every frame of the clip: it is no evidence of that frame alone.
- *prefix*: the prediction from frames 1..t alone, by a network that is given no others.
- *leave-one-out*: the prediction from all frames but t.
- *window*: windows that slide over the whole video, each read as a clip of its own.

The second and third are networks around the network, and windows are records, so that reading, batches,
precision, devices and crops are those of inference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import nn

from gst_analysis.analyses.traces.networks import PrefixNetwork, WithoutEachNetwork
from gst_analysis.analyses.traces.table import TRACE_MODES
from gst_analysis.analyses.traces.windows import describe_windows, find_bounds, plan_windows
from gst_analysis.checkpoints.loading import LoadedModel
from gst_analysis.clips.decoding import open_clip
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.sampling import multi_clip_indices
from gst_analysis.clips.spans import find_span
from gst_analysis.errors import DataError, SpecError
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.logits import Floats, FrameLogits, Seconds, softmax
from gst_analysis.inference.measuring import measure_frame_logits, name_apart
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check_choices

if TYPE_CHECKING:
    from gst_analysis.networks.specs import ClipSpec

_CHUNK = 64
"""Clips that are measured at a time: all that lies in memory."""

Progress = Callable[[int, int, str], object]
"""Called with how many are done, how many there are, and what is at work."""


@dataclass(frozen=True)
class TracePlan:
    """How clips are traced.

    `window` and `step` are frames of the video and belong to mode window; plan_windows says what holds
    where they are None.
    """

    mode: str = "frame"
    window: int | None = None
    step: int | None = None
    settings: InferenceSettings = field(default_factory=InferenceSettings)

    def __post_init__(self) -> None:
        check_choices("trace mode", [self.mode], TRACE_MODES)
        for name in ("window", "step"):
            value = getattr(self, name)
            if value is None:
                continue
            if type(value) is not int or value < 1 or self.mode != "window":
                raise SpecError(
                    f"trace {name}",
                    expected="a whole number of frames of at least 1, and mode window",
                    found=f"{value!r} and mode {self.mode}"[:80],
                    todo="correct it, or leave it out",
                )
        if self.settings.clips != 1:
            raise SpecError(
                "trace",
                expected="one sampling of each clip, whose frames can be named",
                found=f"{self.settings.clips}",
                todo="leave clips at 1",
            )


@dataclass(frozen=True, eq=False)
class ClipTrace:
    """What a network says over the course of one clip."""

    checkpoint: str
    clip: str
    mode: str
    record: ClipRecord
    truth: int | None
    class_names: tuple[str, ...] = field(repr=False)
    """Empty where neither checkpoint nor data know them."""
    logits: Floats = field(repr=False)
    """(R, K)"""
    video: Floats = field(repr=False)
    """(K,) the clip's own prediction, from all frames; in window mode, the windows' mean."""
    source_frames: npt.NDArray[np.int64] = field(repr=False)
    """(R,) places in the file, from 0."""
    seconds: Seconds = field(repr=False)
    """(R,) NaN where the clip does not say."""
    notes: tuple[str, ...] = ()

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """(R, K)"""
        return softmax(self.logits)

    def name_class(self, number: int) -> str:
        """The class's name, or its number as text where names are unknown."""
        return self.class_names[number] if self.class_names else str(number)


@dataclass(frozen=True)
class UntracedClip:
    """A clip that could not be read, and why."""

    clip: str
    reason: str


@dataclass(frozen=True)
class TracedChunk:
    """Some clips, in the order of their records."""

    traces: tuple[ClipTrace | UntracedClip, ...]
    notes: tuple[str, ...]
    provenance: Provenance


_NETWORKS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "frame": lambda network: network,
    "prefix": PrefixNetwork,
    "leave-one-out": WithoutEachNetwork,
}


def trace_clips(
    model: LoadedModel,
    records: RecordList,
    plan: TracePlan | None = None,
    *,
    progress: Progress | None = None,
) -> Iterator[TracedChunk]:
    """Trace clips a few at a time, so that memory stays flat however many there are.

    The network is left as it was. A clip that cannot be read becomes an UntracedClip, and the rest goes on.

    Args:
        model: what load_model returned.
        records: what load_records or find_clips returned.
        plan: mode, windows and settings.
        progress: called after every clip; of a single video in window mode, after every window.

    Raises:
        DataError: classes that are not the checkpoint's.
        SpecError: a network of one frame, unless windows slide over the video.
    """
    plan = plan or TracePlan()
    check_traceable(model, records, plan)
    names = name_apart([record.clip for record in records])
    named = [replace(record, clip=name) for record, name in zip(records, names, strict=True)]
    size = 1 if plan.mode == "window" else _CHUNK
    measure = _trace_windows if plan.mode == "window" else _trace_frames
    for start in range(0, len(named), size):
        part = replace(records, records=tuple(named[start : start + size]))
        alone = len(named) == 1
        yield measure(model, part, plan, progress if alone else _shift(progress, start, len(named), plan))


def check_traceable(model: LoadedModel, records: RecordList, plan: TracePlan) -> None:
    """Refuse what cannot be traced before the first clip is read.

    Raises:
        DataError: labels that are not the checkpoint's.
        SpecError: a network of one frame, unless windows slide over the video.
    """
    if any(record.label is not None or record.label_text is not None for record in records):
        check_classes(model, records)
    if plan.mode != "window" and model.clip_spec.frames < 2:
        raise SpecError(
            f"trace mode {plan.mode}",
            expected="a network of at least 2 frames",
            found="1",
            todo="use mode window, or predict for a single prediction",
        )


def _shift(progress: Progress | None, start: int, total: int, plan: TracePlan) -> Progress | None:
    """Clips of one chunk as clips of all; a video's windows as parts of it."""
    if progress is None:
        return None
    if plan.mode == "window":
        return lambda done, of, name: progress(start + (done == of), total, f"{done} of {of} {name}")
    return lambda done, _, name: progress(start + done, total, name)


def _trace_frames(
    model: LoadedModel, records: RecordList, plan: TracePlan, progress: Progress | None
) -> TracedChunk:
    """Modes frame, prefix and leave-one-out."""
    wrapped: Any = _NETWORKS[plan.mode](model.module)  # it acts like one
    around = model.with_module(wrapped)
    rows = measure_frame_logits(around, records, settings=plan.settings, progress=progress)
    whole = rows
    if plan.mode == "leave-one-out":
        whole = measure_frame_logits(model, records, settings=plan.settings)
    traces = [_trace_of(record, rows, whole, model.clip_spec, plan) for record in records]
    return TracedChunk(tuple(traces), rows.notes, rows.provenance)


def _trace_of(
    record: ClipRecord, rows: FrameLogits, whole: FrameLogits, spec: ClipSpec, plan: TracePlan
) -> ClipTrace | UntracedClip:
    """One clip's part of what was measured."""
    for logits in (rows, whole):
        if record.clip in logits.failures:
            return UntracedClip(record.clip, logits.failures[record.clip])
    place = rows.clips.index(record.clip)
    everything = whole.clip_logits[whole.clips.index(record.clip)]
    try:
        source_frames = locate_frames(record, spec)
    except DataError as error:
        return UntracedClip(record.clip, str(error))
    distinct = len(np.unique(source_frames))
    if distinct < 2:
        return _refuse_still(record)
    short = f"the clip has only {distinct} of the {spec.frames} frames that are sampled: some are repeated"
    return ClipTrace(
        rows.checkpoint,
        record.clip,
        plan.mode,
        record,
        record.label,
        rows.class_names,
        rows.logits[place],
        rows.logits[place, -1] if plan.mode == "prefix" else everything,
        source_frames,
        rows.seconds[place],
        (short,) if distinct < spec.frames else (),
    )


def _refuse_still(record: ClipRecord) -> UntracedClip:
    """One picture has no course over which a prediction could change."""
    error = DataError(
        record.clip,
        expected="a clip of at least 2 different frames",
        found="1",
        todo="use predict for a single prediction",
    )
    return UntracedClip(record.clip, str(error))


def locate_frames(record: ClipRecord, spec: ClipSpec) -> npt.NDArray[np.int64]:
    """(T,) places in the file of the frames that a network is shown.

    Raises:
        DataError: the clip cannot be opened.
    """
    with open_clip(record.path) as clip:
        span = find_span(record, clip)
        places = multi_clip_indices(len(span), spec.frames, 1, sampling=spec.sampling)[0]
    return np.asarray(span.start + places)


def _trace_windows(
    model: LoadedModel, records: RecordList, plan: TracePlan, progress: Progress | None
) -> TracedChunk:
    """Mode window, one video at a time."""
    record = records[0]
    origin, notes = Provenance({}, {}, {}), model.notes
    try:
        windows = plan_windows(record, model.clip_spec, window=plan.window, step=plan.step)
        middles, seconds = _find_middles(record, windows)
    except DataError as error:
        return TracedChunk((UntracedClip(record.clip, str(error)),), notes, origin)
    (start, stop), *others = find_bounds(windows)
    if not others and stop - start < 2:
        return TracedChunk((_refuse_still(record),), notes, origin)
    parts = []
    for start in range(0, len(windows), _CHUNK):
        part = replace(records, records=tuple(windows[start : start + _CHUNK]))
        report = _count_windows(progress, record.clip, start, len(windows))
        parts.append(measure_frame_logits(model, part, settings=plan.settings, progress=report))
        if parts[-1].failures:
            reason = next(iter(parts[-1].failures.values()))
            return TracedChunk((UntracedClip(record.clip, reason),), parts[-1].notes, parts[-1].provenance)
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


def _count_windows(
    progress: Progress | None, clip: str, start: int, total: int
) -> Callable[[int, int, str], object] | None:
    if progress is None:
        return None
    return lambda done, *_: progress(start + done, total, f"windows of {clip}")


def _find_middles(
    record: ClipRecord, windows: Sequence[ClipRecord]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The frame in the middle of every window, and when it is shown."""
    middles = np.array([sum(bounds) // 2 for bounds in find_bounds(windows)], dtype=np.int64)
    with open_clip(record.path) as clip:
        times = clip.times
    return middles, np.full(len(middles), np.nan) if times is None else times[middles]
