"""Columns of what several groups of channels do together, and which of them are taken together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from gst_analysis.groups import GROUPS, order_groups
from gst_analysis.networks.anatomy import Unit
from gst_analysis.tables.schema import Column, Schema, real, text, whole

SETS = ("network", "stage", "pair", "greedy", "share")
"""What --joint does: groups of the whole network, of each stage, pairs, one after another, shares."""
SEVERAL = "several"
"""The group of a set whose units are of more than one."""

MEASURED: dict[str, Column] = {
    "accuracy_drop": real("accuracy of the untouched network minus that of the changed one", "share"),
    "accuracy_drop_low": real("lower end of its confidence interval", "share"),
    "accuracy_drop_high": real("upper end", "share"),
    "logit_drop": real("mean fall of the true class's logit", "logits"),
    "logit_drop_low": real("lower end of its confidence interval", "logits"),
    "logit_drop_high": real("upper end", "logits"),
    "loss_rise": real("mean rise of the cross entropy, in nats", "nats"),
    "loss_rise_low": real("lower end of its confidence interval", "nats"),
    "loss_rise_high": real("upper end", "nats"),
}
"""What a change of channels costs; of one group of them and of several together."""

JOINT = Schema(
    "JOINT_ABLATION",
    {
        "checkpoint": text("the checkpoint's name"),
        "set": text("what was changed together, in words"),
        "kind": text("how it was put together", "network", "stage", "pair", "greedy"),
        "group": text("whose channels were changed", *GROUPS, SEVERAL),
        "stage": whole("stage of the backbone, from 1; 0 where it spans several", "index"),
        "step": whole("how many are gone by then, where one goes after another; 0 elsewhere", "groups"),
        "added": text("the layer and group that went last, there; of a pair, both"),
        "units": whole("how many groups of channels of one layer each", "groups"),
        "channels": whole("how many channels that is", "channels"),
        "intervention": text("what was done to them"),
        "clips": whole("clips it was measured on", "clips"),
        "accuracy": real("top-1 accuracy with all of them changed", "share"),
        **MEASURED,
        "accuracy_drop_alone": real("sum of what each of them costs alone, on the same clips", "share"),
        "logit_drop_alone": real("sum of the falls of the logit alone", "logits"),
        "loss_rise_alone": real("sum of the rises of the cross entropy alone", "nats"),
        "loss_rise_beyond": real("rise of the cross entropy together beyond that sum", "nats"),
        "loss_rise_beyond_low": real("lower end of its confidence interval", "nats"),
        "loss_rise_beyond_high": real("upper end", "nats"),
    },
)
SHARES = Schema(
    "ABLATION_SHARES",
    {
        "checkpoint": text("the checkpoint's name"),
        "level": text("what a row is of", "unit", "stage", "network"),
        "stage": whole("stage of the backbone, from 1; 0 for the network", "index"),
        "block": text("residual block, such as layer1.0; empty for a stage or the network"),
        "layer": text("whose output was changed; empty for a stage or the network"),
        "group": text("whose channels were changed", *GROUPS),
        "channels": whole("how many channels that is", "channels"),
        "intervention": text("what was done to them"),
        "clips": whole("clips it was measured on", "clips"),
        "orders": whole(
            "orders in which all of them were changed one after another, of every clip", "orders"
        ),
        **MEASURED,
        "accuracy_drop_alone": real("sum of what each unit costs alone, on the same clips", "share"),
        "logit_drop_alone": real("sum of the falls of the logit alone", "logits"),
        "loss_rise_alone": real("sum of the rises of the cross entropy alone", "nats"),
    },
)


@dataclass(frozen=True)
class UnitSet:
    """Units that are changed together."""

    kind: str
    words: str
    units: tuple[Unit, ...]
    step: int = 0

    @property
    def group(self) -> str:
        """Their group, or SEVERAL."""
        groups = {unit.group for unit in self.units}
        return next(iter(groups)) if len(groups) == 1 else SEVERAL

    @property
    def stage(self) -> int:
        """Their stage; 0 for several."""
        stages = {unit.stage for unit in self.units}
        return next(iter(stages)) if len(stages) == 1 else 0

    @property
    def added(self) -> str:
        """Which units a reader may want to find again: both of a pair, the last of a sequence."""
        if self.kind == "pair":
            return " + ".join(name_unit(unit) for unit in self.units)
        return name_unit(self.units[-1]) if self.kind == "greedy" else ""


def name_unit(unit: Unit) -> str:
    """A unit by its layer and group."""
    return f"{unit.layer} {unit.group}"


def list_sets(units: Sequence[Unit], kinds: Sequence[str]) -> list[UnitSet]:
    """The sets that are known before anything is measured: of the network, of stages, pairs."""
    listed: list[UnitSet] = []
    groups = order_groups(unit.group for unit in units)
    of = {group: [unit for unit in units if unit.group == group] for group in groups}
    if "network" in kinds:
        listed += [_join("network", f"{group}, everywhere", of[group]) for group in groups]
        if len(groups) > 1:
            listed.append(_join("network", "all groups, everywhere", units))
    if "stage" in kinds:
        listed += _list_stages(of)
    if "pair" in kinds:
        listed += [_join("pair", f"{_short(a)} + {_short(b)}", (a, b)) for a, b in _list_pairs(units)]
    return [one for one in listed if len(one.units) > 1]


def _list_stages(of: dict[str, list[Unit]]) -> Iterator[UnitSet]:
    for group, units in of.items():
        for stage in sorted({unit.stage for unit in units}):
            yield _join("stage", f"{group}, stage {stage}", [unit for unit in units if unit.stage == stage])


def _list_pairs(units: Sequence[Unit]) -> Iterator[tuple[Unit, Unit]]:
    """Two of one group, anywhere; or two groups of one layer, which could stand in for one another."""
    for one, other in combinations(units, 2):
        if one.group == other.group or one.layer == other.layer:
            yield one, other


def _join(kind: str, words: str, units: Sequence[Unit]) -> UnitSet:
    return UnitSet(kind, words, tuple(units))


def _short(unit: Unit) -> str:
    return f"{unit.block} {unit.group}"
