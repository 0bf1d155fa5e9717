"""How often a network is right: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.analyses.prediction.table import BEGUN, LOGITS, LogitsResult
from gst_analysis.documents import fields_of, rows_of
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.numbers import Interval
from gst_analysis.options import DatasetOptions, InferenceOptions, NetworkOptions, StreamOptions, option
from gst_analysis.tables.schema import Schema, real, text, whole

if TYPE_CHECKING:
    import pandas as pd


CLASS_ACCURACY = Schema(
    "CLASS_ACCURACY",
    {
        "checkpoint": text("the checkpoint's name"),
        "class_id": whole("the class's number, from 0", "index"),
        "label": text("the class's name, or class and its number where names are unknown"),
        "clips": whole("clips of this class that could be read", "clips"),
        "predicted": whole("clips that were taken for it", "clips"),
        "correct": whole("clips of this class that were taken for it", "clips"),
        "accuracy": real("correct / clips; missing where there are no clips", "share", optional=True),
        "accuracy_low": real("lower end of its 95% confidence interval", "share", optional=True),
        "accuracy_high": real("upper end", "share", optional=True),
        "top5": real("share of its clips where it was among the first five", "share", optional=True),
    },
)

CONFUSION = Schema(
    "CONFUSION",
    {
        "checkpoint": text("the checkpoint's name"),
        "true_id": whole("the number of the clips' own class, from 0", "index"),
        "true_label": text("its name, or class and its number where names are unknown"),
        "predicted_id": whole("the number of the class that came first", "index"),
        "predicted_label": text("its name, or class and its number where names are unknown"),
        "clips": whole("clips of the one that were taken for the other; 0 for most pairs", "clips"),
        "share": real("of the clips of the true class; missing where there are none", "share", optional=True),
    },
)


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions(DatasetOptions, NetworkOptions, StreamOptions, InferenceOptions):
    """Which labelled clips a network is run over, and how."""

    limit: int | None = option(None, "Draw this many clips; all if not given.")


@dataclass(frozen=True)
class EvaluationSummary:
    """Shares of the clips that could be read, with 95% intervals of what other clips would give."""

    clips: int
    """Clips that could be read."""
    videos: int
    """Files that the clips are cut out of: as many as clips, or fewer; clips where that is unknown."""
    top1: float
    """Share of them whose class came first."""
    top5: float
    """Share of them whose class was among the first five."""
    mean_class_accuracy: float
    """The mean over classes that have clips, so that rare ones count as much as common ones."""
    intervals: dict[str, Interval]
    """Of each of the three, by its name."""
    classes: int
    """Classes that the network tells apart."""
    classes_seen: int
    """Classes that have clips."""


def name_shares(summary: EvaluationSummary) -> dict[str, Interval]:
    """The three shares with their intervals, as terminal and report call them."""
    return dict(zip(("top-1", "top-5", "mean over classes"), summary.intervals.values(), strict=True))


@dataclass(frozen=True)
class ModelEvaluation(LogitsResult[EvaluationSummary]):
    """How often each class is right, and what it is taken for; `.table` is CLASS_ACCURACY."""

    stem: ClassVar[str] = "accuracy"
    document: ClassVar[str] = "evaluate"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS, LOGITS)
    saved: ClassVar[tuple[str, ...] | None] = ("png", "svg", "csv", "json", LOGITS)
    schemas: ClassVar[Mapping[str, Schema]] = {"accuracy": CLASS_ACCURACY, "confusion": CONFUSION}

    confusion: pd.DataFrame = field(repr=False, kw_only=True)
    """What the clips of each class were taken for: a CONFUSION table."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every class's accuracy, and what was taken for what."""
        return {self.stem: self.table, "confusion": self.confusion}

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze evaluate --json` prints."""
        rows = self.table.drop(columns="checkpoint").to_dict("records")
        return {**self.tell_checkpoint(), **vars(self.summary), "per_class": rows}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        per_class = rows_of(CLASS_ACCURACY, "class by class", without=("checkpoint",))
        return {**BEGUN, **fields_of(EvaluationSummary), "per_class": per_class}
