"""Does time differ from space, or one pathway from the other, layer by layer, within each checkpoint?

Enters a BN_SCALES table; leaves BLOCK_GAPS and, for each checkpoint, in how many layers they differ. Where
two groups never leave one norm they are compared where they meet: in the norms of a block, as in P3D and
R(2+1)D, or only in those of a stage, as the pathways of SlowFast.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

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
from gst_analysis.tables.columns import Columns, Table

if TYPE_CHECKING:
    import pandas as pd


def tabulate_gaps(table: Table, *, absolute: bool = False) -> pd.DataFrame:
    """One group against another wherever both are, for every checkpoint of a BN_SCALES table."""
    return collect_gaps(table, absolute=absolute).to_frame()


def collect_gaps(table: Table, *, absolute: bool = False) -> Columns:
    """BLOCK_GAPS as columns."""
    columns = Columns.of(table)
    valued = columns.assign(value=scale_values(columns, absolute=absolute))
    parts = [_gaps_of(rows) for _, rows in valued.split("checkpoint")]
    return check(Columns.join(parts).choose(list(BLOCK_GAPS.columns)), BLOCK_GAPS)


def count_gaps(gaps: Table) -> dict[str, GapCounts]:
    """In how many layers of each checkpoint time lies above or below space by more than chance."""
    return {str(name): _count(rows) for name, rows in Columns.of(gaps).split("checkpoint")}


def _count(rows: Columns) -> GapCounts:
    sure = find_sure(rows)
    pair = {name: str(rows[name][0]) for name in ("group", "against", "level")}
    if pair["level"] == "layer" and len(set(rows["block"].tolist())) == len(rows):
        pair["level"] = "block"  # as everything else that is said of a block with one such norm calls it
    return GapCounts(
        layers=len(rows),
        tested=int((~np.isnan(rows["auc_p"])).sum()),
        above=int((sure & (rows["auc"] > 0.5)).sum()),
        below=int((sure & (rows["auc"] < 0.5)).sum()),
        undefined=tuple(dict.fromkeys(reason for reason in rows["undefined"].tolist() if reason)),
        **pair,
    )


def find_gaps(table: Table, gaps: Table) -> dict[tuple[str, str], dict[Any, Any]]:
    """For each checkpoint and norm of a BN_SCALES table its row of BLOCK_GAPS: the norm's, or its block's."""
    rows = {(row["checkpoint"], row["layer"]): row for row in Columns.of(gaps).to_rows()}
    found: dict[tuple[str, str], dict[Any, Any]] = {}
    for name, part in Columns.of(table).split("checkpoint"):
        places = dict(zip(part["layer"].tolist(), find_meetings(part).place, strict=True))
        found |= {(str(name), str(layer)): rows[str(name), place] for layer, place in places.items()}
    return found


def _gaps_of(rows: Columns) -> Columns:
    meetings = find_meetings(rows)
    places = list(dict.fromkeys(meetings.place))
    found = []
    for place, part in rows.split_by(meetings.place.tolist()):
        groups = {str(group): members for group, members in part.split("group")}
        found.append(
            {
                **{name: part[name][0] for name in ("checkpoint", "stage")},
                "block": place if meetings.level == "stage" else part["block"][0],
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
    return correct_p_values(Columns.from_rows(found))


def _gap_between(groups: Mapping[str, Columns], meetings: Meetings) -> dict[str, Any]:
    if not {meetings.group, meetings.against} <= set(groups):
        effects = ("gap", "gap_low", "gap_high", "wasserstein", "ks", "ks_p", "auc", "auc_p")
        return {
            **dict.fromkeys(effects, float("nan")),
            "undefined": NO_GROUPS if "all" in groups else NO_CHANNELS,
        }
    ours, theirs = groups[meetings.group], groups[meetings.against]
    related = meetings.level == "layer" and not set(ours["channel"].tolist()).isdisjoint(
        theirs["channel"].tolist()
    )
    found = compare_samples(ours["value"], theirs["value"], related=related)
    return dict(vars(found))


def _share_channels(ours: Columns, theirs: Columns) -> bool:
    return not set(ours["channel"].tolist()).isdisjoint(theirs["channel"].tolist())
