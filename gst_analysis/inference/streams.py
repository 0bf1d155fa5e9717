"""Late fusion: what several networks say of the same clips, averaged into one row of logits a clip.

Two-stream systems have one network of colour frames and one of optical flow; `flow_stream` runs both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gst_analysis.errors import DataError, SpecError
from gst_analysis.inference.logits import Floats, FrameLogits, Seconds, softmax
from gst_analysis.results import Provenance

FUSIONS = ("softmax", "logits")
_LEAST = 1e-30
"""A probability below this has no logarithm worth telling."""


def fuse_streams(
    streams: Sequence[FrameLogits], *, weights: Sequence[float] | None = None, fusion: str = "softmax"
) -> FrameLogits:
    """Average what several networks say of the same clips: one row of logits a clip.

    Args:
        streams: of networks whose classes are the same; clips that one of them lacks are failures.
        weights: of each stream; all alike if None.
        fusion: "softmax" averages probabilities, whose logarithms are the logits returned; "logits" averages
            the clips' logits.

    Raises:
        SpecError: fewer than two streams, other classes, or weights that are none.
        DataError: clips with other labels, or none in common.

    Example:
        >>> fuse_streams([rgb.logits, flow.logits], weights=[1, 1.5]).clip_logits  # doctest: +SKIP
    """
    if len(streams) < 2:
        raise SpecError(
            "streams", expected="at least two", found=str(len(streams)), todo="give what two networks said"
        )
    parts = check_weights(weights or [1.0] * len(streams), len(streams))
    check_fusion(fusion)
    _check_classes(streams)
    first = streams[0]
    places = [{clip: place for place, clip in enumerate(stream.clips)} for stream in streams]
    clips = [clip for clip in first.clips if all(clip in place for place in places)]
    rows = [[place[clip] for clip in clips] for place in places]
    if not clips:
        raise DataError(
            "streams",
            expected="at least one clip that all of them could read",
            found=_say_failures(streams),
            todo="check where the flow of each clip lies",
        )
    labels = first.labels[rows[0]]
    if any((stream.labels[kept] != labels).any() for stream, kept in zip(streams, rows, strict=True)):
        raise DataError("streams", expected="the same labels", found="others", todo="measure the same clips")
    scores = [stream.clip_logits[kept] for stream, kept in zip(streams, rows, strict=True)]
    return FrameLogits(
        checkpoint=" + ".join(stream.checkpoint for stream in streams),
        clips=tuple(clips),
        labels=labels,
        logits=_average(scores, parts, fusion)[:, None],
        seconds=_middle(first.seconds[rows[0]]),
        class_names=next((stream.class_names for stream in streams if stream.class_names), ()),
        failures=_list_failures(streams, clips),
        notes=_say_notes(streams, parts, fusion),
        provenance=_join(streams, parts, fusion),
        videos=tuple(first.videos[place] for place in rows[0]) if first.videos else (),
    )


def check_fusion(fusion: str) -> str:
    """Refuse a way of averaging that there is not."""
    if fusion not in FUSIONS:
        raise SpecError(
            "fusion", expected=" or ".join(FUSIONS), found=repr(fusion)[:60], todo="choose one of them"
        )
    return fusion


def check_weights(weights: Sequence[str | float], count: int) -> tuple[float, ...]:
    """The weight of every stream.

    Raises:
        SpecError: another number of them, or some that are no weights.
    """
    try:
        found = tuple(float(weight) for weight in weights)
    except (TypeError, ValueError):
        found = ()
    good = len(found) == count and all(0 <= weight < math.inf for weight in found) and sum(found) > 0
    if not good:
        raise SpecError(
            "stream weights",
            expected=f"{count} numbers of at least 0, such as 1,1.5",
            found=repr(weights)[:60],
            todo="give one for each network",
        )
    return found


def _average(scores: Sequence[Floats], weights: Sequence[float], fusion: str) -> Floats:
    """(clips, K)"""
    parts = [softmax(score) if fusion == "softmax" else score.astype(np.float64) for score in scores]
    mean = sum(weight * part for weight, part in zip(weights, parts, strict=True)) / sum(weights)
    if fusion == "softmax":
        mean = np.log(np.maximum(mean, _LEAST))
    return np.asarray(mean, dtype=np.float32)


def _middle(seconds: Seconds) -> Seconds:
    return np.asarray(seconds.mean(axis=1, keepdims=True))


def _check_classes(streams: Sequence[FrameLogits]) -> None:
    first = streams[0]
    for other in streams[1:]:
        odd = other.num_classes != first.num_classes
        named = bool(first.class_names and other.class_names)
        if odd or (named and other.class_names != first.class_names):
            found = f"{first.num_classes} and {other.num_classes}" if odd else "other names, or another order"
            raise SpecError(
                f"classes of {first.checkpoint} and {other.checkpoint}",
                expected="the same",
                found=found,
                todo="give two networks that were trained for the same classes",
            )


def _list_failures(streams: Sequence[FrameLogits], kept: Sequence[str]) -> Mapping[str, str]:
    """Clips that not every stream has, and what the first that lacks one says."""
    failures: dict[str, str] = {}
    both = set(kept)
    for stream in streams:
        for clip, reason in stream.failures.items():
            failures.setdefault(clip, f"{stream.checkpoint}: {reason}")
    for stream in streams:
        for clip in stream.clips:
            if clip not in both:
                failures.setdefault(clip, "not among the clips of every stream")
    return failures


def _say_failures(streams: Sequence[FrameLogits]) -> str:
    return next((reason for reason in _list_failures(streams, ()).values()), "none at all")


def _say_notes(streams: Sequence[FrameLogits], weights: Sequence[float], fusion: str) -> tuple[str, ...]:
    """How they were averaged, and each stream's notes under its name; those of all of them once."""
    terms = " + ".join(f"{w:g} × {s.checkpoint}" for w, s in zip(weights, streams, strict=True))
    what = "the softmax of each one's logits" if fusion == "softmax" else "the logits of each one"
    every = set.intersection(*(set(stream.notes) for stream in streams))
    shared = [note for note in streams[0].notes if note in every]
    own = [f"{stream.checkpoint}: {note}" for stream in streams for note in stream.notes if note not in every]
    return (f"streams averaged for every clip, {what}: {terms}", *shared, *own)


def _join(streams: Sequence[FrameLogits], weights: Sequence[float], fusion: str) -> Provenance:
    sources: dict[str, str] = {}
    specs: dict[str, Any] = {}
    settings: dict[str, Any] = {"fusion": fusion, "streams": {}}
    for stream, weight in zip(streams, weights, strict=True):
        sources |= stream.provenance.sources
        specs |= stream.provenance.specs
        settings["streams"][stream.checkpoint] = {"weight": weight, **stream.provenance.settings}
    clips = tuple(dict.fromkeys(clip for stream in streams for clip in stream.provenance.clips))
    return Provenance(sources, specs, settings, clips=clips)
