"""Tables of the other rooms -> lines of a profile: what share of each place is time's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from gst_analysis.analyses.profile.bands import (
    Band,
    Estimate,
    average_estimates,
    average_shares,
    share_losses,
    share_sums,
)
from gst_analysis.analyses.profile.places import Line, Places, spread_over_blocks
from gst_analysis.analyses.profile.table import CLIPS, IN_ORDER, IN_REVERSE, TEMPORALITY, WEIGHTS
from gst_analysis.analyses.roles.table import PLACE as WHOLE_PLACE
from gst_analysis.analyses.scales.meetings import find_meetings
from gst_analysis.groups import find_pair
from gst_analysis.probes.resampling import Interval


def summarise_channels(
    measure: str, channels: pd.DataFrame, value: str, places: Places, confidence: float
) -> Line | None:
    """Time's share of what channels have, summed in each place; of a stage the mean over its places.

    Args:
        measure: the line's name.
        channels: a row a channel, with stage, block, layer, group, channel; BN_SCALES or IMPORTANCE.
        value: the column that is summed, by its size.
        places: the network's.
        confidence: of every band.

    Returns:
        Nothing where no two groups are set against each other.
    """
    known = channels[channels[value].notna()]
    pair = find_pair(known["group"].unique())
    if pair is None:
        return None
    meetings = find_meetings(known)
    known = known.assign(meets=meetings.place, place=spread_over_blocks(known, places))
    by_place: dict[str, list[Estimate]] = {}
    by_stage: dict[int, list[Estimate]] = {}
    for _, rows in known.groupby("meets", sort=False):
        ours, theirs = (rows[rows["group"] == group] for group in (meetings.group, meetings.against))
        if ours.empty or theirs.empty:
            continue
        found = share_sums(
            np.abs(ours[value].to_numpy(float)),
            np.abs(theirs[value].to_numpy(float)),
            related=_are_shared(ours, theirs),
        )
        if meetings.level != "stage":
            by_place.setdefault(str(ours["place"].iloc[0]), []).append(found)
        by_stage.setdefault(int(ours["stage"].iloc[0]), []).append(found)
    return _join(Line(measure, WEIGHTS, meetings.group), by_place, by_stage, confidence)


def _are_shared(ours: pd.DataFrame, theirs: pd.DataFrame) -> bool:
    """Whether one channel of one norm is in both groups."""
    keys = [set(zip(one["layer"], one["channel"], strict=True)) for one in (ours, theirs)]
    return bool(keys[0] & keys[1])


def _join(
    line: Line, places: Mapping[str, list[Estimate]], stages: Mapping[int, list[Estimate]], confidence: float
) -> Line:
    return Line(
        line.measure,
        line.source,
        line.group,
        {name: average_estimates(parts).build_band(confidence) for name, parts in places.items()},
        {stage: average_estimates(parts).build_band(confidence) for stage, parts in stages.items()},
    )


def summarise_kernels(filters: pd.DataFrame, places: Places, confidence: float) -> Line | None:
    """Temporal use: what differs between frames, mean over filters; kernels of a place or stage count alike.

    Args:
        filters: TEMPORAL_USE of one checkpoint.
        places: the network's.
        confidence: of every band.
    """
    by_place: dict[str, list[Estimate]] = {}
    by_stage: dict[int, list[Estimate]] = {}
    source = WEIGHTS
    for _, rows in filters.assign(place=spread_over_blocks(filters, places)).groupby("layer", sort=False):
        found = _look_at_kernel(rows)
        if found is None:
            continue
        source = str(rows["source"].iloc[0])
        by_place.setdefault(str(rows["place"].iloc[0]), []).append(found)
        by_stage.setdefault(int(rows["stage"].iloc[0]), []).append(found)
    if not by_stage:
        return None
    return _join(Line("temporal-use", source, "temporal"), by_place, by_stage, confidence)


def _look_at_kernel(rows: pd.DataFrame) -> Estimate | None:
    """What varies over a kernel's taps; of attention what lies on other frames; of a shift what it moves."""
    if rows["varying"].notna().any():
        taps = int(rows["taps"].iloc[0])
        return average_shares(rows["varying"].to_numpy(float), 1 - 1 / taps)
    if not rows["off_frame"].notna().any():
        return None
    even = float(rows["even"].mean())
    found = average_shares(rows["off_frame"].to_numpy(float), even)
    if even == even:
        return found
    # A shift moves as many channels as it was built to: nothing of it was learned, so it surprises nobody.
    return Estimate(
        found.value, float("nan"), float("nan"), float("nan"), "band: by construction, not learned"
    )


