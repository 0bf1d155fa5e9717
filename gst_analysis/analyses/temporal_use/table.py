"""How much of what lies on several frames differs between them: columns, options and the result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import ORIGIN, fields_of, maybe, record, rows_of, several, value_of
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.groups import GROUPS
from gst_analysis.options import NetworkOptions, SharingOptions, option
from gst_analysis.results import Result
from gst_analysis.tables import Column, Schema, check_choices, real, text, whole
from gst_analysis.tables.held import held_columns, holds_tables

if TYPE_CHECKING:
    import pandas as pd

    from gst_analysis.tables.columns import Table

FROM_CARD, FROM_FIRST, NO_START = "card", "first", "none"
KINDS = ("kernel", "by channel", "gate", "shift", "moved by clip", "made by clip", "attention")
WEIGHTS, CLIPS = "weights", "clips"
MEASURES: Mapping[str, str] = {
    "varying": "share of energy that is not constant over taps",
    "ordered": "share of energy that turns its sign when time is reversed",
    "off_frame": "share of energy on other frames than the filter's own",
    "shift": "frames from the filter's own to where its energy lies",
}
"""What figures can show of a filter, and how axes call it."""
ROWS = ("block", "stage")

_WHERE: Mapping[str, Column] = {
    "checkpoint": text("the checkpoint's name"),
    "stage": whole("stage of the network", "index"),
    "block": text("the place that it lies in, such as layer1.0"),
    "layer": text("the module that holds the weight; of a shift, what reads the moved channels"),
    "group": text("whose channels it writes; all: one kernel reads space and time", *GROUPS),
    "kind": text("what reaches over frames", *KINDS),
    "source": text("what it was read from", WEIGHTS, CLIPS),
}
_SHARES: Mapping[str, Column] = {
    "varying": real("share of energy that is not constant over taps; of gates none", "share", optional=True),
    "ordered": real("share of energy that turns its sign when the taps are reversed", "share", optional=True),
    "off_frame": real(
        "share of energy on other taps than the middle one; missing where none is in the middle; of a gate "
        "the mean share of the channel that moves, of attention the share that lies on other frames",
        "share",
        optional=True,
    ),
    "even": real(
        "off_frame if all that may be read were read alike; of attention only", "share", optional=True
    ),
    "shift": real(
        "from the middle to the centre of energy, in frames; above 0: later ones; of attention how far off "
        "it looks on average, either way",
        "frames",
        optional=True,
    ),
}

TEMPORAL_USE = Schema(
    "TEMPORAL_USE",
    {
        **_WHERE,
        "channel": whole("the filter's place in its weight, or the moved channel's, from 0", "index"),
        "taps": whole("frames that it reads", "frames"),
        "energy": real(
            "sum of its squared weights; missing where it has none of its own", "weight²", optional=True
        ),
        **_SHARES,
        "start": real("varying at the start; missing where that is unknown", "share", optional=True),
    },
)

_MEANS = {
    name: real(f"mean over filters: {column.meaning}", column.unit, optional=True)
    for name, column in _SHARES.items()
}

KERNEL_USE = Schema(
    "KERNEL_USE",
    {
        **_WHERE,
        "taps": whole("frames that it reads", "frames"),
        "filters": whole("filters with any energy", "filters"),
        "silent": whole("filters without", "filters"),
        **_MEANS,
        "low": real("lower quartile of varying over filters", "share", optional=True),
        "high": real("upper quartile of varying over filters", "share", optional=True),
        "by_energy": real("varying of the whole kernel: large filters count more", "share", optional=True),
        "moved": real("mean of the shift's size over filters, in frames", "frames", optional=True),
        "independent": real(
            "varying of taps that know nothing of each other: 1 - 1 / taps; of shifts and gates none",
            "share",
            optional=True,
        ),
        "start": real("mean of varying over filters at the start", "share", optional=True),
    },
)

HEAD_USE = Schema(
    "HEAD_USE",
    {
        **{name: _WHERE[name] for name in ("checkpoint", "stage", "block", "layer", "group")},
        "head": whole("which of the layer's heads, from 0", "index"),
        "frames": whole("frames inside the network that its layer attends over", "frames"),
        "off_frame": real(
            "share of its attention that lies on other frames, mean over queries and clips", "share"
        ),
        "even": real("that share if all that may be read were read alike", "share"),
        "distance": real("how many frames off it looks on average, either way", "frames"),
    },
)


@dataclass(frozen=True, kw_only=True)
class TemporalUseOptions(NetworkOptions, SharingOptions):
    """Where kernels started, and what figures show of them."""

    start: str | os.PathLike[str] | None = option(
        None,
        "An earlier epoch or 2-D weights; what each checkpoint tells; the first of several; or none.",
        metavar="FILE|card|first|none",
    )
    show: str = option("varying", f"What figures show of filters: {', '.join(MEASURES)}.")
    by: str = option("block", "Rows of the figure: block or stage.")
    device: str = option("auto", "Where clips are run: auto, cpu, cuda or mps.")

    def __post_init__(self) -> None:
        check_choices("show", [self.show], tuple(MEASURES))
        check_choices("by", [self.by], ROWS)


@dataclass(frozen=True)
class KindUse:
    """All that is of one kind and group in a checkpoint, or in one of its stages; every kernel counts alike.

    What is not defined is None.
    """

    group: str
    """Whose channels it writes; all: one kernel reads space and time."""
    kind: str
    """What reaches over frames, such as kernel, shift or attention."""
    source: str
    """What it was read from: weights or clips."""
    kernels: int
    """Kernels of that kind and group."""
    filters: int
    """Their filters that have any energy."""
    varying: float | None
    """Share of energy that is not constant over taps; null where it is not defined, as of gates."""
    ordered: float | None
    """Share of energy that turns its sign when the taps are reversed; null where not defined."""
    off_frame: float | None
    """Share on other frames: of energy, of channels that a gate moves, of attention; null if not defined."""
    even: float | None
    """`off_frame` if all that may be read were read alike; null of all but attention."""
    moved: float | None
    """Mean distance of a filter's energy from the middle, in frames; null where not defined."""
    independent: float | None
    """`varying` of taps that know nothing of each other; null of shifts and gates."""
    start: float | None
    """`varying` at the start; null where that is not known."""

    def describe(self, *, mark: str = "") -> str:
        """What was found, as a part of a sentence.

        Args:
            mark: what to put around numbers, such as ** for bold ones.
        """
        if self.kind in ("shift", "moved by clip"):
            share = "–" if self.off_frame is None else f"{self.off_frame:.0%}"
            return f"{mark}{share}{mark} of the channels move by a frame"
        if self.kind == "attention" and self.off_frame is not None and self.even is not None:
            told = f"{mark}{self.off_frame:.0%}{mark} of attention lies on other frames"
            return f"{told} (if all were read alike: {self.even:.0%})"
        if self.varying is None:
            return "no filter has any weight"
        told = f"{mark}{self.varying:.3f}{mark} of a filter's energy is not constant over its taps"
        chance = f"independent taps: {self.independent:.3f}" if self.independent is not None else "by clip"
        began = f", {self.start:.3f} at the start" if self.start is not None else ""
        return f"{told} ({chance}{began})"


