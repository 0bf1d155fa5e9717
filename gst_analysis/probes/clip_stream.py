"""Labelled clips in, batches for an analysis out; and how far an analysis has come, clip by clip.

Clips are read ahead, normalised, and lie on the network's device. Batches are as even as can be, so that
none but a lonely clip's holds a single clip: an analysis that swaps channels between clips needs two. A clip
that cannot be read is left out and named.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

import torch
from torch import Tensor

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.dataset import ReadingPlan
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import DataError, name_some
from gst_analysis.inference.reading import ReadClip, ReadingAhead, read_ahead
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Unit
from gst_analysis.progress import Progress

Item = TypeVar("Item")
Step = Callable[[], object]
"""Called after every step of a measurement."""


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
    keep: int = 0
    """Bytes of frames that may stay in memory, so that clips which all fit are decoded once."""
    units: Sequence[Unit] | None = None
    """Places of the clips of each batch, where several processes share them; else all, as even as can be."""
    unread: list[int] = field(default_factory=list)
    """Places of the clips that have failed."""
    _kept: list[ReadClip] | None = field(default=None, init=False, repr=False)
    _begun: ReadingAhead | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.settings.require_one_view("ablation, slimming and scores from data")
        self.model.current_checkpoint()  # refuses what is no network of its spec

    def batches(self, step: Step | None = None) -> Iterator[Batch]:
        """Every clip that can be read once, in order; `step` is called after each.

        Raises:
            DataError: not one clip can be read, and these are all.
        """
        with closing(self._read()) as clips:
            empty = self.units is None
            for group in self._group(self._readable(clips)):
                empty = False
                yield self._gather(group)
                # Here the batch has been used: whoever asked for it comes back for the next.
                for _ in group:
                    if step is not None:
                        step()
        if empty:
            refuse_unread(self.failures)

    def read_all(self) -> None:
        """Read every clip once, so that it is known which cannot be read."""
        with closing(self._read()) as clips:
            for _ in self._readable(clips):
                pass

    def begin(self) -> None:
        """Start reading what `batches` gives next, so that a network can be made ready meanwhile."""
        if self._kept is None and self._begun is None:
            self._begun = self._open()

    def _group(self, clips: Iterable[ReadClip]) -> Iterator[list[ReadClip]]:
        if self.units is None:
            yield from group_evenly(clips, self.settings.batch)
            return
        unit_of = {place: number for number, unit in enumerate(self.units) for place in unit}
        for _, group in itertools.groupby(clips, lambda clip: unit_of[clip.place]):
            yield list(group)

    def _read(self) -> Generator[ReadClip, None, None]:
        """Every clip in order, from memory where a whole pass has fitted into it."""
        if self._kept is not None:
            yield from self._kept
            return
        held, room = [], self.keep
        begun, self._begun = self._begun, None
        with closing(begun or self._open()) as clips:
            for clip in clips:
                room -= 0 if clip.views is None else clip.views.numel()
                held.append(clip)
                if room < 0:
                    held.clear()
                yield clip
        if self.keep and room >= 0:
            self._kept = held

    def _open(self) -> ReadingAhead:
        plan = ReadingPlan(self.model.clip_spec, normalise=False)
        places = range(len(self.records)) if self.units is None else itertools.chain(*self.units)
        numbered = [(place, self.records[place]) for place in places]
        return read_ahead(numbered, plan, threads=self.settings.threads, taken=self.settings.batch)

    def _readable(self, clips: Iterable[ReadClip]) -> Iterator[ReadClip]:
        for clip in clips:
            if clip.views is None:
                self.failures[self.records[clip.place].clip] = clip.failure
                self.unread.append(clip.place)
            else:
                yield clip

    def _gather(self, clips: Sequence[ReadClip]) -> Batch:
        views = torch.stack([clip.views[0] for clip in clips if clip.views is not None]).to(self.device)
        labels = torch.tensor([self.records[clip.place].label for clip in clips], device=self.device)
        pixels = normalise_clips(views, self.model.clip_spec)
        return Batch(pixels, labels, tuple(clip.place for clip in clips))


def refuse_unread(failures: Mapping[str, str]) -> NoReturn:
    """Say that not one clip could be read.

    Raises:
        DataError: always, with the first of the reasons.
    """
    raise DataError(
        "clips",
        expected="at least one that can be read",
        found=name_some([f"{clip}: {why}" for clip, why in failures.items()], limit=1) or "none",
        todo="see dataset-check",
    )


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


def no_step() -> None:
    """Take no notice of a step."""


def count_steps(total: int, progress: Progress | None) -> Step:
    """Steps without names, counted for a progress that is told of each."""
    numbers = itertools.count(1)
    return no_step if progress is None else lambda: progress(next(numbers), total, "")


class ClipSteps:
    """Counts steps over clips, equally many for every clip: one may take a minute.

    Args:
        of_a_clip: steps of one clip.
        names: what to call each clip.
        progress: called with how many steps are done, how many there are, and the clip; None to tell nobody.
    """

    def __init__(self, of_a_clip: int, names: Sequence[str], progress: Progress | None) -> None:
        self.of_a_clip, self.names, self.progress = of_a_clip, names, progress
        self.number = 0
        """The clip that is being looked at."""
        self.parts: dict[int, int] = {}
        """Parts that a clip is measured in, each by all its steps; one if not named."""
        self._taken = self._reported = 0

    def add(self) -> None:
        """One more step of this clip."""
        self._taken += 1
        self._report(self.number * self.of_a_clip + self._taken // self.parts.get(self.number, 1))

    def end(self) -> None:
        """This clip is done with, whether it could be read or not."""
        self._taken = 0
        self.number += 1
        self._report(self.number * self.of_a_clip)

    def _report(self, done: int) -> None:
        if done > self._reported and self.progress is not None:
            name = self.names[min(self.number, len(self.names) - 1)]
            self.progress(done, len(self.names) * self.of_a_clip, name)
        self._reported = done
