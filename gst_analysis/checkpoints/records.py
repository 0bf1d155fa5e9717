"""What a file or a card says beside its weights -> a record of plain values, clips, labels, provenance.

All of it comes from anybody: it is taken over as plain values or refused, never as it was found.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gst_analysis.checkpoints.reading import RawCheckpoint
from gst_analysis.checkpoints.unbuilt import FORMAT
from gst_analysis.clips.sampling import parse_sampling
from gst_analysis.errors import BrokenCheckpoint, GstError, legible, quote, shorten
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import usual_clip
from gst_analysis.untrusted import LONGEST_NAME, to_plain_record

VERSION = 1
_RECORDED = ("spec", "clip_spec", "labels", "provenance")


def read_record(raw: RawCheckpoint) -> Mapping[str, Any]:
    """What our own files say of themselves, as plain values; empty for every other file.

    Raises:
        BrokenCheckpoint: a record of another version, or of other than plain values.
    """
    mark, version = raw.extras.get("format"), raw.extras.get("version")
    if not isinstance(mark, str) or mark != FORMAT:
        return {}
    if type(version) is not int or version != VERSION:
        raise BrokenCheckpoint(
            str(raw.path),
            expected=f"a record of version {VERSION}",
            found=f"version {quote(version)}" if isinstance(version, (str, int, float)) else "none",
            todo="update gst-analysis, or save it again with this one",
        )
    try:
        return to_plain_record({key: raw.extras[key] for key in _RECORDED if key in raw.extras})
    except ValueError as error:
        raise BrokenCheckpoint(
            str(raw.path),
            expected="a record of plain values",
            found=str(error),
            todo="save it again with gst_analysis.save_model",
        ) from error


def read_clip_spec(source: Mapping[str, Any], spec: NetworkSpec, path: Path) -> ClipSpec:
    """The clips that a record tells, else those that such a network usually takes.

    Raises:
        BrokenCheckpoint: no clips that could be.
    """
    told = source.get("clip_spec")
    try:
        clip_spec = ClipSpec.from_json(told) if told else usual_clip(spec)
        parse_sampling(clip_spec.sampling)
    except (GstError, TypeError, ValueError, ArithmeticError) as error:
        raise BrokenCheckpoint(
            str(path),
            expected="a clip spec that makes sense",
            found=str(error),
            todo="correct the card beside the file, or remove it",
        ) from error
    return clip_spec


def read_labels(source: Mapping[str, Any], spec: NetworkSpec, path: Path) -> tuple[str, ...] | None:
    """Names of the classes as text that can be written; None if the record tells none.

    Raises:
        BrokenCheckpoint: they are of another number of classes, or no names.
    """
    labels = source.get("labels")
    if labels is None:
        return None
    found = "another number"
    if isinstance(labels, list) and len(labels) == spec.num_classes:
        if all(isinstance(label, (str, int, float)) for label in labels):
            return tuple(shorten(legible(label), LONGEST_NAME) for label in labels) or None
        found = "lists or records among them"
    raise BrokenCheckpoint(
        str(path),
        expected=f"{spec.num_classes} labels or none",
        found=found,
        todo="correct the labels, or leave them out",
    )


def read_provenance(source: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    """Where a network comes from; empty if the record does not tell.

    Raises:
        BrokenCheckpoint: something else than a record.
    """
    provenance = source.get("provenance")
    if provenance is not None and not isinstance(provenance, dict):
        kind = type(provenance).__name__
        # What is infinite or no number arrives as the text of it.
        found = shorten(repr(provenance), 40) if isinstance(provenance, (str, int, float)) else f"a {kind}"
        raise BrokenCheckpoint(
            str(path), expected="provenance as a record", found=found, todo="correct it, or leave it out"
        ).quoting(instead="something else")
    return provenance or {}