def summarise_losses(measure: str, units: pd.DataFrame, stages: pd.DataFrame, places: Places) -> Line | None:
    """Time's share of what changing both groups costs, in nats of cross entropy.

    Args:
        measure: ablation or joint.
        units: a row a group of a layer, with loss_rise and its ends: ABLATION, or SHARES of units.
        stages: a row a group of a stage: JOINT of stages, or SHARES of stages; and of the network, stage 0.
        places: the network's.
    """
    pair = find_pair(units["group"].unique())
    if pair is None:
        return None
    against, group = pair
    named = units.assign(place=spread_over_blocks(units, places))
    by_place = {}
    for name, rows in named.groupby("place", sort=False):
        if {group, against} <= set(rows["group"]) and not rows["group"].duplicated().any():
            by_place[str(name)] = _share_out(rows, group, against)
    alone = named.groupby(["stage", "group"]).filter(lambda rows: len(rows) == 1)
    alone = alone[~alone["stage"].isin(stages["stage"])]  # a stage of one place has no set of its own
    both = pd.concat([stages, alone], ignore_index=True)
    by_stage = {
        int(str(stage)): _share_out(rows, group, against)
        for stage, rows in both.groupby("stage", sort=True)
        if {group, against} <= set(rows["group"])
    }
    network = by_stage.pop(0, None)
    return Line(measure, CLIPS, group, by_place, by_stage, network)


def _share_out(rows: pd.DataFrame, group: str, against: str) -> Band:
    ours, theirs = (rows[rows["group"] == one].iloc[0] for one in (group, against))
    counts = float(ours["channels"]), float(theirs["channels"])
    ends = [
        Interval(*(float(one[f"loss_rise{end}"]) for end in ("", "_low", "_high"))) for one in (ours, theirs)
    ]
    return share_losses(ends[0], ends[1], counts[0] / sum(counts))


def summarise_roles(sums: pd.DataFrame, places: Places) -> Line:
    """The share of variance from motion in all that leaves a place; its band is the room's own, of scenes."""
    rows = sums[sums["kind"] == WHOLE_PLACE]
    rows = rows.assign(place=spread_over_blocks(rows, places))
    by_place = {
        str(row["place"]): Band(row["dynamic"], row["dynamic_low"], row["dynamic_high"], row["dynamic_null"])
        for row in rows.to_dict("records")
    }
    return Line("roles", CLIPS, "", by_place, _average_stages(by_place, places))


def summarise_reach(fields: pd.DataFrame, places: Places) -> Line:
    """The share of a frame's gradient that lies on other frames; a mean over clips, without a band."""
    by_place = {}
    for block, rows in fields.groupby("block", sort=False):
        own = float(rows.loc[rows["input_frame"] == rows["output_frame"], "share"].sum())
        reached = int(rows["reachable"].sum())
        band = Band(
            1 - own, even=1 - 1 / max(1, reached), undefined="band: clips are averaged in the measure"
        )
        by_place[str(block)] = band
    return Line("reach", CLIPS, "", by_place, _average_stages(by_place, places))


def _average_stages(bands: Mapping[str, Band], places: Places) -> dict[int, Band]:
    """Means over the places of a stage, without bands: places see the same clips."""
    found = {}
    for stage in sorted(set(places.stages.values())):
        inside = [band for name, band in bands.items() if places.stages.get(name) == stage]
        values = [(band.value, band.even) for band in inside if band.value == band.value]
        if values:
            value, even = (float(np.mean(column)) for column in zip(*values, strict=True))
            found[stage] = Band(value, even=even, undefined="band: places of a stage see the same clips")
    return found


def list_answers(order: pd.DataFrame, chance: float, temporality: Interval | None) -> Iterator[Line]:
    """How often the network is right in order and in reverse, and how much of that needs order."""
    for measure, condition in ((IN_ORDER, "in-order"), (IN_REVERSE, "reversed")):
        rows = order[order["condition"] == condition]
        for row in rows.to_dict("records"):
            ends = (row["accuracy"], row["accuracy_low"], row["accuracy_high"])
            yield Line(measure, CLIPS, "", network=Band(*ends, even=chance))
    if temporality is not None:
        band = Band(temporality.value, temporality.low, temporality.high, even=0.0)
        yield Line(TEMPORALITY, CLIPS, "", network=band)
