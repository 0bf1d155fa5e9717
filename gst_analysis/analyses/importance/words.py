"""How often γ and the score that no rescaling moves point the same way, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd


def say_where_scores_part(groups: pd.DataFrame) -> dict[str, str]:
    """A sentence a checkpoint: in how many blocks both scores put the same group above the other.

    Checkpoints of which no place has both ratios are left out.

    Args:
        groups: a GROUP_IMPORTANCE table.
    """
    told = {}
    for name, rows in groups.groupby("checkpoint", sort=False):
        part = rows[rows["source"] == ("measured" if (rows["source"] == "measured").any() else "closed form")]
        ratios = part.pivot_table(index="layer", columns="score", values="log2_ratio", sort=False)
        if not {"abs_gamma", "invariant"} <= set(ratios.columns):
            continue
        both = ratios[["abs_gamma", "invariant"]].dropna()
        alike = int((np.sign(both["abs_gamma"]) == np.sign(both["invariant"])).sum())
        group, above = part["group"].iloc[0], int((both["invariant"] > 0).sum())
        own = part.drop_duplicates("layer")["block"]
        kind = "block" if own.is_unique else "place"
        told[str(name)] = (
            f"by the invariant score {group} channels stand higher in {above} of {len(both)} {kind}s; raw γ "
            f"puts the same side higher in {alike} of the {len(both)}"
        )
    return told
