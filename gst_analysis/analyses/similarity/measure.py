"""Networks and clips -> SIMILARITY, places by places, and FRAME_SIMILARITY, frames by frames.

A clip is one sample: its features at a place are all frames', side by side, so that two places are alike
where they tell clips apart alike, frame by frame. Clips are taken in minibatches, whose sums alone are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gst_analysis.analyses.similarity.kernels import FEWEST, SimilaritySums
from gst_analysis.analyses.similarity.summary import summarise_similarity
from gst_analysis.analyses.similarity.table import FRAME_SIMILARITY, SIMILARITY, Similarity, SimilarityOptions
from gst_analysis.analyses.similarity.work import NamedNetwork, SimilarityWork, join_minibatches
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.sources import distinct_names
from gst_analysis.clips.records import RecordList, note_videos, number_videos
from gst_analysis.errors import DataError, name_some
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import merge_found, share_out
from gst_analysis.networks.capabilities import require
from gst_analysis.probes.clip_stream import group_evenly
from gst_analysis.probes.resampling import Bootstrap, summarise_means
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance
from gst_analysis.tables import check

_AT_ONCE = 256
"""Pairs whose intervals are drawn at once, so that draws need little memory."""


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
    settings = InferenceSettings(batch=options.batch, device=options.device, devices=options.devices)
    work = SimilarityWork(tuple(models), settings, records, options)
    units = list(group_evenly(range(len(records)), options.minibatch))
    pieces = share_out(work, units, progress, name=lambda done: records[max(0, done - 1)].clip)
    networks = [NamedNetwork(model, name) for model, name in zip(models, names, strict=True)]
    sums = join_minibatches(networks, merge_found(piece.minibatches for piece in pieces))
    failures = pieces[0].failures  # alike in all pieces
    read = [place for place in range(len(records)) if place not in failures]
    if not sums.parts:
        raise _too_few(records, failures)
    return _assemble(networks, sums, (records, read, failures), options)


def _assemble(
    networks: Sequence[NamedNetwork],
    sums: SimilaritySums,
    clips: tuple[RecordList, Sequence[int], Mapping[int, str]],
    options: SimilarityOptions,
) -> Similarity:
    records, read, failures = clips
    videos = number_videos([records[place] for place in read])
    values = _Values(np.array(videos))
    first, second = networks[0], networks[-1]
    table = check(pd.DataFrame(list(values.list_places(first, second, sums))), SIMILARITY)
    rows = [row for network in networks for row in values.list_frames(network)]
    frames = check(pd.DataFrame(rows), FRAME_SIMILARITY)
    names = [network.name for network in networks]
    counts = {"clips": len(read), "minibatches": len(sums.parts)}
    summary = summarise_similarity(table, frames, networks=names, standardised=not options.raw, **counts)
    return Similarity(
        table,
        summary,
        _name_origins(networks, records, options),
        notes=(*_list_notes(networks, records), *note_videos(videos)),
        failures={records[place].clip: why for place, why in sorted(failures.items())},
        frames=frames,
    )


@dataclass(frozen=True)
class _Values:
    """Makes rows of values with intervals that draw clips, those of a video together."""

    videos: Any

    def list_places(
        self, first: NamedNetwork, second: NamedNetwork, sums: SimilaritySums
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

    def list_frames(self, network: NamedNetwork) -> Iterator[dict[str, Any]]:
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
    networks: Sequence[NamedNetwork], records: RecordList, options: SimilarityOptions
) -> Provenance:
    listed = records.sources if isinstance(records, RecordList) else {}
    chosen = ("limit", "minibatch", "positions", "raw", "seed")
    settings = {name: getattr(options, name) for name in chosen}
    return Provenance(
        {network.name: network.model.sha256 for network in networks} | dict(listed or {}),
        {network.name: network.model.spec.to_json() for network in networks},
        {**settings, "paths": {network.name: str(network.model.checkpoint.path) for network in networks}},
        clips=() if listed else tuple(record.clip for record in records),
    )


def _list_notes(networks: Sequence[NamedNetwork], records: RecordList) -> Iterator[str]:
    if isinstance(records, RecordList):
        yield from records.notes
    for network in networks:
        yield from network.model.notes


def _too_few(records: RecordList, failures: Mapping[int, str]) -> DataError:
    names = name_some([records[place].clip for place in sorted(failures)]) or "the list of clips"
    why = failures[min(failures)] if failures else ""
    return DataError(
        names,
        expected=f"at least {FEWEST} clips that can be read: of fewer nothing can be said without bias",
        found=f"{len(records) - len(failures)}{f': {why}' if why else ''}",
        todo="give more clips",
    )
