"""Which frames a frame's logit is made of: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import FLAG, HEAD, REAL, each, fields_of, record, several, tell_source
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.options import NetworkOptions, SharingOptions, option
from gst_analysis.results import Result
from gst_analysis.tables import Schema, flag, real, text, whole

if TYPE_CHECKING:
    import pandas as pd

GRADIENT, MEAN, NEIGHBOUR = METHODS = ("gradient", "occlusion-mean", "occlusion-neighbour")

INFLUENCE = Schema(
    "INFLUENCE",
    {
        "checkpoint": text("the checkpoint's name"),
        "method": text(
            "how it was measured: the norm of the gradient, or the change of the logit when the input frame "
            "is replaced by the clip's mean frame or by its neighbour",
            *METHODS,
        ),
        "output_frame": whole("whose logit, from 0", "index"),
        "input_frame": whole("which frame it depends on, from 0", "index"),
        "influence": real(
            "gradient norm or change of the logit, mean over clips", "logits, of gradients per unit of input"
        ),
        "share": real(
            "influence over its row's sum in each clip, mean over clips; 0 where nothing moves", "share"
        ),
        "reachable": flag("whether the network's arithmetic lets it depend on it at all"),
    },
)

RECEPTIVE_FIELDS = Schema(
    "RECEPTIVE_FIELDS",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block, such as layer1.0"),
        "half_width": whole("frames that its output reaches back and forth, by arithmetic", "frames"),
        "output_frame": whole("the frame of its output that was looked at, from 0", "index"),
        "input_frame": whole("which frame it depends on, from 0", "index"),
        "reachable": flag("whether it lies within the half-width"),
        "share": real("part of the gradient's norm that lies on this input frame, mean over clips", "share"),
    },
)


@dataclass(frozen=True, kw_only=True)
class InfluenceOptions(NetworkOptions, SharingOptions):
    """Whose logit is looked at, in how many clips, and where the network is run."""

    class_name: str | int | None = option(
        None, "Whose logit, by name or number; each clip's first if none.", flag="--class"
    )
    limit: int | None = option(None, "Look at so many clips, spread evenly.")


@dataclass(frozen=True)
class Agreement:
    """Spearman's rank correlation with the gradient, over the cells that arithmetic allows.

    `of_means` compares the two matrices averaged over clips; `per_clip` is the mean over clips. None
    where there is nothing to rank: fewer than three cells, or all of them equal.
    """

    of_means: float | None
    """Of the two matrices averaged over clips; null where there is nothing to rank."""
    per_clip: float | None
    """Mean over clips of each one's own; null where there is nothing to rank."""


@dataclass(frozen=True)
class BlockSpread:
    """How far a block's output depends on other frames: by arithmetic, and as measured.

    `spread` is the root of the mean squared distance of input frames, weighted by their share.
    """

    block: str
    """Residual block, such as layer1.0."""
    half_width: int
    """Frames that its output reaches back and forth, by arithmetic."""
    spread: float
    """Root mean square distance of the frames that it depends on, by their share, in frames."""


@dataclass(frozen=True)
class InfluenceSummary:
    """What a frame's logit is made of, in a few numbers."""

    clips: int
    """Clips that were looked at."""
    frames: int
    """Frames of a clip that the network takes."""
    half_width: int
    """Frames back and forth that a logit can depend on, by arithmetic."""
    own_share: dict[str, float]
    """The share that a frame has in its own logit, mean over frames, by method."""
    agreement: dict[str, Agreement]
    """How alike each occlusion and the gradient rank frames, by method (Spearman)."""
    blocks: list[BlockSpread]
    """How far each block's output depends on other frames."""
    unmoved: dict[str, int]
    """Clips in which nothing moved any logit, by method: those of one repeated frame, for instance."""


_TOLD = ("clips", "frames", "half_width", "own_share", "agreement", "blocks", "unmoved")


@dataclass(frozen=True)
class FrameInfluence(Result[InfluenceSummary]):
    """Which input frames each frame's logit is made of; `.table` is INFLUENCE."""

    stem: ClassVar[str] = "influence"
    document: ClassVar[str] = "influence"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"influence": INFLUENCE, "receptive_fields": RECEPTIVE_FIELDS}

    receptive_fields: pd.DataFrame = field(repr=False, kw_only=True)
    """How far each block sees: a RECEPTIVE_FIELDS table."""
    path: str = field(default="", kw_only=True)
    """The checkpoint's file."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The matrices, and how far each block sees."""
        return {self.stem: self.table, "receptive_fields": self.receptive_fields}

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze influence --json` prints."""
        methods = {
            str(method): {
                name: rows.pivot(index="output_frame", columns="input_frame", values=name).values.tolist()
                for name in ("influence", "share", "reachable")
            }
            for method, rows in self.table.groupby("method", sort=False)
        }
        ((name, sha256),) = self.provenance.sources.items()
        told = {name: getattr(self.summary, name) for name in _TOLD}
        return {**tell_source(name, self.path, sha256), "methods": methods, **told}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        matrices = {
            name: several(several(FLAG if name == "reachable" else REAL), INFLUENCE.columns[name].meaning)
            for name in ("influence", "share", "reachable")
        }
        meaning = "by method: a row for each output frame, in it a number for each input frame"
        return {**HEAD, "methods": each(record(matrices), meaning), **fields_of(InfluenceSummary, only=_TOLD)}
