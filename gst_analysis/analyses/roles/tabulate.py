"""Sums over scenes -> CHANNEL_ROLES and ROLE_SUMS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gst_analysis.analyses.roles.pairs import PairSums, name_pair_roles, set_against_residual
from gst_analysis.analyses.roles.responses import Part
from gst_analysis.analyses.roles.table import (
    CHANCE,
    CHANNEL_ROLES,
    DYNAMIC,
    JOINT,
    NEITHER,
    PARTS,
    REST,
    ROLE_SUMS,
    ROLES,
    STATIC,
)
from gst_analysis.analyses.roles.variance import Reals, Variances, find_ends
from gst_analysis.tables import check

Words = npt.NDArray[np.str_]
Places = npt.NDArray[np.intp]
_NULL = 95
"""Of a hundred permutations, how many give less than the null of a mean."""


@dataclass(frozen=True)
class LayerPart:
    """A group of channels in a layer, and where they lie among all channels."""

    part: Part
    own: Places
    """In the layer's output."""
    among: Places
    """Among the channels of all layers."""


@dataclass(frozen=True)
class Found:
    """What was found of every channel of every layer."""

    variances: Variances
    pairs: PairSums
    shares: Reals
    """(4, channels)."""
    without: Reals
    """The same without each scene in turn, (scenes, 4, channels)."""
    chance: Reals
    """(3, channels)."""
    correlations: Mapping[str, Reals]
    roles: Words
    pair_roles: Words

    @classmethod
    def of(cls, variances: Variances, pairs: PairSums, least: float) -> Found:
        """From the sums over all scenes; a share of at least `least` makes a role."""
        shares, without = variances.share()
        chance, correlations = variances.count_chance(), pairs.correlate(variances.varies)
        return cls(
            variances,
            pairs,
            shares,
            without,
            chance,
            correlations,
            name_roles(shares, chance, least),
            name_pair_roles(correlations[STATIC], correlations[DYNAMIC]),
        )


def name_roles(shares: Reals, chance: Reals, least: float) -> Words:
    """What channels see: shares (3 or more, channels) that are large enough and seldom are by chance."""
    look, motion, both = (shares[:3] >= least) & (chance <= CHANCE)
    return np.select([both | (look & motion), look, motion], [JOINT, STATIC, DYNAMIC], NEITHER)


def tabulate_channels(name: str, parts: Sequence[LayerPart], found: Found) -> pd.DataFrame:
    """One row a channel: a CHANNEL_ROLES table."""
    low, high = find_ends(found.shares, found.without)
    tables = []
    for one in parts:
        at = one.among
        columns: dict[str, Any] = {**_describe(name, one.part), "channel": one.own}
        columns |= {part: found.shares[i, at] for i, part in enumerate((*PARTS, REST))}
        for i, part in enumerate(PARTS):
            columns |= {f"{part}_low": low[i, at], f"{part}_high": high[i, at]}
        columns |= {f"{part}_p": found.chance[i, at] for i, part in enumerate(PARTS)}
        columns["role"] = found.roles[at]
        columns |= {f"pair_{kind}": found.correlations[kind][at] for kind in (STATIC, DYNAMIC, NEITHER)}
        columns["pair_role"] = found.pair_roles[at]
        tables.append(pd.DataFrame(columns))
    whole = pd.concat(tables, ignore_index=True)
    return check(whole[list(CHANNEL_ROLES.columns)], CHANNEL_ROLES)


def tabulate_sums(name: str, parts: Sequence[LayerPart], found: Found) -> pd.DataFrame:
    """One row a group of a layer: a ROLE_SUMS table."""
    rows = [{**_describe(name, one.part), **_sum(one.among, found)} for one in parts]
    return check(pd.DataFrame(rows, columns=list(ROLE_SUMS.columns)), ROLE_SUMS)


def _describe(name: str, part: Part) -> dict[str, Any]:
    return {
        "checkpoint": name,
        "kind": part.kind,
        "stage": part.stage,
        "block": part.block,
        "layer": part.layer,
        "group": part.group,
    }


def _sum(at: Places, found: Found) -> dict[str, Any]:
    shares, without = average_channels(found, at)
    low, high = find_ends(shares, without)
    chance = average(found.variances.share_chance(at))
    null = np.percentile(chance, _NULL, axis=0)
    scores = found.pairs.score_layer(at)
    softmax = set_against_residual(scores[STATIC], scores[DYNAMIC])
    row: dict[str, Any] = {"channels": len(at), "silent": int((~found.variances.varies[at]).sum())}
    row |= {part: float(shares[i]) for i, part in enumerate((*PARTS, REST))}
    for i, part in enumerate(PARTS):
        row |= {f"{part}_low": float(low[i]), f"{part}_high": float(high[i]), f"{part}_null": float(null[i])}
    row |= {f"{role}_channels": int((found.roles[at] == role).sum()) for role in ROLES}
    row |= {f"pair_{role}_channels": int((found.pair_roles[at] == role).sum()) for role in ROLES}
    row |= {f"pair_{kind}": scores[kind] for kind in (STATIC, DYNAMIC)}
    return row | dict(zip(("softmax_static", "softmax_dynamic", "softmax_rest"), softmax, strict=True))


def average_channels(found: Found, at: Places) -> tuple[Reals, Reals]:
    """Mean shares of some channels (4,), and without each scene in turn (scenes, 4)."""
    return average(found.shares[:, at]), average(found.without[..., at])


def average(shares: Reals) -> Reals:
    """The mean over the last axis of what is defined; NaN of nothing."""
    known = np.isfinite(shares)
    count = known.sum(-1)
    total = np.where(known, shares, 0).sum(-1)
    return np.asarray(np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0))
