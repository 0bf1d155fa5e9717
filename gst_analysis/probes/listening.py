"""A network runs over clips, and what hooks hear of every batch is handed on: work that processes share.

Hooks hear no other process, so each process listens to its own batches, and all of it is put in the order of
the clips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from gst_analysis.checkpoints.loaded import Network
from gst_analysis.clips.records import RecordList
from gst_analysis.inference.classes import refuse_none
from gst_analysis.inference.measuring import name_apart
from gst_analysis.inference.running import Job
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here, Measured, Unit, merge_found, share_out
from gst_analysis.inference.views import ViewPlan
from gst_analysis.progress import Progress

Heard = TypeVar("Heard")
Listen = Callable[[Network], AbstractContextManager[list[Heard]]]
"""Puts hooks into a network for a while; what they hear of a batch is added to the list, one item a batch.
A function of a module, which can be sent to other processes."""


@dataclass(frozen=True)
class Listened(Generic[Heard]):
    """What was heard of every batch, in the order of the clips; how many clips, and those not read."""

    batches: list[Heard]
    clips: int
    failures: Mapping[str, str]


def listen_to_clips(
    model: Network,
    clips: RecordList,
    settings: InferenceSettings,
    listen: Listen[Heard],
    *,
    progress: Progress | None = None,
) -> Listened[Heard]:
    """Run a network over clips, which need no labels, and listen to it.

    Raises:
        DataError: not one clip could be read.
    """
    model.current_checkpoint()  # refuses what is no network of its spec
    views = ViewPlan.of(settings, model.clip_spec, (), model.spec.num_classes)  # answers are not looked at
    job = Job(model, settings, views, tuple(clips))
    pieces = share_out(_Listening(job, listen), job.list_units(), progress)
    names = name_apart([record.clip for record in clips])
    failed = sorted(item for piece in pieces for item in piece.failures.items())
    failures = {names[place]: why for place, why in failed}
    if len(failures) == len(clips):
        refuse_none(failures)
    heard = [batch for _, heard in merge_found(piece.heard for piece in pieces) for batch in heard]
    return Listened(heard, len(clips) - len(failures), failures)


@dataclass(frozen=True)
class _Piece(Generic[Heard]):
    """What one process heard, unit by unit, and the places of clips that it could not read."""

    heard: list[Measured[list[Heard]]]
    failures: dict[int, str]


@dataclass(frozen=True)
class _Listening(Generic[Heard]):
    """What every process is given."""

    job: Job
    listen: Listen[Heard]

    @property
    def settings(self) -> InferenceSettings:
        return self.job.settings

    def lighten(self) -> _Listening[Heard]:
        """Without the checkpoint's own copy of the weights: the network has them."""
        return replace(self, job=self.job.lighten())

    def measure(self, units: Sequence[Unit], here: Here) -> _Piece[Heard]:
        """Run some of the clips, and listen."""
        with self.listen(self.job.model) as heard:
            share = self.job.measure(units, here)
        return _Piece(list(self._part(heard, units, share.failures)), share.failures)

    def _part(
        self, heard: list[Heard], units: Sequence[Unit], failures: Mapping[int, str]
    ) -> Iterator[Measured[list[Heard]]]:
        """Batches heard one after the other -> those of every unit: as many as its views fill."""
        start = 0
        for unit in units:
            views = sum(place not in failures for place in unit) * self.settings.views
            end = start + -(-views // self.settings.batch)
            yield tuple(unit), heard[start:end]
            start = end
