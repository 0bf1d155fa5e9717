"""What was judged of every clip, alone and together -> the rows of JOINT and SHARES."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from gst_analysis.analyses.ablation.joint import JointRun, Judged
from gst_analysis.analyses.ablation.joint_table import JOINT, SHARES, UnitSet, name_unit
from gst_analysis.groups import order_groups
from gst_analysis.networks.anatomy import Unit
from gst_analysis.probes.resampling import Bootstrap, Interval, Units, summarise_means
from gst_analysis.probes.shares import summarise_changes, summarise_share_differences
from gst_analysis.tables.schema import check

Intervals = Mapping[str, Sequence[Interval]]
MEASURES = ("accuracy_drop", "logit_drop", "loss_rise")
_SIGNS = np.array([-1.0, -1.0, 1.0])[:, None]
"""What turns changes of right answers, logit and loss into drops, drops and rises."""


@dataclass(frozen=True)
class Shown:
    """What every row says alike."""

    checkpoint: str
    intervention: str
    bootstrap: Bootstrap


def tabulate_joint(
    run: JointRun, sets: Sequence[UnitSet], judged: Judged, videos: Units, shown: Shown
) -> pd.DataFrame:
    """What sets cost together, beside the sum of what their units cost alone, on the same clips."""
    untouched = np.concatenate(judged.untouched, axis=1)  # (3, clips)
    together = np.concatenate(judged.together, axis=2)  # (sets, 3, clips)
    costs = _SIGNS * (np.concatenate(judged.alone, axis=2) - untouched)  # (units, 3, clips)
    place = {name_unit(unit): number for number, unit in enumerate(run.units)}
    alone = np.stack([costs[[place[name_unit(unit)] for unit in one.units]].sum(axis=0) for one in sets])
    bootstrap = shown.bootstrap
    right = (untouched[:1], together[:, 0])
    intervals = {
        "accuracy_drop": summarise_share_differences(*right, confidence=bootstrap.confidence, units=videos),
        "logit_drop": summarise_means(untouched[1] - together[:, 1], bootstrap, videos),
        "loss_rise": summarise_means(together[:, 2] - untouched[2], bootstrap, videos),
        "loss_rise_beyond": summarise_means(together[:, 2] - untouched[2] - alone[:, 2], bootstrap, videos),
    }
    described = pd.DataFrame([_describe(one) for one in sets])
    means = {f"{name}_alone": alone[:, number].mean(axis=1) for number, name in enumerate(MEASURES)}
    table = described.assign(
        checkpoint=shown.checkpoint,
        intervention=shown.intervention,
        clips=untouched.shape[1],
        accuracy=together[:, 0].mean(axis=1),
        **_spread(intervals),
        **means,
    )
    return check(table[list(JOINT.columns)], JOINT)


def tabulate_shares(run: JointRun, videos: Units, shown: Shown) -> pd.DataFrame:
    """Each unit's share of what all cost together, and its group's in every stage and in the network."""
    untouched = np.concatenate(run.judged.untouched, axis=1)
    shares = _SIGNS * np.concatenate(run.shares, axis=2)  # (units, 3, clips)
    alone = _SIGNS * (np.concatenate(run.judged.alone, axis=2) - untouched)
    rows = list(_list_rows(run.units))
    summed = np.stack([shares[list(members)].sum(axis=0) for _, members in rows])
    ways = (summarise_changes, summarise_means, summarise_means)  # an accuracy may be at its ceiling
    intervals = {
        name: way(summed[:, number], shown.bootstrap, videos)
        for number, (name, way) in enumerate(zip(MEASURES, ways, strict=True))
    }
    means = {
        f"{name}_alone": [float(alone[list(members), number].sum(axis=0).mean()) for _, members in rows]
        for number, name in enumerate(MEASURES)
    }
    table = pd.DataFrame([described for described, _ in rows]).assign(
        checkpoint=shown.checkpoint,
        intervention=shown.intervention,
        clips=untouched.shape[1],
        orders=run.options.orders,
        **_spread(intervals),
        **means,
    )
    return check(table[list(SHARES.columns)], SHARES)


def _describe(one: UnitSet) -> dict[str, object]:
    return {
        "set": one.words,
        "kind": one.kind,
        "group": one.group,
        "stage": one.stage,
        "step": one.step,
        "added": one.added,
        "units": len(one.units),
        "channels": sum(unit.count for unit in one.units),
    }


def _list_rows(units: Sequence[Unit]) -> list[tuple[dict[str, object], list[int]]]:
    """Every unit, then every group of a stage, then every group: what a row is of, and its units' numbers."""
    rows = [(_name_row(units, [number], "unit"), [number]) for number in range(len(units))]
    groups = order_groups(unit.group for unit in units)
    stages = sorted({unit.stage for unit in units})
    for level, within in [*(("stage", {stage}) for stage in stages), ("network", set(stages))]:
        for group in groups:
            found = [n for n, unit in enumerate(units) if unit.group == group and unit.stage in within]
            rows += [(_name_row(units, found, level), found)] if found else []
    return rows


def _name_row(units: Sequence[Unit], found: Sequence[int], level: str) -> dict[str, object]:
    first = units[found[0]]
    return {
        "level": level,
        "stage": 0 if level == "network" else first.stage,
        "block": first.block if level == "unit" else "",
        "layer": first.layer if level == "unit" else "",
        "group": first.group,
        "channels": sum(units[number].count for number in found),
    }


def _spread(intervals: Intervals) -> dict[str, list[float]]:
    columns = {}
    for name, found in intervals.items():
        columns[name] = [one.value for one in found]
        columns[f"{name}_low"] = [one.low for one in found]
        columns[f"{name}_high"] = [one.high for one in found]
    return columns
