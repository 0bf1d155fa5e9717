"""Checkpoints side by side: columns, options and the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.analyses.scales.table import BLOCK_GAPS, BN_SCALES, ROWS, TESTS, GapCounts
from gst_analysis.documents import NAME, ORIGIN, TEXT, fields_of, record, rows_of, say, several
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.groups import GROUPS
from gst_analysis.options import NetworkOptions, option
from gst_analysis.results import Result
from gst_analysis.tables import Schema, check_choices, real, text, whole
from gst_analysis.tables.held import held_columns, holds_tables

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from gst_analysis.tables.columns import Table

SCALE_DIFFERENCES = Schema(
    "SCALE_DIFFERENCES",
    {
        "checkpoint": text("the checkpoint's name"),
        "reference": text("the checkpoint it is compared with"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block"),
        "layer": text("the batch norm after the temporal operator"),
        "group": text("whose channels", *GROUPS),
        "n": whole("channels of the checkpoint", "channels"),
        "reference_n": whole("channels of the reference", "channels"),
        "shift": real("median of the checkpoint's scales minus that of the reference's", "γ"),
        "shift_low": real("lower end of the shift's bootstrap interval", "γ", optional=True),
        "shift_high": real("upper end of it", "γ", optional=True),
        **TESTS,
    },
)
"""In `auc`, the checkpoint is the first; p values are corrected over layers and groups of a checkpoint."""

NOT_COMPARED = Schema(
    "NOT_COMPARED",
    {
        "checkpoint": text("the checkpoint's name"),
        "what": text("what of it was not compared"),
        "why": text("why not"),
    },
)


@dataclass(frozen=True, kw_only=True)
class ComparisonOptions(NetworkOptions):
    """What checkpoints are compared with, and how scales are shown."""

    reference: str | None = option(None, "Which one to compare with; the first by default.", metavar="NAME")
    by: str = option("stage", "Rows of the overlays: block or stage.")
    absolute: bool = option(False, "Compare |γ| instead of γ.")

    def __post_init__(self) -> None:
        check_choices("by", [self.by], ROWS)


@dataclass(frozen=True)
class ComparedCheckpoint(GapCounts):
    """One group against another in one checkpoint, and the checkpoint against the reference."""

    differs_from_reference: int
    """Layers and groups that differ from the reference's, by either test."""
    compared_with_reference: int
    """Layers and groups that both have."""

    @property
    def unlike(self) -> str:
        """In how many of its layers and groups it differs from the reference."""
        if not self.compared_with_reference:
            return "nothing shared"
        return f"{self.differs_from_reference} of {self.compared_with_reference}"


@dataclass(frozen=True)
class ComparisonSummary:
    """What was compared and what was found, after Holm's correction at 5%."""

    statistic: str
    """What was compared: gamma or |gamma|."""
    reference: str
    """The checkpoint that the others are compared with."""
    confidence: float
    """Of the intervals of gaps and shifts, from 0 to 1."""
    correction: str
    """How p values were corrected for many tests."""
    checkpoints: dict[str, ComparedCheckpoint]
    """By the checkpoint's name."""


@holds_tables("scales", "differences", "uncompared")
@dataclass(frozen=True)
class ScaleComparison(Result[ComparisonSummary]):
    """Checkpoints side by side; `.table` is BLOCK_GAPS."""

    stem: ClassVar[str] = "block_gaps"
    document: ClassVar[str] = "compare"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {
        "block_gaps": BLOCK_GAPS,
        "scale_differences": SCALE_DIFFERENCES,
        "not_compared": NOT_COMPARED,
        "bn_scales": BN_SCALES,
    }
    saved: ClassVar[tuple[str, ...]] = ("png", "svg", *TABLE_FORMATS)

    scales: pd.DataFrame = field(repr=False, kw_only=True)
    """BN_SCALES of every checkpoint."""
    differences: pd.DataFrame = field(repr=False, kw_only=True)
    """SCALE_DIFFERENCES of every checkpoint but the reference."""
    uncompared: pd.DataFrame = field(repr=False, kw_only=True)
    """NOT_COMPARED: what networks do not share."""
    by: str = field(default="stage", kw_only=True)
    """What a row of the overlays stands for."""

    @property
    def absolute(self) -> bool:
        """Whether |γ| was compared rather than γ."""
        return self.summary.statistic != "gamma"

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Gaps, differences, what was not compared, and the scales."""
        return {
            self.stem: self.table,
            "scale_differences": self.differences,
            "not_compared": self.uncompared,
            "bn_scales": self.scales,
        }

    def _list_tables(self) -> Mapping[str, Table]:
        return {
            self.stem: held_columns(self),
            "scale_differences": held_columns(self, "differences"),
            "not_compared": held_columns(self, "uncompared"),
            "bn_scales": held_columns(self, "scales"),
        }

    def figures(self, *, by: str | None = None, dark: bool = False) -> dict[str, Figure]:
        """Gap by block, overlaid distributions, and ridgelines."""
        chosen = self if by is None else dataclasses.replace(self, by=by)
        return Result.figures(chosen, dark=dark)

    def describe_failures(self) -> list[str]:
        """Files that were left out, and why."""
        return [f"left out: {why}" for why in self.failures.values()]

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze compare --json` prints."""
        origin = self.provenance
        blocks = dict(held_columns(self).split("checkpoint"))
        checkpoints = [
            {
                "name": name,
                "path": origin.settings["paths"][name],
                "sha256": sha,
                "network": origin.settings["networks"][name],
                "blocks": blocks[name].to_rows(),
            }
            for name, sha in origin.sources.items()
        ]
        return {
            "statistic": self.summary.statistic,
            "reference": self.summary.reference,
            "settings": {"confidence": self.summary.confidence, "correction": self.summary.correction},
            "checkpoints": checkpoints,
            "differences": held_columns(self, "differences").to_rows(),
            "not_compared": held_columns(self, "uncompared").to_rows(),
        }

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        network = say(TEXT, "what network it is")
        blocks = rows_of(BLOCK_GAPS, "one group against another, wherever both are")
        summary = fields_of(ComparisonSummary)
        return {
            "statistic": summary["statistic"],
            "reference": NAME,
            "settings": record(
                {name: summary[name] for name in ("confidence", "correction")},
                "how sure intervals and tests are",
            ),
            "checkpoints": several(record({**ORIGIN, "network": network, "blocks": blocks}), "one by one"),
            "differences": rows_of(SCALE_DIFFERENCES, "each other checkpoint against the reference"),
            "not_compared": rows_of(NOT_COMPARED, "what of a checkpoint was not compared"),
        }
