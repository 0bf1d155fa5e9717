"""Profiles side by side: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.analyses.profile.table import (
    AGREEMENT,
    ANSWERS,
    MEASURES,
    PLACE,
    PROFILE,
    STAGE,
    ProfileOptions,
)
from gst_analysis.documents import rows_of
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.options import option
from gst_analysis.results import Result
from gst_analysis.tables import Schema, real, text, whole

if TYPE_CHECKING:
    import pandas as pd

DIFFERENCES = Schema(
    "PROFILE_DIFFERENCES",
    {
        "checkpoint": text("the checkpoint's name"),
        "reference": text("the checkpoint whose share is taken away"),
        "measure": text("which line", *MEASURES),
        "level": text("what a row is of", PLACE, STAGE),
        "stage": whole("stage of the networks, from 1", "index"),
        "place": text("the place's name, which both networks have; empty of a stage"),
        "depth": real("where it lies in the checkpoint: 0 the first, 1 the last place", "share"),
        "difference": real("the checkpoint's share less the reference's", "share"),
        "low": real("lower end of its band; missing where either has none", "share", optional=True),
        "high": real("upper end", "share", optional=True),
        "even": real("by how much their parts of the channels differ", "share", optional=True),
    },
)
NETWORKS = Schema(
    "PROFILED_NETWORKS",
    {
        "checkpoint": text("the checkpoint's name"),
        "measure": text("which line, of the network as a whole", *MEASURES, *ANSWERS),
        "value": real("the network's own, else the mean over its stages", "share"),
        "low": real("lower end of its band; missing where it has none", "share", optional=True),
        "high": real("upper end", "share", optional=True),
        "even": real("if nothing were learned, or all counted alike", "share", optional=True),
        "alpha": real("share of temporal channels that it was designed with", "share", optional=True),
        "macs": real("multiply-adds of one clip of its own size", "operations", optional=True),
    },
)


@dataclass(frozen=True, kw_only=True)
class ProfileComparisonOptions(ProfileOptions):
    """Which is the reference, and how each profile is drawn up."""

    reference: str | None = option(
        None, "Whose share is taken from the others'; the first by default.", metavar="NAME"
    )
    dataset: str | None = option(
        None, "Labelled clips for the lines that need some, the same for all networks.", metavar="ROOT|FILE"
    )


@dataclass(frozen=True)
class ProfileComparisonSummary:
    """What was set against what, and what of it can be told from nothing."""

    reference: str
    """The checkpoint whose shares are taken from the others'."""
    confidence: float
    """That all stages and lines of one difference hold at once."""
    verdicts: dict[str, str]
    """What each profile says alone, by the checkpoint's name."""
    differences: dict[str, str]
    """What of each other checkpoint surely differs from the reference, in a sentence."""
    sweep: bool
    """Whether the networks are one design in several shares of temporal channels."""


@dataclass(frozen=True)
class ProfileComparison(Result[ProfileComparisonSummary]):
    """Profiles of several networks against each other; `.table` is PROFILE of all of them."""

    stem: ClassVar[str] = "profiles"
    document: ClassVar[str] = "compare-profiles"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {
        "profiles": PROFILE,
        "profile_differences": DIFFERENCES,
        "profiled_networks": NETWORKS,
        "profiles_agreement": AGREEMENT,
    }
    saved: ClassVar[tuple[str, ...] | None] = ("png", "svg", "html", *TABLE_FORMATS)

    differences: pd.DataFrame = field(repr=False, kw_only=True)
    """PROFILE_DIFFERENCES of every checkpoint but the reference."""
    networks: pd.DataFrame = field(repr=False, kw_only=True)
    """PROFILED_NETWORKS: each as a whole, and what it costs."""
    agreement: pd.DataFrame = field(repr=False, kw_only=True)
    """Where the measures of each agree: a PROFILE_AGREEMENT table."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Lines, differences, networks as a whole, and where lines agree."""
        return {
            self.stem: self.table,
            "profile_differences": self.differences,
            "profiled_networks": self.networks,
            "profiles_agreement": self.agreement,
        }

    @property
    def names(self) -> list[str]:
        """The networks in the order given."""
        return list(self.summary.verdicts)

    def describe_failures(self) -> list[str]:
        """Files that were left out, and why."""
        return [f"left out: {why}" for why in self.failures.values()]

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze compare-profiles --json` prints."""
        own = {"differences": self.differences, "networks": self.networks}
        rows = {name: table.to_dict("records") for name, table in own.items()}
        return {**super().fill_document(), **rows}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        return {
            **super().describe_fields(),
            "differences": rows_of(DIFFERENCES, "each other network's shares less the reference's"),
            "networks": rows_of(NETWORKS, "each network as a whole, and what it costs"),
        }
