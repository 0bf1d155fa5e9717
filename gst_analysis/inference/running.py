"""A network and clips in, per-frame logits out, on one device.

Clips are read by threads ahead of the network; views are put together in batches, cross to the device as
uint8 and are normalised there. A clip that cannot be read is left out and named, never replaced.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.dataset import FrameReader, ReadingPlan
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import BrokenCheckpoint
from gst_analysis.inference.conditions import explain_out_of_memory, fusing_pays, running_conditions
from gst_analysis.inference.logits import Floats, Seconds
from gst_analysis.inference.reading import ReadClip, read_ahead
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.views import ViewPlan
from gst_analysis.networks.folding import count_norms


@dataclass(frozen=True)
class Job:
    """What is the same for every process: the network, how it is run, and what becomes of its views."""

    model: LoadedModel
    settings: InferenceSettings
    views: ViewPlan
    read: FrameReader | None = None
    """What reads the frames of a clip; by what the network takes if None."""


@dataclass(frozen=True)
class Share:
    """What one process measured of a list of records: places in the list, and their rows."""

    places: tuple[int, ...]
    logits: Floats
    seconds: Seconds
    failures: dict[int, str]
    folded: tuple[int, int] = (0, 0)
    """Batch norms that were folded into convolutions, and how many there were."""


def measure_share(
    job: Job, numbered: Sequence[tuple[int, ClipRecord]], device: torch.device, count: Callable[[], object]
) -> Share:
    """Run a network over some of the records on one device; `count` is called after every clip."""
    model, settings = job.model, job.settings
    plan = ReadingPlan(model.clip_spec, clips=settings.clips, crops=settings.crops, normalise=False)
    rows = len(numbered)
    answers = model.spec.count_answers(model.clip_spec.frames)
    logits = np.empty((rows, answers, model.spec.num_classes), dtype=np.float32)
    seconds = np.empty(logits.shape[:2], dtype=np.float64)
    places: list[int] = []
    failures: dict[int, str] = {}
    norms = count_norms(model.module)
    fuse = fusing_pays(model.clip_spec, rows * settings.views)
    with (
        running_conditions(model.module, settings, device, fuse=fuse) as network,
        closing(read_ahead(numbered, plan, threads=settings.threads, read=job.read)) as clips,
    ):
        folded = norms - count_norms(network), norms
        for clip, outputs in _measure(network, clips, job, device):
            if outputs is None:
                failures[clip.place] = clip.failure
            else:
                if outputs.shape[1] != logits.shape[1]:  # a network around it gives more or fewer answers
                    logits = np.empty((rows, *outputs.shape[1:]), dtype=np.float32)
                    seconds = np.empty(logits.shape[:2], dtype=np.float64)
                logits[len(places)] = job.views.average(outputs)
                seconds[len(places)] = _seconds_of(clip, logits.shape[1])
                places.append(clip.place)
            count()
    done = len(places)
    return Share(tuple(places), logits[:done], seconds[:done], failures, folded)


def _seconds_of(clip: ReadClip, answers: int) -> Seconds:
    """When each answer's frame is shown; of an answer to several, their middle."""
    assert clip.seconds is not None  # a clip that was read has them
    return clip.seconds if answers == len(clip.seconds) else clip.seconds.reshape(answers, -1).mean(axis=1)


def _measure(
    network: nn.Module, clips: Iterable[ReadClip], job: Job, device: torch.device
) -> Iterator[tuple[ReadClip, Floats | None]]:
    """Every clip with the logits of its views (V, T, K), or None where it could not be read.

    While the device works on a batch, the next is put together: one batch is always on its way.
    """
    model, settings = job.model, job.settings
    gathered: dict[int, list[Floats]] = {}
    running: deque[tuple[Tensor, list[ReadClip]]] = deque()

    def finish(keep: int) -> Iterator[tuple[ReadClip, Floats | None]]:
        while len(running) > keep:
            outputs, owners = running.popleft()
            for clip, row in zip(owners, _to_finite(outputs, model), strict=True):
                rows = gathered.setdefault(clip.place, [])
                rows.append(row)
                if len(rows) == settings.views:
                    yield clip, np.stack(gathered.pop(clip.place))

    for batch, owners in _batch_views(clips, settings.batch):
        if batch is None:
            yield owners[0], None
            continue
        with explain_out_of_memory(len(batch), device):
            moved = (batch.pin_memory() if device.type == "cuda" else batch).to(device, non_blocking=True)
            with torch.no_grad(), _autocast(settings, device):
                outputs = network(normalise_clips(moved, model.clip_spec))
            # NumPy has no bf16.
            running.append((outputs.float(), owners))
            yield from finish(keep=1)
    with explain_out_of_memory(settings.batch, device):
        yield from finish(keep=0)


def _batch_views(clips: Iterable[ReadClip], size: int) -> Iterator[tuple[Tensor | None, list[ReadClip]]]:
    """Views of neighbouring clips side by side, and whose each is; clips without views by themselves."""
    views: list[Tensor] = []
    owners: list[ReadClip] = []
    for clip in clips:
        if clip.views is None:
            yield None, [clip]
            continue
        # An owner without its views, so that they can be forgotten as soon as they are in a batch.
        owner = ReadClip(clip.place, None, clip.seconds)
        for view in clip.views:
            views.append(view)
            owners.append(owner)
            if len(views) == size:
                yield torch.stack(views), owners
                views, owners = [], []
    if views:
        yield torch.stack(views), owners


def _to_finite(outputs: Tensor, model: LoadedModel) -> Floats:
    """Logits as NumPy has them; what is not a number must not become a prediction."""
    rows: Floats = outputs.cpu().numpy()
    if not np.isfinite(rows).all():
        raise BrokenCheckpoint(
            str(model.checkpoint.path),
            expected="finite logits",
            found="infinite or missing ones",
            todo="use precision fp32, or another checkpoint",
        )
    return rows


def _autocast(settings: InferenceSettings, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16")
