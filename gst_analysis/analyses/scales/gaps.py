"""Does time differ from space, or one pathway from the other, layer by layer, within each checkpoint?

Enters a BN_SCALES table; leaves BLOCK_GAPS and, for each checkpoint, in how many layers they differ. Where
two groups never leave one norm they are compared where they meet: in the norms of a block, as in P3D and
R(2+1)D, or only in those of a stage, as the pathways of SlowFast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gst_analysis.analyses.scales.meetings import Meetings, find_meetings
from gst_analysis.analyses.scales.samples import compare_samples, correct_p_values
from gst_analysis.analyses.scales.table import (
    BLOCK_GAPS,
    NO_CHANNELS,
    NO_GROUPS,
    GapCounts,
    find_sure,
    scale_values,
)
from gst_analysis.tables import check


def tabulate_gaps(table: pd.DataFrame, *, absolute: bool = False) -> pd.DataFrame:
    """One group against another wherever both are, for every checkpoint of a BN_SCALES table."""
    frame = table.assign(value=scale_values(table, absolute=absolute))
    parts = [_gaps_of(rows) for _, rows in frame.groupby("checkpoint", sort=False)]
    return check(pd.concat(parts, ignore_index=True)[list(BLOCK_GAPS.columns)], BLOCK_GAPS)


def count_gaps(gaps: pd.DataFrame) -> dict[str, GapCounts]:
    """In how many layers of each checkpoint time lies above or below space by more than chance."""
    return {str(name): _count(rows) for name, rows in gaps.groupby("checkpoint", sort=False)}


def _count(rows: pd.DataFrame) -> GapCounts:
    sure, first = find_sure(rows), rows.iloc[0]
    return GapCounts(
        layers=len(rows),
        tested=int(rows["auc_p"].notna().sum()),
        above=int((sure & (rows["auc"] > 0.5)).sum()),
        below=int((sure & (rows["auc"] < 0.5)).sum()),
        undefined=tuple(dict.fromkeys(reason for reason in rows["undefined"] if reason)),
        **{name: str(first[name]) for name in ("group", "against", "level")},
    )


def find_gaps(table: pd.DataFrame, gaps: pd.DataFrame) -> dict[tuple[str, str], dict[Any, Any]]:
    """For each checkpoint and norm of a BN_SCALES table its row of BLOCK_GAPS: the norm's, or its block's."""
    rows = {(row["checkpoint"], row["layer"]): row for row in gaps.to_dict("records")}
    found: dict[tuple[str, str], dict[Any, Any]] = {}
    for name, part in table.groupby("checkpoint", sort=False):
        places = dict(zip(part["layer"], find_meetings(part).place, strict=True))
        found |= {(str(name), str(layer)): rows[str(name), place] for layer, place in places.items()}
    return found


def _gaps_of(rows: pd.DataFrame) -> pd.DataFrame:
    meetings = find_meetings(rows)
    places = list(dict.fromkeys(meetings.place))
    found = []
    for place, part in rows.groupby(meetings.place, sort=False):
        groups = {str(g): members for g, members in part.groupby("group", sort=False)}
        first = part.iloc[0]
        found.append(
            {
                **{name: first[name] for name in ("checkpoint", "stage")},
                "block": place if meetings.level == "stage" else first["block"],
                "layer": place,
                "level": meetings.level,
                "depth": places.index(place) / max(1, len(places) - 1),
                "group": meetings.group,
                "against": meetings.against,
                "n": len(groups.get(meetings.group, ())),
                "against_n": len(groups.get(meetings.against, ())),
                **_gap_between(groups, meetings),
            }
        )
    return correct_p_values(pd.DataFrame(found))


def _gap_between(groups: Mapping[str, pd.DataFrame], meetings: Meetings) -> dict[str, Any]:
    if not {meetings.group, meetings.against} <= set(groups):
        effects = ("gap", "gap_low", "gap_high", "wasserstein", "ks", "ks_p", "auc", "auc_p")
        return {
            **dict.fromkeys(effects, float("nan")),
            "undefined": NO_GROUPS if "all" in groups else NO_CHANNELS,
        }
    ours, theirs = groups[meetings.group], groups[meetings.against]
    related = meetings.level == "layer" and bool(set(ours["channel"]) & set(theirs["channel"]))
    found = compare_samples(ours["value"].to_numpy(), theirs["value"].to_numpy(), related=related)
    return dict(vars(found))
