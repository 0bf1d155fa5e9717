"""What is wrong with the clips of data sets: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from gst_analysis.documents import rows_of, value_of
from gst_analysis.options import DatasetOptions, option
from gst_analysis.results import Result
from gst_analysis.tables import Schema, text, whole

DATASET_CHECK = Schema(
    "DATASET_CHECK",
    {
        "clip": text("the clip's name in the annotations"),
        "path": text("the file or folder it was looked for in"),
        "problem": text("what is wrong", "missing", "unreadable", "truncated", "too short", "mislabelled"),
        "frames": whole("frames found; missing where none can be read", "frames", optional=True),
        "promised": whole("frames the annotation speaks of, if it does", "frames", optional=True),
        "label": text("the label as annotated; empty if there is none"),
        "detail": text("the problem in words"),
    },
)


@dataclass(frozen=True, kw_only=True)
class DatasetCheckOptions(DatasetOptions):
    """Where clips lie, which of those that are listed, and how many are looked at at once."""

    subset: str | None = option(None, "Of those in the annotations, such as train; every one if not given.")
    flow: bool = option(False, "Look at the clips' optical flow, not at their colour frames.")
    flow_root: Path | None = option(
        None, "The folder with each clip's folder of flow images; the clip's own if not given.", metavar="DIR"
    )
    workers: int = option(2, "Clips looked at at once.")

    @property
    def of_flow(self) -> bool:
        """Whether flow is looked at: a folder of it says so, too."""
        return self.flow or self.flow_root is not None


@dataclass(frozen=True)
class DatasetSummary:
    """How many clips there are, each counted once, how many are sound, and how many have each problem."""

    clips: int
    """Clips that were looked for, each once."""
    sound: int
    """Clips with no problem."""
    missing: int
    """Clips that are not where the list says."""
    unreadable: int
    """Clips that are there and cannot be decoded."""
    truncated: int
    """Clips that lack frames which their file, their folder or the annotations promise."""
    too_short: int
    """Clips with fewer frames than are needed."""
    mislabelled: int
    """Clips with several labels, or with one that is not among the classes."""


@dataclass(frozen=True)
class DatasetCheck(Result[DatasetSummary]):
    """What is wrong with a data set's clips; `.table` is DATASET_CHECK, empty if all is well."""

    stem: ClassVar[str] = "dataset_check"
    document: ClassVar[str] = "dataset-check"
    schemas: ClassVar[Mapping[str, Schema]] = {"dataset_check": DATASET_CHECK}

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze dataset-check --json` prints."""
        return {"summary": self.summary, "problems": self.table.to_dict("records")}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        problems = rows_of(DATASET_CHECK, "every problem of every clip")
        return {"summary": value_of(DatasetSummary), "problems": problems}
