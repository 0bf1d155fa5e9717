"""Counts of batch norms: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.options import option
from gst_analysis.results import Result
from gst_analysis.tables import Schema, text, whole

COUNTS = Schema("COUNTS", {"checkpoint": text("its name"), "norms": whole("how many it has")})


@dataclass(frozen=True, kw_only=True)
class CountOptions:
    """What is counted."""

    least: int = option(1, "Channels that a norm must have to count.")


@dataclass(frozen=True)
class CountSummary:
    """The count."""

    norms: int


@dataclass(frozen=True)
class Count(Result[CountSummary]):
    """How many batch norms there are."""

    stem: ClassVar[str] = "counts"
    document: ClassVar[str] = "count-norms"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"counts": COUNTS}
