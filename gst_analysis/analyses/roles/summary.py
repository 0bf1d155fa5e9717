"""Shares of channels -> what groups see by depth, and by how much one sees more than the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from gst_analysis.analyses.roles.table import (
    PARTS,
    ROLES,
    GroupRoles,
    RoleGap,
    RoleOptions,
    RolesSummary,
    Share,
)
from gst_analysis.analyses.roles.tabulate import Found, LayerPart, average, average_channels
from gst_analysis.analyses.roles.variance import Reals, find_ends
from gst_analysis.groups import find_pair

Means = tuple[Reals, Reals]
"""Mean shares (4,), and without each scene in turn (scenes, 4)."""


def summarise_roles(
    parts: Sequence[LayerPart],
    found: Found,
    layers: pd.DataFrame,
    *,
    options: RoleOptions,
    clips: int,
    orders: int,
) -> RolesSummary:
    """What each group sees, over the network and by stage; layers count alike, whatever their width.

    Args:
        parts: groups of layers, in the order of the rows of `layers`.
        found: what was found of every channel.
        layers: ROLE_SUMS.
        options: what was rendered.
        clips: how many the network was shown.
        orders: in how many orders.
    """
    means = [average_channels(found, one.among) for one in parts]
    stages = [0, *sorted({one.part.stage for one in parts})]
    return RolesSummary(
        clips,
        options.scenes,
        orders,
        options.least,
        tuple(one for stage in stages for one in _list_groups(layers, means, stage)),
        tuple(one for stage in stages for one in _list_gaps(parts, means, stage)),
    )


def _list_groups(layers: pd.DataFrame, means: Sequence[Means], stage: int) -> Iterator[GroupRoles]:
    some = layers if stage == 0 else layers[layers["stage"] == stage]
    for (kind, group), rows in some.groupby(["kind", "group"], sort=False):
        shares, without = _combine([means[at] for at in rows.index])
        static, dynamic, joint = _list_shares(shares, without)
        yield GroupRoles(
            str(kind),
            str(group),
            stage,
            int(rows["channels"].sum()),
            int(rows["silent"].sum()),
            static,
            dynamic,
            joint,
            _known(shares[3]),
            {role: int(rows[f"{role}_channels"].sum()) for role in ROLES},
            {role: int(rows[f"pair_{role}_channels"].sum()) for role in ROLES},
        )


def _list_gaps(parts: Sequence[LayerPart], means: Sequence[Means], stage: int) -> Iterator[RoleGap]:
    """The pair of groups that the network has, over the blocks that have both."""
    pair = find_pair({one.part.group for one in parts})
    if pair is None:
        return
    blocks: dict[str, dict[str, list[Means]]] = {}
    for one, mean in zip(parts, means, strict=True):
        if stage in (0, one.part.stage):
            blocks.setdefault(one.part.block, {}).setdefault(one.part.group, []).append(mean)
    against, group = pair
    gaps = [
        _subtract(_combine(of_block[group]), _combine(of_block[against]))
        for of_block in blocks.values()
        if of_block.keys() >= {against, group}
    ]
    if gaps:
        static, dynamic, joint = _list_shares(*_combine(gaps), least=-1)
        yield RoleGap(str(group), str(against), stage, static, dynamic, joint)


def _subtract(one: Means, other: Means) -> Means:
    return one[0] - other[0], one[1] - other[1]


def _combine(means: Sequence[Means]) -> Means:
    """The mean over layers of what is defined."""
    whole, without = (np.stack(one, axis=-1) for one in zip(*means, strict=True))
    return average(whole), average(without)


def _list_shares(shares: Reals, without: Reals, *, least: float = 0.0) -> list[Share]:
    low, high = find_ends(shares, without, least=least)
    return [Share(_known(shares[i]), _known(low[i]), _known(high[i])) for i in range(len(PARTS))]


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
