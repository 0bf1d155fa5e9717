"""What a network takes clips for: columns, options and the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from gst_analysis.documents import (
    HEAD,
    SHA256,
    Fields,
    alias,
    columns_of,
    each,
    maybe,
    record,
    rows_of,
    several,
    tell_source,
)
from gst_analysis.files import TABLE_FORMATS, Writer
from gst_analysis.options import InferenceOptions, NetworkOptions, StreamOptions, option
from gst_analysis.results import Result
from gst_analysis.tables.schema import Schema, real, text, whole

if TYPE_CHECKING:
    from gst_analysis.inference.logits import FrameLogits

LOGITS = "npz"
"""The kind of file that holds the logits of every frame."""
Summary = TypeVar("Summary")

PREDICTIONS = Schema(
    "PREDICTIONS",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "rank": whole("place of the class among all, from 1", "index"),
        "class_id": whole("the class's number, from 0", "index"),
        "label": text("the class's name, or class and its number where names are unknown"),
        "probability": real("softmax of the clip's logits", "probability"),
        "logit": real("mean over the clip's frames and views", "logits"),
    },
)

FRAME_PREDICTIONS = Schema(
    "FRAME_PREDICTIONS",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "frame": whole("which of the frames that were sampled, from 0", "index"),
        "seconds": real("when the frame is shown; missing where the clip does not say", "s", optional=True),
        "rank": whole("place of the class among all, from 1", "index"),
        "class_id": whole("the class's number, from 0", "index"),
        "label": text("the class's name, or class and its number where names are unknown"),
        "probability": real("softmax of the frame's logits", "probability"),
        "logit": real("mean over the clip's views", "logits"),
    },
)


@dataclass(frozen=True, kw_only=True)
class PredictionOptions(NetworkOptions, StreamOptions, InferenceOptions):
    """How many classes are told of each clip, and how the network is run."""

    top_k: int = option(5, "Classes to tell of each clip.", flag="--top")


@dataclass(frozen=True)
class PredictionSummary:
    """How many clips could be read."""

    clips: int


BEGUN: Fields = {
    **HEAD,
    "sha256": alias("source.sha256", SHA256),
    "streams": maybe(each(SHA256, "of several streams, each one's file's sha256")),
}
"""How documents of logits begin."""


@dataclass(frozen=True)
class LogitsResult(Result[Summary]):
    """What was made of per-frame logits, which are saved beside its tables."""

    logits: FrameLogits = field(repr=False, kw_only=True)
    """What the network said of every frame of every clip."""
    path: Path | None = field(default=None, repr=False, kw_only=True)
    """The checkpoint's file, where it was run just now."""

    def _list_writers(self, kinds: Sequence[str], *, dark: bool) -> Iterator[tuple[str, Writer]]:
        yield from super()._list_writers(kinds, dark=dark)
        if LOGITS in kinds:
            yield f"frame_logits.{LOGITS}", self.logits.write

    def tell_checkpoint(self) -> dict[str, Any]:
        """Which one it was, as documents begin; of several streams, also each one's hash."""
        name, sources = self.logits.checkpoint, self.provenance.sources
        sha256, path = sources.get(name, ""), str(self.path or "")
        told = {**tell_source(name, path if name in sources else None, sha256), "sha256": sha256}
        streams = {stream: sources[stream] for stream in self.provenance.specs}
        return told if name in sources else {**told, "streams": streams}


@dataclass(frozen=True)
class ClipPredictions(LogitsResult[PredictionSummary]):
    """The most likely classes of clips; `.table` is PREDICTIONS."""

    stem: ClassVar[str] = "predictions"
    document: ClassVar[str] = "predict"
    kinds: ClassVar[tuple[str, ...]] = (*TABLE_FORMATS, LOGITS)
    saved: ClassVar[tuple[str, ...] | None] = ("csv", "json", LOGITS)
    schemas: ClassVar[Mapping[str, Schema]] = {"predictions": PREDICTIONS}

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze predict --json` prints."""
        rows = self.table.drop(columns=["checkpoint", "clip"])
        clips = [
            {"clip": clip, "predictions": rows.loc[places].to_dict("records")}
            for clip, places in self.table.groupby("clip", sort=False).groups.items()
        ]
        return {**self.tell_checkpoint(), "clips": clips}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        rows = rows_of(PREDICTIONS, "the first classes", without=("checkpoint", "clip"))
        clip = columns_of(PREDICTIONS, only=("clip",))
        return {**BEGUN, "clips": several(record({**clip, "predictions": rows}), "those that could be read")}
