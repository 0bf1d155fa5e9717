"""A network and clips in, per-frame logits out, on one device.

Clips are read by threads ahead of the network; views are put together in batches, cross to the device as
uint8 and are normalised there. A clip that cannot be read is left out and named, never replaced.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence, Set
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
from gst_analysis.inference.sharing import Count, Here, ModelWork, Unit
from gst_analysis.inference.views import ViewPlan
from gst_analysis.networks.folding import count_norms


@dataclass(frozen=True)
class Job(ModelWork):
    """What is the same for every process: network and clips, how it is run, and what becomes of views."""

    views: ViewPlan
    records: Sequence[ClipRecord]
    read: FrameReader | None = None
    """What reads the frames of a clip; by what the network takes if None."""

    def list_units(self) -> list[Unit]:
        """Runs of as few clips as fill whole batches with their views."""
        few = self.settings.batch // math.gcd(self.settings.batch, self.settings.views)
        count = len(self.records)
        return [range(start, min(start + few, count)) for start in range(0, count, few)]

    def measure(self, units: Sequence[Unit], here: Here) -> Share:
        """Some of the clips on one device."""
        return measure_share(self, units, here.device, here.count)


@dataclass(frozen=True)
class Share:
    """What one process measured of a list of records: places in the list, and their rows."""

    places: tuple[int, ...]
    logits: Floats
    seconds: Seconds
    failures: dict[int, str]
    folded: tuple[int, int] = (0, 0)
    """Batch norms that were folded into convolutions, and how many there were."""


def measure_share(job: Job, units: Sequence[Unit], device: torch.device, count: Count) -> Share:
    """Run a network over some of the records on one device; `count` is called after every clip."""
    model, settings = job.model, job.settings
    plan = ReadingPlan(model.clip_spec, clips=settings.clips, crops=settings.crops, normalise=False)
    numbered = [(place, job.records[place]) for unit in units for place in unit]
    ends, rows = {unit[-1] for unit in units}, len(numbered)
    answers = model.spec.count_answers(model.clip_spec.frames)
    logits = np.empty((rows, answers, model.spec.num_classes), dtype=np.float32)
    seconds = np.empty(logits.shape[:2], dtype=np.float64)
    places: list[int] = []
    failures: dict[int, str] = {}
    norms = count_norms(model.module)
    taken = -(-settings.batch // settings.views)
    spec, views = model.clip_spec, len(job.records) * settings.views  # alike in all processes
    fuse = fusing_pays(spec, views)
    with (  # clips first: they are read while the network is made ready
        closing(read_ahead(numbered, plan, threads=settings.threads, taken=taken, read=job.read)) as clips,
        running_conditions(model.module, settings, device, fuse=fuse, clip=spec, views=views) as network,
    ):
        folded = norms - count_norms(network), norms
        for clip, outputs in _measure(network, clips, job, ends, device):
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
    network: nn.Module, clips: Iterable[ReadClip], job: Job, ends: Set[int], device: torch.device
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

    for batch, owners in _batch_views(clips, settings.batch, ends):
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


def _batch_views(
    clips: Iterable[ReadClip], size: int, ends: Set[int]
) -> Iterator[tuple[Tensor | None, list[ReadClip]]]:
    """Views of neighbouring clips side by side, and whose each is; clips without views by themselves.

    No batch goes on beyond the places in `ends`, so that what shares a batch does not depend on who runs it.
    """
    views: list[Tensor] = []
    owners: list[ReadClip] = []
    for clip in clips:
        if clip.views is None:
            yield None, [clip]
        # An owner without its views, so that they can be forgotten as soon as they are in a batch.
        owner = ReadClip(clip.place, None, clip.seconds)
        for view in () if clip.views is None else clip.views:
            views.append(view)
            owners.append(owner)
            if len(views) == size:
                yield torch.stack(views), owners
                views, owners = [], []
        if views and clip.place in ends:
            yield torch.stack(views), owners
            views, owners = [], []


def _to_finite(outputs: Tensor, model: LoadedModel) -> Floats:
    """Logits as NumPy has them; what is not a number must not become a prediction."""
    rows: Floats = outputs.cpu().numpy()
    require_finite(outputs, str(model.checkpoint.path))
    return rows


def require_finite(logits: Tensor, of: str) -> None:
    """Check that logits say something of clips.

    Raises:
        BrokenCheckpoint: some are infinite or no numbers.
    """
    if not torch.isfinite(logits).all():
        raise BrokenCheckpoint(
            of,
            expected="finite logits",
            found="infinite or missing ones",
            todo="use precision fp32, or another checkpoint",
        )


def _autocast(settings: InferenceSettings, device: torch.device) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16")
