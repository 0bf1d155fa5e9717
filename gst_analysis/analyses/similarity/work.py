"""Minibatches of clips as work that processes share: kernels of every place in, their products out.

A minibatch is of clips that can be read, and what one says depends on who is in it. No process knows of
another's broken clips before it has tried, so where there are some all begin anew without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from gst_analysis.analyses.similarity.features import Features, FeatureStream, Positions
from gst_analysis.analyses.similarity.kernels import FEWEST, Hsic, SimilaritySums, build_kernel, standardise
from gst_analysis.analyses.similarity.table import SimilarityOptions
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.clips.records import RecordList
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here, Measured, Unit
from gst_analysis.networks.anatomy import Place
from gst_analysis.probes.clip_stream import group_evenly

Part = tuple[Hsic, Hsic, Hsic]
Minibatch = tuple[Part, tuple[dict[str, Part], ...]]
"""What a minibatch says of pairs of places, and for each network of frames within its places."""


@dataclass
class NamedNetwork:
    """A network, what tables call it, and what is added up of frames within its places."""

    model: Network
    name: str
    frames: dict[str, SimilaritySums] = field(default_factory=dict)

    @property
    def places(self) -> tuple[Place, ...]:
        return self.model.anatomy.places

    def sums_of(self, place: str, frames: int) -> SimilaritySums:
        """What is added up of frames within a place, every frame with itself and the later ones."""
        pairs = [(one, other) for one in range(frames) for other in range(one, frames)]
        return self.frames.setdefault(place, SimilaritySums(pairs))


@dataclass(frozen=True)
class Piece:
    """What one process's minibatches say, by their numbers; and the places of all clips that failed."""

    minibatches: list[Measured[Minibatch]]
    failures: dict[int, str]


@dataclass(frozen=True)
class SimilarityWork:
    """What every process is given."""

    models: tuple[Network, ...]
    settings: InferenceSettings
    records: RecordList
    options: SimilarityOptions

    def lighten(self) -> SimilarityWork:
        """Without the checkpoints' own copies of the weights: the networks have them."""
        return replace(self, models=tuple(model.with_module(model.module) for model in self.models))

    def measure(self, units: Sequence[Unit], here: Here) -> Piece:
        """Compare what some of the minibatches show."""
        found, failures = self._compare(units, here)
        failures = {place: why for told in here.exchange(failures) for place, why in told.items()}
        if failures and here.world > 1:
            left = [place for place in range(len(self.records)) if place not in failures]
            found, _ = self._compare(here.own(list(group_evenly(left, self.options.minibatch))), here)
        return Piece(found, failures)

    def _compare(self, units: Sequence[Unit], here: Here) -> tuple[list[Measured[Minibatch]], dict[int, str]]:
        networks = [NamedNetwork(model, "") for model in self.models]
        positions = Positions.draw(self.options.positions, self.options.seed)
        chosen = [place for unit in units for place in unit]
        stream = FeatureStream(self.models, self.records, self.settings, positions, here, chosen)
        found: list[Measured[Minibatch]] = []
        with closing(stream.clips()) as clips:
            # By itself a process learns who can be read as it goes, and fills minibatches accordingly.
            grouped = group_evenly(clips, self.options.minibatch) if here.world == 1 else _cut(clips, units)
            for place, minibatch in enumerate(grouped):
                if len(minibatch) >= FEWEST:
                    one = _add_minibatch(networks, minibatch, raw=self.options.raw)
                    found.append(((here.number(place),), one))
        return found, stream.failures


def _cut(
    clips: Iterator[tuple[Features, ...]], units: Sequence[Unit]
) -> Iterator[list[tuple[Features, ...]]]:
    for unit in units:
        yield list(islice(clips, len(unit)))


def pair_places(first: NamedNetwork, second: NamedNetwork) -> list[tuple[int, int]]:
    """Every place of the one with every place of the other."""
    return [(a, b) for a in range(len(first.places)) for b in range(len(second.places))]


def join_minibatches(
    networks: Sequence[NamedNetwork], found: Sequence[Measured[Minibatch]]
) -> SimilaritySums:
    """All minibatches' pairs of places together; frames within places are added to their networks."""
    sums = SimilaritySums(pair_places(networks[0], networks[-1]))
    for _, (places, within) in found:
        sums.parts.append(places)
        for network, by_place in zip(networks, within, strict=True):
            for place, part in by_place.items():
                frames = part[1].without.shape[0]  # of the frames with themselves: as many as there are
                network.sums_of(place, frames).parts.append(part)
    return sums


def _add_minibatch(
    networks: Sequence[NamedNetwork], minibatch: Sequence[tuple[Features, ...]], *, raw: bool
) -> Minibatch:
    """A minibatch's kernels of places, and of frames within them, compared."""
    kernels, within = [], []
    for number, network in enumerate(networks):
        own, by_place = [], {}
        for place in network.places:
            features = np.stack([clip[number][place.name] for clip in minibatch]).astype(float)
            features = features if raw else standardise(features)  # (clips, frames, positions, channels)
            own.append(build_kernel(features))
            frames = np.stack([build_kernel(features[:, frame]) for frame in range(features.shape[1])])
            sums = NamedNetwork(network.model, "").sums_of(place.name, len(frames))
            sums.add(frames, frames)
            (by_place[place.name],) = sums.parts
        kernels.append(np.stack(own))
        within.append(by_place)
    pairs = SimilaritySums(pair_places(networks[0], networks[-1]))
    pairs.add(kernels[0], kernels[-1])
    return pairs.parts[0], tuple(within)
