"""What a network says over the course of a clip: clips in, a trace of each out (the paper's §4.6, Figure 5).

Five modes; a trace has R rows of logits (R, K), one for

- *frame*: every frame's logits before they are averaged, as in the paper. Their mean is the clip's.
  A frame's logits may draw on every frame of the clip: it is no evidence of that frame alone.
- *prefix*: the prediction from frames 1..t alone, by a network that is given no others.
- *leave-one-out*: the prediction from all frames but t.
- *still*: the prediction from frame t alone, shown as often as there are frames. No time is in it at all, so
  it is the control of all others: a change that it shows, too, was recognised in a picture, not followed.
- *window*: windows that slide over the whole video, each read as a clip of its own.

The second to fourth are networks around the network, and windows are records, so that reading, batches,
precision, devices and crops are those of inference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gst_analysis.analyses.traces.clip_trace import (
    ClipTrace,
    TracedChunk,
    TracePlan,
    UntracedClip,
    refuse_still,
)
from gst_analysis.analyses.traces.windows import trace_windows
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.sampling import multi_clip_indices
from gst_analysis.clips.spans import find_span
from gst_analysis.errors import DataError, SpecError
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.logits import FrameLogits
from gst_analysis.inference.measuring import measure_frame_logits, name_apart
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.network import average_frames
from gst_analysis.probes.answers import leave_out, repeat_last
from gst_analysis.progress import Progress

_CHUNK = 64
"""Clips that are measured at a time: all that lies in memory."""

Places = npt.NDArray[np.int64]


class PrefixNetwork(nn.Module):
    """(N, T, 3, H, W) -> (N, T, K): row t is the mean over frames of the network run on frames 1..t."""

    def __init__(self, network: nn.Module, any_length: bool = True) -> None:
        super().__init__()
        self.network, self.any_length = network, any_length

    def forward(self, clips: Tensor) -> Tensor:
        rows, frames = [], clips.shape[1]
        for t in range(1, frames + 1):
            given = clips[:, :t] if self.any_length else repeat_last(clips[:, :t], frames)
            rows.append(average_frames(self.network(given).float()))
        return torch.stack(rows, 1)


class WithoutEachNetwork(nn.Module):
    """(N, T, 3, H, W) -> (N, T, K): row t is the mean over frames of the network run without frame t."""

    def __init__(self, network: nn.Module, any_length: bool = True) -> None:
        super().__init__()
        self.network, self.any_length = network, any_length

    def forward(self, clips: Tensor) -> Tensor:
        rows = []
        for t in range(clips.shape[1]):
            rest = leave_out(clips, t, any_length=self.any_length)
            rows.append(average_frames(self.network(rest).float()))
        return torch.stack(rows, 1)


class StillNetwork(nn.Module):
    """(N, T, 3, H, W) -> (N, T, K): row t is the mean over T frames that are all copies of frame t."""

    def __init__(self, network: nn.Module, any_length: bool = True) -> None:
        super().__init__()
        self.network = network  # copies are as many as a clip has frames, so any network takes them

    def forward(self, clips: Tensor) -> Tensor:
        frames = clips.shape[1]
        copies = (clips[:, t : t + 1].expand(-1, frames, -1, -1, -1) for t in range(frames))
        return torch.stack([average_frames(self.network(still).float()) for still in copies], 1)


_NETWORKS: dict[str, Callable[[nn.Module, bool], nn.Module]] = {
    "frame": lambda network, _: network,
    "prefix": PrefixNetwork,
    "leave-one-out": WithoutEachNetwork,
    "still": StillNetwork,
}


def trace_clips(
    model: LoadedModel,
    records: RecordList,
    plan: TracePlan | None = None,
    *,
    at_hand: OpenedClips | None = None,
    progress: Progress | None = None,
) -> Iterator[TracedChunk]:
    """Trace clips a few at a time, so that memory stays flat however many there are.

    The network is left as it was. A clip that cannot be read becomes an UntracedClip, and the rest goes on.

    Args:
        model: what load_model returned.
        records: what load_records or find_clips returned.
        plan: mode, windows and settings.
        at_hand: clips that are opened; what is opened here is added to them.
        progress: called after every clip; of a single video in window mode, after every window.

    Raises:
        DataError: classes that are not the checkpoint's.
        SpecError: a network of one frame, unless windows slide over the video.
    """
    plan, at_hand = plan or TracePlan(), at_hand or OpenedClips(flow=model.clip_spec.flow)
    check_traceable(model, records, plan)
    names = name_apart([record.clip for record in records])
    named = [replace(record, clip=name) for record, name in zip(records, names, strict=True)]
    size = 1 if plan.mode == "window" else _CHUNK
    measure = trace_windows if plan.mode == "window" else _trace_frames
    for start in range(0, len(named), size):
        part = replace(records, records=tuple(named[start : start + size]))
        report = progress if len(named) == 1 else _shift(progress, start, len(named), plan)
        yield measure(model, part, plan, at_hand, report)


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
    model: LoadedModel,
    records: RecordList,
    plan: TracePlan,
    at_hand: OpenedClips,
    progress: Progress | None = None,
) -> TracedChunk:
    """Modes frame, prefix, leave-one-out and still."""
    wrapped: Any = _NETWORKS[plan.mode](model.module, model.anatomy.any_length)  # it acts like one
    around = model.with_module(wrapped)
    rows = measure_frame_logits(around, records, settings=plan.settings, progress=progress, read=at_hand.read)
    whole = rows
    if plan.mode == "leave-one-out":
        whole = measure_frame_logits(model, records, settings=plan.settings, read=at_hand.read)
    spec = model.clip_spec
    read = set(rows.clips)
    places = {record.clip: _find_frames(record, spec, at_hand) for record in records if record.clip in read}
    traces = [_trace_of(record, rows, whole, places.get(record.clip, ""), plan) for record in records]
    return TracedChunk(tuple(traces), rows.notes, rows.provenance)


def _trace_of(
    record: ClipRecord, rows: FrameLogits, whole: FrameLogits, places: Places | str, plan: TracePlan
) -> ClipTrace | UntracedClip:
    """One clip's part of what was measured."""
    for logits in (rows, whole):
        if record.clip in logits.failures:
            return UntracedClip(record.clip, logits.failures[record.clip])
    row = rows.clips.index(record.clip)
    everything = whole.clip_logits[whole.clips.index(record.clip)]
    if isinstance(places, str):
        return UntracedClip(record.clip, places)
    if len(places) > len(rows.logits[row]):  # an answer to several frames stands at the middle one
        each = len(places) // len(rows.logits[row])
        places = places[each // 2 :: each]
    distinct = len(np.unique(places))
    if distinct < 2:
        return refuse_still(record)
    short = f"the clip has only {distinct} of the {len(places)} frames that are sampled: some are repeated"
    return ClipTrace(
        rows.checkpoint,
        record.clip,
        plan.mode,
        record,
        record.label,
        rows.class_names,
        rows.logits[row],
        rows.logits[row, -1] if plan.mode == "prefix" else everything,
        places,
        rows.seconds[row],
        (short,) if distinct < len(places) else (),
    )


def locate_frames(record: ClipRecord, spec: ClipSpec, *, at_hand: OpenedClips | None = None) -> Places:
    """(T,) places in the file of the frames that a network is shown.

    Raises:
        DataError: the clip cannot be opened.
    """
    span = find_span(record, (at_hand or OpenedClips(flow=spec.flow)).open(record.path))
    places = multi_clip_indices(len(span), spec.frames, 1, sampling=spec.sampling)[0]
    return np.asarray(span.start + places)


def _find_frames(record: ClipRecord, spec: ClipSpec, at_hand: OpenedClips) -> Places | str:
    """Where they are, or why they cannot be found."""
    try:
        return locate_frames(record, spec, at_hand=at_hand)
    except DataError as error:
        return str(error)
