"""Networks and clips -> SIMILARITY, places by places, and FRAME_SIMILARITY, frames by frames.

A clip is one sample: its features at a place are all frames', side by side, so that two places are alike
where they tell clips apart alike, frame by frame. Clips are taken in minibatches, whose sums alone are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from gst_analysis.analyses.similarity.features import Features, FeatureStream, Positions
from gst_analysis.analyses.similarity.kernels import FEWEST, SimilaritySums, build_kernel, standardise
from gst_analysis.analyses.similarity.summary import summarise_similarity
from gst_analysis.analyses.similarity.table import FRAME_SIMILARITY, SIMILARITY, Similarity, SimilarityOptions
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.sources import distinct_names
from gst_analysis.clips.records import RecordList, note_videos, number_videos
from gst_analysis.errors import DataError, name_some
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.anatomy import Place
from gst_analysis.networks.capabilities import require
from gst_analysis.probes.clip_stream import group_evenly
from gst_analysis.probes.resampling import Bootstrap, summarise_means
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance
from gst_analysis.tables import check

_AT_ONCE = 256
"""Pairs whose intervals are drawn at once, so that draws need little memory."""


@dataclass
class _Network:
    """A network, what tables call it, and what is added up of frames within its places."""

    model: Network
    name: str
    frames: dict[str, SimilaritySums] = field(default_factory=dict)

    @property
    def places(self) -> tuple[Place, ...]:
        return self.model.anatomy.places


def measure_similarity(
    models: Sequence[Network],
    records: RecordList,
    *,
    options: SimilarityOptions,
    progress: Progress | None = None,
) -> Similarity:
    """Run networks over the same clips, and compare what leaves their places.

    Args:
        models: one network, whose places are compared among themselves, or two.
        records: clips; labels are not needed.
        options: what is compared.
        progress: called after every clip.

    Raises:
        DataError: fewer than four clips could be read.
        SpecError: a network without places.
    """
    for model in models:
        require(model.spec, model.anatomy, "logits", "places", what="similarity")
        model.current_checkpoint()  # refuses what is no network of its spec
    names = distinct_names([model.checkpoint.name for model in models])
    networks = [_Network(model, name) for model, name in zip(models, names, strict=True)]
    settings = InferenceSettings(batch=options.batch, device=options.device)
    positions = Positions.draw(options.positions, options.seed)
    stream = FeatureStream(models, records, settings, positions, progress)
    first, second = networks[0], networks[-1]
    pairs = [(a, b) for a in range(len(first.places)) for b in range(len(second.places))]
    sums, minibatches = SimilaritySums(pairs), 0
    with closing(stream.clips()) as clips:
        for minibatch in group_evenly(clips, options.minibatch):
            if len(minibatch) >= FEWEST:
                _add_minibatch(networks, sums, minibatch, raw=options.raw)
                minibatches += 1
    if not minibatches:
        raise _too_few(stream)
    return _assemble(networks, sums, stream, options, minibatches)


def _add_minibatch(
    networks: Sequence[_Network],
    sums: SimilaritySums,
    minibatch: Sequence[tuple[Features, ...]],
    *,
    raw: bool,
) -> None:
    """Add a minibatch's kernels of places, and of frames within them."""
    kernels = []
    for number, network in enumerate(networks):
        own = []
        for place in network.places:
            features = np.stack([clip[number][place.name] for clip in minibatch]).astype(float)
            features = features if raw else standardise(features)  # (clips, frames, positions, channels)
            own.append(build_kernel(features))
            frames = np.stack([build_kernel(features[:, frame]) for frame in range(features.shape[1])])
            own_sums = network.frames.setdefault(place.name, SimilaritySums(_list_pairs(len(frames))))
            own_sums.add(frames, frames)
        kernels.append(np.stack(own))
    sums.add(kernels[0], kernels[-1])


def _list_pairs(frames: int) -> list[tuple[int, int]]:
    """Every frame with itself and the later ones."""
    return [(one, other) for one in range(frames) for other in range(one, frames)]


