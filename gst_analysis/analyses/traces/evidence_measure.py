"""What every row of a trace is made of: traces in, the evidence of each out.

A row says how much a logit depends on each input frame, by the exact gradient. Whose logit:

- *frame*: each frame's own, for the class that leads it.
- *prefix*: of the prediction from frames 1..t, for the class that leads it; later frames are not given.
- *leave-one-out*: each frame's in the whole clip, for the class predicted for the clip.
- *window*: each frame's within a window, for the class predicted for the video; the mean over a few windows.

So a frame's logits are seen for what they are: the more weight lies beside the diagonal, the less they are
evidence of that frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from typing import Any

import numpy as np
import torch

from gst_analysis.analyses.traces.clip_trace import ClipTrace, TracePlan, UntracedClip
from gst_analysis.analyses.traces.evidence import Evidence, TraceEvidence, tabulate_evidence
from gst_analysis.analyses.traces.windows import find_windows
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.dataset import ReadingPlan
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import DataError
from gst_analysis.inference.classes import order_classes
from gst_analysis.inference.conditions import explain_out_of_memory, running_conditions
from gst_analysis.inference.reading import ReadClip, read_ahead
from gst_analysis.inference.settings import choose_device
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.receptive_fields import mark_reachable
from gst_analysis.probes.answers import reach_of
from gst_analysis.probes.clip_stream import ClipSteps, Step
from gst_analysis.probes.gradients import know_reach, share_rows, trace_gradients, trace_prefix_gradients
from gst_analysis.progress import Progress

WINDOWS = 8
"""Windows of a video that are looked at, spread evenly."""


def measure_evidence(
    model: LoadedModel,
    traces: Sequence[ClipTrace],
    plan: TracePlan,
    *,
    at_hand: OpenedClips | None = None,
    progress: Progress | None = None,
) -> list[TraceEvidence | UntracedClip]:
    """Measure clips one at a time; the network is left as it was.

    Args:
        model: what load_model returned.
        traces: what trace_clips gave.
        plan: what they were traced by.
        at_hand: clips that are opened, as they were traced; what is missing is read again.
        progress: called after every gradient; each clip counts as many steps as the network has frames.
    """
    plan.settings.require_one_view("what a trace is made of")
    device, at_hand = choose_device(plan.settings.device), at_hand or OpenedClips(flow=model.clip_spec.flow)
    reading = ReadingPlan(model.clip_spec, normalise=False)
    titles = [f"what {trace.clip} is made of" for trace in traces]
    steps = ClipSteps(model.clip_spec.frames, titles, progress)
    parts = _list_parts(model.clip_spec, traces, plan, at_hand, steps)
    measured: list[TraceEvidence | UntracedClip] = []
    with (
        running_conditions(model.module, plan.settings, device) as network,
        closing(read_ahead(parts, reading, threads=2, read=at_hand.read)) as clips,
    ):
        for number, read in groupby(clips, key=lambda clip: clip.place):
            with explain_out_of_memory(1, device):
                measured.append(_measure_clip(network, model, traces[number], read, device, steps.add))
            steps.end()
    return measured


def choose_classes(trace: ClipTrace) -> list[int]:
    """(T,) whose logit is looked at in every row of the matrix."""
    if trace.mode in ("frame", "prefix"):
        return [int(number) for number in order_classes(trace.logits)[:, 0]]
    return [int(order_classes(trace.video)[0])]


def _list_parts(
    spec: ClipSpec, traces: Sequence[ClipTrace], plan: TracePlan, at_hand: OpenedClips, steps: ClipSteps
) -> Iterator[tuple[int, ClipRecord]]:
    """What is to be read of every clip, and its number."""
    for number, trace in enumerate(traces):
        readings = _list_readings(trace, plan, spec, at_hand)
        steps.parts[number] = len(readings)
        for record in readings:
            yield number, record


def _list_readings(
    trace: ClipTrace, plan: TracePlan, spec: ClipSpec, at_hand: OpenedClips
) -> list[ClipRecord]:
    """The clip, or some of its windows; the clip too where they cannot be found, so that reading says why."""
    if trace.mode != "window":
        return [trace.record]
    try:
        windows = find_windows(trace.record, spec, plan, at_hand)
    except DataError:
        return [trace.record]
    few = min(WINDOWS, len(windows))
    return [windows[place * len(windows) // few] for place in range(few)]


def _measure_clip(
    network: Any,
    model: LoadedModel,
    trace: ClipTrace,
    parts: Iterable[ReadClip],
    device: torch.device,
    step: Step,
) -> TraceEvidence | UntracedClip:
    """The mean over a clip's parts: itself, or its windows."""
    matrices = []
    frames = model.clip_spec.frames
    classes = choose_classes(trace)
    classes = classes * frames if len(classes) == 1 else classes
    for part in parts:
        if part.views is None:
            return UntracedClip(trace.clip, part.failure)
        pixels = normalise_clips(part.views[:1].to(device), model.clip_spec)
        if trace.mode == "prefix":
            whole = model.anatomy.any_length
            norms, _ = trace_prefix_gradients(network, pixels, classes, any_length=whole, step=step)
        else:
            reach = know_reach(network, model.anatomy.half_width)
            norms, _ = trace_gradients(network, pixels, classes, half_width=reach, step=step)
        matrices.append(_join_inputs(norms))
    rows = len(matrices[0])
    reachable = mark_reachable(rows, reach_of(model.anatomy.half_width, rows))
    if trace.mode == "prefix":
        reachable = np.tril(reachable)
    shares = np.mean([share_rows(matrix) for matrix in matrices], axis=0)
    found = Evidence(trace.mode, shares, reachable)
    named = [(number, trace.name_class(number)) for number in classes]
    table = tabulate_evidence(
        found, np.mean(matrices, axis=0), named, checkpoint=trace.checkpoint, clip=trace.clip
    )
    return TraceEvidence(trace.clip, table, found.own_share)


def _join_inputs(norms: np.ndarray) -> np.ndarray:
    """(R, T) -> (R, R): of a network that makes a row of several frames, those frames together."""
    rows, frames = norms.shape
    if rows == frames or frames % rows:
        return norms
    joined: np.ndarray = np.sqrt((norms.reshape(rows, rows, frames // rows) ** 2).sum(axis=2))
    return joined
