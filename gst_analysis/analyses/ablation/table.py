"""What changing groups of channels does to the answers: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.analyses.ablation.joint_table import JOINT, MEASURED, SETS, SHARES
from gst_analysis.documents import (
    HEAD,
    Part,
    columns_of,
    each,
    fields_of,
    maybe,
    record,
    rows_of,
    several,
    tell_source,
    value_of,
)
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.groups import GROUPS
from gst_analysis.numbers import Interval
from gst_analysis.options import DatasetOptions, NetworkOptions, SharingOptions, option
from gst_analysis.results import Result
from gst_analysis.tables.schema import Schema, check_choices, real, text, whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


INTERVENTIONS = ("zero", "mean", "shuffle-batch", "shuffle-time")
_MOST_ORDERS = 10_000
CAUSAL_MEASURES = ("accuracy_drop", "logit_drop", "loss_rise")

ABLATION = Schema(
    "ABLATION",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("whose output was changed: a batch norm such as layer1.0.bn2, or another module"),
        "group": text("whose channels were changed", *GROUPS),
        "channels": whole("how many channels that is", "channels"),
        "intervention": text("what was done to them", *INTERVENTIONS),
        "clips": whole("clips it was measured on", "clips"),
        "accuracy": real("top-1 accuracy with the channels changed", "share"),
        **MEASURED,
    },
)

_KEYS = ("checkpoint", "stage", "block", "layer", "group", "channels")
HEADS = Schema(
    "HEAD_ABLATION",
    {
        **{name: ABLATION.columns[name] for name in _KEYS},
        "layer": text("the projection that is given all heads side by side, where one was changed"),
        "group": text("over what its layer attends; all: over space and time at once", *GROUPS),
        "head": whole("which of the layer's heads was changed, from 0", "index"),
        **{name: column for name, column in ABLATION.columns.items() if name not in _KEYS},
    },
)


@dataclass(frozen=True, kw_only=True)
class AblationOptions(DatasetOptions, NetworkOptions, SharingOptions):
    """Which clips of a data set, what is done to channels, and how sure its consequences are."""

    interventions: tuple[str, ...] = option(INTERVENTIONS, f"Some of {', '.join(INTERVENTIONS)}.")
    groups: tuple[str, ...] = option((), "Only these groups of channels, such as temporal or fast.")
    layers: tuple[str, ...] = option((), "Only at these modules, or inside them, such as layer4.")
    limit: int | None = option(None, "Draw this many clips; all if not given.", also=("--clips",))
    measure: str = option("accuracy_drop", "What the figure shows: accuracy_drop, logit_drop or loss_rise.")
    batch: int = option(8, "Clips at once.")
    heads: bool = option(False, "Change every head of attention by itself, too, in networks that have some.")
    joint: bool = option(
        False, "Change groups together, too, by mean or zero: what is each other's stand-in?"
    )
    sets: tuple[str, ...] = option(SETS, f"What --joint puts together: some of {', '.join(SETS)}.")
    orders: int = option(4, "Orders of each clip behind the shares of --joint.")
    seed: int = option(0, "Draws clips, shuffles, orders and resamples.")
    draws: int = option(2000, "Bootstrap draws behind each confidence interval.")
    confidence: float = option(0.95, "Of the confidence intervals.")

    def __post_init__(self) -> None:
        chosen = check_choices("interventions", self.interventions, INTERVENTIONS)
        object.__setattr__(self, "interventions", tuple(name for name in INTERVENTIONS if name in chosen))
        check_choices("measure", [self.measure], CAUSAL_MEASURES)
        kinds = check_choices("sets", self.sets, SETS)
        object.__setattr__(self, "sets", tuple(name for name in SETS if name in kinds))
        if not (type(self.orders) is int and 1 <= self.orders <= _MOST_ORDERS):
            raise SpecError(
                "orders",
                expected=f"a whole number from 1 to {_MOST_ORDERS}",
                found=repr(self.orders)[:60],
                todo="correct it",
            )
        if self.groups:
            object.__setattr__(self, "groups", tuple(check_choices("groups", self.groups, tuple(GROUPS))))


@dataclass(frozen=True)
class AblationSummary:
    """The untouched network on the same clips, and what was done to its channels."""

    clips: int
    """Clips that were measured."""
    accuracy: Interval
    """Share of these clips whose class came first in the untouched network."""
    loss: Interval
    """Their mean cross entropy in the untouched network, in nats."""
    interventions: tuple[str, ...]
    """What was done to channels: some of zero, mean, shuffle-batch and shuffle-time."""


@dataclass(frozen=True)
class Ablation(Result[AblationSummary]):
    """What changing each group of channels does; `.table` is ABLATION."""

    stem: ClassVar[str] = "ablation"
    document: ClassVar[str] = "ablate"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {
        "ablation": ABLATION,
        "ablation_joint": JOINT,
        "ablation_shares": SHARES,
        "ablation_heads": HEADS,
    }

    joint: pd.DataFrame | None = field(default=None, kw_only=True)
    """JOINT: what groups cost together; None where that was not asked for."""
    shares: pd.DataFrame | None = field(default=None, kw_only=True)
    """SHARES: each group's share of what all cost together."""
    heads: pd.DataFrame | None = field(default=None, kw_only=True)
    """HEADS: what each head of attention costs; None where that was not asked for."""
    path: str = field(default="", kw_only=True)
    """The checkpoint's file."""
    measure: str = field(default="accuracy_drop", kw_only=True)
    """What its figure shows."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """ABLATION, and where asked for JOINT and SHARES of groups changed together, and HEADS."""
        more = {"ablation_joint": self.joint, "ablation_shares": self.shares, "ablation_heads": self.heads}
        return {**super().tables, **{name: table for name, table in more.items() if table is not None}}

    @property
    def name(self) -> str:
        """The checkpoint's name."""
        (name,) = self.provenance.specs
        return name

    def plot(self, *, measure: str | None = None, dark: bool = False) -> Figure:
        """The drop at every block, for both groups, a row of the figure for each intervention.

        Args:
            measure: accuracy_drop, logit_drop or loss_rise; the result's own if None.
            dark: draw for a dark background.
        """
        if measure is not None:
            return replace(self, measure=measure).plot(dark=dark)
        return super().plot(dark=dark)

    def _list_joint(self) -> list[tuple[str, pd.DataFrame]]:
        named = [("joint", self.joint), ("shares", self.shares), ("heads", self.heads)]
        return [(key, table) for key, table in named if table is not None]

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze ablate --json` prints."""
        return {
            **tell_source(self.name, self.path, self.provenance.sources[self.name]),
            **vars(self.summary),
            "blocks": _nest(self.table),
            **{key: table.to_dict("records") for key, table in self._list_joint()},
        }

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        rows = {
            "joint": maybe(rows_of(JOINT, "what groups cost together, with --joint")),
            "shares": maybe(rows_of(SHARES, "each group's share of what all cost together, with --joint")),
            "heads": maybe(rows_of(HEADS, "what each head of attention costs, with --heads")),
        }
        return {**HEAD, **fields_of(AblationSummary), "blocks": _describe_nest(), **rows}


def _describe_nest() -> Part:
    told = columns_of(ABLATION)
    spread = {measure: value_of(Interval, told[measure]["description"]) for measure in CAUSAL_MEASURES}
    done = each(record({"accuracy": told["accuracy"], **spread}), "by intervention")
    group = record({"channels": told["channels"], "interventions": done})
    place = {name: told[name] for name in ("block", "layer", "stage")}
    return several(record({**place, "groups": each(group, "by group")}), "layer by layer")


def _nest(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows -> batch norms, groups, interventions, measures."""
    layers: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        layer = layers.setdefault(
            row["layer"], {"block": row["block"], "layer": row["layer"], "stage": row["stage"], "groups": {}}
        )
        group = layer["groups"].setdefault(row["group"], {"channels": row["channels"], "interventions": {}})
        group["interventions"][row["intervention"]] = {"accuracy": row["accuracy"]} | {
            measure: {"value": row[measure], "low": row[f"{measure}_low"], "high": row[f"{measure}_high"]}
            for measure in CAUSAL_MEASURES
        }
    return list(layers.values())