def _assemble(
    networks: Sequence[_Network],
    sums: SimilaritySums,
    stream: FeatureStream,
    options: SimilarityOptions,
    minibatches: int,
) -> Similarity:
    read = [stream.records[place] for place in stream.read]
    videos = number_videos(read)
    values = _Values(np.array(videos))
    first, second = networks[0], networks[-1]
    table = check(pd.DataFrame(list(values.list_places(first, second, sums))), SIMILARITY)
    rows = [row for network in networks for row in values.list_frames(network)]
    frames = check(pd.DataFrame(rows), FRAME_SIMILARITY)
    names = [network.name for network in networks]
    summary = summarise_similarity(
        table, frames, networks=names, clips=len(read), minibatches=minibatches, standardised=not options.raw
    )
    return Similarity(
        table,
        summary,
        _name_origins(networks, stream, options),
        notes=(*_list_notes(networks, stream), *note_videos(videos)),
        failures=dict(stream.failures),
        frames=frames,
    )


@dataclass(frozen=True)
class _Values:
    """Makes rows of values with intervals that draw clips, those of a video together."""

    videos: Any

    def list_places(
        self, first: _Network, second: _Network, sums: SimilaritySums
    ) -> Iterator[dict[str, Any]]:
        values = self._measure(sums)
        for (a, b), value in zip(sums.pairs, values, strict=True):
            one, other = first.places[a], second.places[b]
            yield {
                "first": first.name,
                "first_stage": one.stage,
                "first_place": one.name,
                "second": second.name,
                "second_stage": other.stage,
                "second_place": other.name,
                **value,
            }

    def list_frames(self, network: _Network) -> Iterator[dict[str, Any]]:
        for place in network.places:
            sums = network.frames[place.name]
            found = dict(zip(sums.pairs, self._measure(sums), strict=True))
            count = max(pair[1] for pair in found) + 1
            for one in range(count):
                for other in range(count):
                    yield {
                        "checkpoint": network.name,
                        "stage": place.stage,
                        "place": place.name,
                        "frame": one,
                        "other_frame": other,
                        **found[min(one, other), max(one, other)],
                    }

    def _measure(self, sums: SimilaritySums) -> list[dict[str, float]]:
        cka, parts = sums.measure()
        ends = np.full((len(cka), 2), np.nan)
        known = np.flatnonzero(np.isfinite(parts).all(1))
        for start in range(0, len(known), _AT_ONCE):
            some = known[start : start + _AT_ONCE]
            intervals = summarise_means(parts[some], Bootstrap(), units=self.videos)
            ends[some] = [(interval.low, interval.high) for interval in intervals]
        # The true value lies from 0 to 1, which an estimate without bias may leave.
        ends = np.stack([np.fmin(ends[:, 0].clip(0), cka), np.fmax(ends[:, 1].clip(max=1), cka)], 1)
        ends[np.isnan(parts).any(1)] = np.nan
        return [
            {"cka": float(value), "low": float(low), "high": float(high)}
            for value, (low, high) in zip(cka, ends, strict=True)
        ]


def _name_origins(
    networks: Sequence[_Network], stream: FeatureStream, options: SimilarityOptions
) -> Provenance:
    records = stream.records
    listed = records.sources if isinstance(records, RecordList) else {}
    chosen = ("limit", "minibatch", "positions", "raw", "seed")
    settings = {name: getattr(options, name) for name in chosen}
    return Provenance(
        {network.name: network.model.sha256 for network in networks} | dict(listed or {}),
        {network.name: network.model.spec.to_json() for network in networks},
        {**settings, "paths": {network.name: str(network.model.checkpoint.path) for network in networks}},
        clips=() if listed else tuple(record.clip for record in records),
    )


def _list_notes(networks: Sequence[_Network], stream: FeatureStream) -> Iterator[str]:
    if isinstance(stream.records, RecordList):
        yield from stream.records.notes
    for network in networks:
        yield from network.model.notes


def _too_few(stream: FeatureStream) -> DataError:
    names = name_some(list(stream.failures)) or "the list of clips"
    why = next(iter(stream.failures.values()), "")
    return DataError(
        names,
        expected=f"at least {FEWEST} clips that can be read: of fewer nothing can be said without bias",
        found=f"{len(stream.read)}{f': {why}' if why else ''}",
        todo="give more clips",
    )
