"""Labelled clips in, batches for an analysis out: read ahead, normalised, on the network's device.

Batches are as even as can be, so that none but a lonely clip's holds a single clip: an analysis that swaps
channels between clips needs two. A clip that cannot be read is left out and named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from gst_analysis.checkpoints.loading import LoadedModel
from gst_analysis.clips.dataset import ReadingPlan
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import DataError, name_some
from gst_analysis.inference.reading import ReadClip, read_ahead
from gst_analysis.inference.settings import InferenceSettings

Item = TypeVar("Item")


@dataclass(frozen=True)
class Batch:
    """Clips (N, T, 3, S, S), their labels (N,) and their places in the list of records."""

    clips: Tensor
    labels: Tensor
    places: tuple[int, ...]

    @property
    def frames(self) -> int:
        return self.clips.shape[1]


@dataclass
class ClipStream:
    """Batches of a list of records, as often as they are wanted; `failures` fills as clips fail."""

    model: LoadedModel
    records: Sequence[ClipRecord]
    settings: InferenceSettings
    device: torch.device
    failures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings.require_one_view("ablation, slimming and scores from data")
        self.model.as_it_is()  # refuses what is no network of its spec

    def batches(self, count: Callable[[], object] | None = None) -> Iterator[Batch]:
        """Every clip that can be read once, in order; `count` is called after each clip.

        Raises:
            DataError: not one clip can be read.
        """
        plan = ReadingPlan(self.model.clip_spec, normalise=False)
        numbered = list(enumerate(self.records))
        with closing(read_ahead(numbered, plan, threads=self.settings.threads)) as clips:
            readable = self._readable(clips)
            empty = True
            for group in group_evenly(readable, self.settings.batch):
                empty = False
                yield self._gather(group)
                for _ in group:
                    if count is not None:
                        count()
        if empty:
            raise DataError(
                "clips",
                expected="at least one that can be read",
                found=name_some([f"{clip}: {why}" for clip, why in self.failures.items()], limit=1) or "none",
                todo="see dataset-check",
            )

    def _readable(self, clips: Iterable[ReadClip]) -> Iterator[ReadClip]:
        for clip in clips:
            if clip.views is None:
                self.failures[self.records[clip.place].clip] = clip.failure
            else:
                yield clip

    def _gather(self, clips: Sequence[ReadClip]) -> Batch:
        views = torch.stack([clip.views[0] for clip in clips if clip.views is not None]).to(self.device)
        labels = torch.tensor([self.records[clip.place].label for clip in clips], device=self.device)
        pixels = normalise_clips(views, self.model.clip_spec)
        return Batch(pixels, labels, tuple(clip.place for clip in clips))


def group_evenly(clips: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Runs of `size`; what is left at the end is shared so that no run is of one, or added to the last."""
    waiting: list[Item] = []
    for clip in clips:
        waiting.append(clip)
        if len(waiting) == 2 * size:
            yield waiting[:size]
            waiting = waiting[size:]
    half = (len(waiting) + 1) // 2
    if len(waiting) > size and (len(waiting) - half > 1 or size == 1):
        yield waiting[:half]
        waiting = waiting[half:]
    if waiting:
        yield waiting
