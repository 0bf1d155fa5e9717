"""A network runs over clips, and what leaves its activations is heard: work that processes share.

Hooks hear no other process, so each process listens to its own batches and hands on what it heard of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gst_analysis.analyses.importance.activations import Heard, Moments, find_moments, listen_to_activations
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import RecordList
from gst_analysis.inference.classes import refuse_none
from gst_analysis.inference.measuring import name_apart
from gst_analysis.inference.running import Job
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here, Measured, Unit, merge_found, share_out
from gst_analysis.inference.views import ViewPlan
from gst_analysis.progress import Progress


@dataclass(frozen=True)
class Listened:
    """Moments of activations by layer, of how many clips, and those that could not be read."""

    moments: Mapping[str, Moments]
    clips: int
    failures: Mapping[str, str]


def listen_to_clips(
    model: LoadedModel, clips: RecordList, settings: InferenceSettings, progress: Progress | None = None
) -> Listened:
    """Run a network over clips, which need no labels, and hear its activations.

    Raises:
        DataError: not one clip could be read.
    """
    views = ViewPlan.of(settings, model.clip_spec, (), model.spec.num_classes)  # answers are not looked at
    job = Job(model, settings, views, tuple(clips))
    pieces = share_out(_Listening(job), job.list_units(), progress)
    names = name_apart([record.clip for record in clips])
    failed = sorted(item for piece in pieces for item in piece.failures.items())
    failures = {names[place]: why for place, why in failed}
    if len(failures) == len(clips):
        refuse_none(failures)
    heard = [batch for _, heard in merge_found(piece.heard for piece in pieces) for batch in heard]
    return Listened(find_moments(heard), len(clips) - len(failures), failures)


@dataclass(frozen=True)
class _Piece:
    """What one process heard, unit by unit, and the places of clips that it could not read."""

    heard: list[Measured[Heard]]
    failures: dict[int, str]


@dataclass(frozen=True)
class _Listening:
    """What every process is given."""

    job: Job

    @property
    def settings(self) -> InferenceSettings:
        return self.job.settings

    def lighten(self) -> _Listening:
        """Without the checkpoint's own copy of the weights: the network has them."""
        return replace(self, job=self.job.lighten())

    def measure(self, units: Sequence[Unit], here: Here) -> _Piece:
        """Run some of the clips, and hear them."""
        with listen_to_activations(self.job.model) as listener:
            share = self.job.measure(units, here)
        return _Piece(list(self._part(listener.heard, units, share.failures)), share.failures)

    def _part(
        self, heard: Heard, units: Sequence[Unit], failures: Mapping[int, str]
    ) -> Iterator[Measured[Heard]]:
        """Batches heard one after the other -> those of every unit: as many as its views fill."""
        start = 0
        for unit in units:
            views = sum(place not in failures for place in unit) * self.settings.views
            end = start + -(-views // self.settings.batch)
            yield tuple(unit), heard[start:end]
            start = end
