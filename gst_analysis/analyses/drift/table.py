"""How far batch-norm scales have moved: columns, options and the result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import ORIGIN, each, fields_of, record, rows_of, several, value_of
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.groups import GROUPS
from gst_analysis.options import NetworkOptions, option
from gst_analysis.results import Result
from gst_analysis.tables import Schema, flag, real, text, whole

if TYPE_CHECKING:
    import pandas as pd

FROM_CARD, FROM_FIRST = "card", "first"
TOLERANCE = 0.05
"""The part of its start within which a scale counts as unmoved."""

DRIFT = Schema(
    "DRIFT",
    {
        "checkpoint": text("the checkpoint's name"),
        "position": real("its epoch, or its place in the series from 0 where epochs are unknown", "index"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator"),
        "group": text("whose channel it is", *GROUPS),
        "channel": whole("position in the batch norm, from 0", "index"),
        "start": real("gamma at the start", "γ"),
        "gamma": real("gamma now, as stored", "γ"),
        "change": real("gamma - start", "γ"),
        "inherited": flag("whether the start's value came from 2-D weights"),
        "unmoved": flag("whether |change| is within the tolerance times |start|"),
    },
)

DRIFT_LAYERS = Schema(
    "DRIFT_LAYERS",
    {
        "checkpoint": text("the checkpoint's name"),
        "position": real("its epoch, or its place in the series", "index"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block"),
        "layer": text("the batch norm after the temporal operator"),
        "group": text("whose channels", *GROUPS),
        "n": whole("channels of the group", "channels"),
        "start_median": real("median gamma at the start", "γ"),
        "low": real("lower quartile of gamma now", "γ"),
        "median": real("median of gamma now", "γ"),
        "high": real("upper quartile of gamma now", "γ"),
        "change": real("mean of |gamma - start|", "γ"),
        "inherited": whole("channels that started with a value from 2-D weights", "channels"),
        "carried": whole("of those, channels that still hold it within the tolerance", "channels"),
        "unmoved": whole("channels within the tolerance of their start, inherited or not", "channels"),
        "rank_correlation": real(
            "Spearman's, of gamma now with the start; missing if constant", "correlation", optional=True
        ),
    },
)


@dataclass(frozen=True, kw_only=True)
class DriftOptions(NetworkOptions):
    """Where scales started, and what counts as unmoved."""

    start: str | os.PathLike[str] | None = option(
        None,
        "2-D weights or an earlier epoch; what the last checkpoint tells; or the first of several.",
        metavar="FILE|card|first",
    )
    tolerance: float = option(TOLERANCE, "Part of its start within which a scale counts as unmoved.")

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < 1:
            raise SpecError(
                "tolerance",
                expected="a part of the start, from 0 to below 1",
                found=repr(self.tolerance)[:40],
                todo="give one, such as 0.05",
            )


@dataclass(frozen=True)
class GroupDrift:
    """One group over all layers of a checkpoint."""

    n: int
    """Channels of the group."""
    inherited: int
    """Channels that started with a value from 2-D weights."""
    carried: int
    """Of those, channels that still hold it within the tolerance."""
    unmoved: int
    """Channels within the tolerance of their start, inherited or not."""
    mean_change: float
    """Mean of |γ now - γ at the start| over its channels."""
    rank_correlation: float | None
    """Median over layers; None where every start or every scale is the same."""


@dataclass(frozen=True)
class DriftSummary:
    """Where it started, by which tolerance, and what became of each group."""

    origin: str
    """Where the values of the start come from, in words."""
    tolerance: float
    """The part of its start within which a scale counts as unmoved."""
    axis: str
    """What the positions are: epoch, or checkpoint (the place in the series)."""
    checkpoints: dict[str, dict[str, GroupDrift]]
    """By the checkpoint's name, then by group."""


@dataclass(frozen=True)
class Drift(Result[DriftSummary]):
    """How far γ has moved, channel by channel; `.table` is DRIFT."""

    stem: ClassVar[str] = "drift"
    document: ClassVar[str] = "drift"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"drift": DRIFT, "drift_layers": DRIFT_LAYERS}
    saved: ClassVar[tuple[str, ...]] = ("png", "svg", "html", *TABLE_FORMATS)

    layers: pd.DataFrame = field(repr=False, kw_only=True)
    """Every layer and group of every checkpoint: a DRIFT_LAYERS table."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Channels, and layers."""
        return {self.stem: self.table, "drift_layers": self.layers}

    def describe_failures(self) -> list[str]:
        """Files that could not be read or have other layers, and why."""
        return [f"left out: {why}" for why in self.failures.values()]

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze drift --json` prints."""
        origin = self.provenance
        layers = dict(iter(self.layers.groupby("checkpoint", sort=False)))
        checkpoints = [
            {
                "name": name,
                "path": origin.settings["paths"][name],
                "sha256": sha,
                "groups": self.summary.checkpoints[name],
                "layers": layers[name].to_dict("records"),
            }
            for name, sha in origin.sources.items()
        ]
        return {
            "origin": self.summary.origin,
            "tolerance": self.summary.tolerance,
            "axis": self.summary.axis,
            "checkpoints": checkpoints,
        }

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        groups = each(value_of(GroupDrift), "each group over all layers")
        one = {**ORIGIN, "groups": groups, "layers": rows_of(DRIFT_LAYERS, "layer by layer, each group")}
        told = fields_of(DriftSummary, only=("origin", "tolerance", "axis"))
        return {**told, "checkpoints": several(record(one), "those that could be read")}
