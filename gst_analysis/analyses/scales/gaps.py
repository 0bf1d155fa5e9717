"""Does time differ from space, layer by layer, within each checkpoint?

Enters a BN_SCALES table; leaves BLOCK_GAPS and, for each checkpoint, in how many layers they differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

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
    """Time against space in every layer of every checkpoint of a BN_SCALES table."""
    frame = table.assign(value=scale_values(table, absolute=absolute))
    parts = [_gaps_of(rows) for _, rows in frame.groupby("checkpoint", sort=False)]
    return check(pd.concat(parts, ignore_index=True)[list(BLOCK_GAPS.columns)], BLOCK_GAPS)


def count_gaps(gaps: pd.DataFrame) -> dict[str, GapCounts]:
    """In how many layers of each checkpoint time lies above or below space by more than chance."""
    return {str(name): _count(rows) for name, rows in gaps.groupby("checkpoint", sort=False)}


def _count(rows: pd.DataFrame) -> GapCounts:
    sure = find_sure(rows)
    return GapCounts(
        layers=len(rows),
        tested=int(rows["auc_p"].notna().sum()),
        temporal_above=int((sure & (rows["auc"] > 0.5)).sum()),
        temporal_below=int((sure & (rows["auc"] < 0.5)).sum()),
        undefined=tuple(dict.fromkeys(reason for reason in rows["undefined"] if reason)),
    )


def _gaps_of(rows: pd.DataFrame) -> pd.DataFrame:
    layers = list(dict.fromkeys(rows["layer"]))
    found = []
    for layer, part in rows.groupby("layer", sort=False):
        place = layers.index(layer) / max(1, len(layers) - 1)
        groups = {str(g): members for g, members in part.groupby("group", sort=False)}
        first = part.iloc[0]
        found.append(
            {
                **{name: first[name] for name in ("checkpoint", "stage", "block", "layer")},
                "depth": place,
                **{f"{g}_n": len(groups.get(g, ())) for g in ("spatial", "temporal")},
                **_gap_between(groups),
            }
        )
    return correct_p_values(pd.DataFrame(found))


def _gap_between(groups: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    if set(groups) != {"spatial", "temporal"}:
        effects = ("gap", "gap_low", "gap_high", "wasserstein", "ks", "ks_p", "auc", "auc_p")
        return {
            **dict.fromkeys(effects, float("nan")),
            "undefined": NO_GROUPS if "all" in groups else NO_CHANNELS,
        }
    temporal, spatial = groups["temporal"], groups["spatial"]
    related = bool(set(temporal["channel"]) & set(spatial["channel"]))
    found = compare_samples(temporal["value"].to_numpy(), spatial["value"].to_numpy(), related=related)
    return dict(vars(found))