@dataclass(frozen=True)
class CheckpointUse:
    """One checkpoint: what its start was, and what was found of each kind, over all and by stage."""

    start: str
    """Where the values of the start come from; empty where it is not known."""
    kinds: tuple[KindUse, ...]
    """All of the network, kind by kind."""
    stages: Mapping[int, tuple[KindUse, ...]]
    """The same by the stage's number."""


@dataclass(frozen=True)
class TemporalUseSummary:
    """Per checkpoint, how kernels use time; and how many clips decided over gates."""

    checkpoints: Mapping[str, CheckpointUse]
    """By the checkpoint's name."""
    clips: int = 0
    """Clips that were given and could be read; 0 where none were given."""


@holds_tables("kernels")
@dataclass(frozen=True)
class TemporalUse(Result[TemporalUseSummary]):
    """How much kernels over time differ between their taps; `.table` is TEMPORAL_USE, a row a filter."""

    stem: ClassVar[str] = "temporal_use"
    document: ClassVar[str] = "temporal-use"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    saved: ClassVar[tuple[str, ...] | None] = ("png", "svg", "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {
        "temporal_use": TEMPORAL_USE,
        "kernel_use": KERNEL_USE,
        "head_use": HEAD_USE,
    }

    kernels: pd.DataFrame = field(repr=False, kw_only=True)
    """Every kernel: a KERNEL_USE table."""
    heads: pd.DataFrame | None = field(default=None, repr=False, kw_only=True)
    """Every head of attention that was run on clips: a HEAD_USE table; None where there is none."""
    show: str = field(default="varying", kw_only=True)
    """What figures show of filters."""
    by: str = field(default="block", kw_only=True)
    """What a row of the figure stands for."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Filters, and kernels; and heads, where clips were run through attention over frames."""
        found = {self.stem: self.table, "kernel_use": self.kernels}
        return found if self.heads is None else {**found, "head_use": self.heads}

    def _list_tables(self) -> Mapping[str, Table]:
        found = {self.stem: held_columns(self), "kernel_use": held_columns(self, "kernels")}
        return found if self.heads is None else {**found, "head_use": self.heads}

    def _list_heads(self, name: str) -> dict[str, Any]:
        own = None if self.heads is None else self.heads[self.heads["checkpoint"] == name]
        return {} if own is None or own.empty else {"heads": own.to_dict("records")}

    def describe_failures(self) -> list[str]:
        """Files and clips that could not be read, and why."""
        return [f"left out: {why}" for why in self.failures.values()]

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze temporal-use --json` prints: kernels, not filters."""
        rows = dict(held_columns(self, "kernels").split("checkpoint"))
        checkpoints = [
            {
                "name": name,
                "path": self.provenance.settings["paths"][name],
                "sha256": sha256,
                "use": self.summary.checkpoints[name],
                "kernels": rows[name].to_rows(),
                **self._list_heads(name),
            }
            for name, sha256 in self.provenance.sources.items()
        ]
        return {"checkpoints": checkpoints, "clips": self.summary.clips}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        heads = maybe(rows_of(HEAD_USE, "every head of attention that clips were run through"))
        rows = {"kernels": rows_of(KERNEL_USE, "kernel by kernel"), "heads": heads}
        one = record({**ORIGIN, "use": value_of(CheckpointUse), **rows})
        return {
            "checkpoints": several(one, "those that could be read"),
            **fields_of(TemporalUseSummary, only=("clips",)),
        }
