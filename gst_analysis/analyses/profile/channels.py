"""Tables of the other rooms -> the channels of one place: what each of them is, and what is known of it.

Enters what was measured, leaves PLACE_CHANNELS. pandas alone. A filter of a kernel over time is a channel of
the norm behind it where both are as many and follow in the same order, which is so wherever the kernels of a
group make the channels of that group.
"""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.profile.table import PLACE_CHANNELS
from gst_analysis.tables import check


def tabulate_channels(
    place: str,
    importance: pd.DataFrame,
    kernels: pd.DataFrame | None = None,
    *,
    roles: pd.DataFrame | None = None,
    ablation: pd.DataFrame | None = None,
    evidence: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """The channels of a place, those of the largest |γ| first: a PLACE_CHANNELS table.

    Args:
        place: the place's name; channels of blocks within it belong to it.
        importance: IMPORTANCE of one checkpoint.
        kernels: its TEMPORAL_USE.
        roles: its CHANNEL_ROLES, if they were measured.
        ablation: its ABLATION, if it was measured.
        evidence: its CHANNEL_EVIDENCE in one clip, if it was measured.
    """
    inside = importance[_find_inside(importance["block"], place)].assign(place=place)
    use = pd.Series(float("nan"), inside.index) if kernels is None else _match_filters(inside, kernels, place)
    found = inside.assign(temporal_use=use, group_loss=_find_losses(inside, ablation))
    if roles is None:
        found = found.assign(role="", dynamic=float("nan"))
    else:
        seen = roles[["layer", "channel", "role", "dynamic"]].drop_duplicates(["layer", "channel"])
        found = found.merge(seen, on=["layer", "channel"], how="left").fillna({"role": ""})
    if evidence is None:
        found = found.assign(evidence=float("nan"))
    else:
        worth = evidence.drop_duplicates(["layer", "channel"])[["layer", "channel", "evidence"]]
        found = found.merge(worth, on=["layer", "channel"], how="left")
    ordered = found.sort_values("gamma", key=abs, ascending=False, kind="stable").reset_index(drop=True)
    return check(ordered[list(PLACE_CHANNELS.columns)], PLACE_CHANNELS)


def lies_in(block: str, place: str) -> bool:
    """Whether a block is a place, or lies within it."""
    return block == place or block.startswith(f"{place}.")


def _find_inside(blocks: pd.Series, place: str) -> pd.Series:
    return blocks.map(lambda block: lies_in(block, place)).astype(bool)


def _match_filters(inside: pd.DataFrame, kernels: pd.DataFrame, place: str) -> pd.Series:
    """What of each channel's kernel varies between frames, for kernels with a filter a channel of a group."""
    use = pd.Series(float("nan"), inside.index)
    there = kernels[_find_inside(kernels["block"], place) & kernels["varying"].notna()]
    for _, filters in there.groupby("layer", sort=False):
        for group in ("temporal", "all"):
            own = inside[inside["group"] == group].sort_values(["layer", "channel"])
            if len(own) == len(filters) and own["layer"].nunique() == 1:
                use[own.index] = filters.sort_values("channel")["varying"].to_numpy(float)
    return use


def _find_losses(inside: pd.DataFrame, ablation: pd.DataFrame | None) -> pd.Series:
    """What averaging the whole group of each channel costs."""
    if ablation is None:
        return pd.Series(float("nan"), inside.index)
    rows = ablation[ablation["intervention"] == "mean"].drop_duplicates(["layer", "group"])
    losses = rows.set_index(["layer", "group"])["loss_rise"]
    keys = pd.MultiIndex.from_frame(inside[["layer", "group"]])
    return pd.Series(losses.reindex(keys).to_numpy(float), inside.index)
