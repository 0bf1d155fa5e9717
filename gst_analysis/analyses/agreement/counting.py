"""How far the sum of γ over a group can differ from counting the group's channels, for one checkpoint.

Where γ has hardly moved from a start that is the same for all channels, a group's sum of γ is the number of
its channels times that start. Then γ foretells what counting foretells, whatever γ may mean.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from gst_analysis.analyses.agreement.table import GammaSpread
from gst_analysis.analyses.drift.starts import start_of_card
from gst_analysis.analyses.scales.measure import record_scales
from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.errors import SpecError
from gst_analysis.tables.ranks import correlate_ranks

FORCED = 0.9
"""From here on both rank groups so much alike that neither can do better than the other."""


def compare_with_counting(checkpoint: Checkpoint, channels: pd.DataFrame) -> GammaSpread:
    """The rank correlation of both over the groups, and how far γ has moved.

    Args:
        checkpoint: the network's.
        channels: its CHANNEL_SCORES.
    """
    sums = channels.groupby(["layer", "group"], sort=False)[["abs_gamma", "channels"]].sum()
    known = sums.dropna()
    spread = len(known) > 2 and bool((known.nunique() > 1).all())
    rho = correlate_ranks(known["abs_gamma"].to_numpy(), known["channels"].to_numpy()) if spread else None
    return GammaSpread(rho, _measure_move(checkpoint))


def _measure_move(checkpoint: Checkpoint) -> float | None:
    """Mean distance from the start, as a share of it; None where no start is known, or it is 0."""
    record = record_scales(checkpoint, checkpoint.name)
    try:
        start = start_of_card(record)
    except SpecError:
        return None
    rows = record.table.drop_duplicates(["layer", "channel"]).sort_values("channel")
    now = {str(layer): part["gamma"].to_numpy() for layer, part in rows.groupby("layer", sort=False)}
    known = [layer for layer in now if len(start.gammas.get(layer, ())) == len(now[layer])]
    if not known:
        return None
    began, ended = (np.concatenate([each[layer] for layer in known]) for each in (start.gammas, now))
    return float(np.abs(ended - began).mean() / np.abs(began).mean()) if np.abs(began).any() else None


def say_how_forced(found: Mapping[str, GammaSpread]) -> str:
    """In a sentence, over all checkpoints, what that means for γ; empty where nothing is known."""
    alike = [one.size_correlation for one in found.values() if one.size_correlation is not None]
    moves = [one.moved for one in found.values() if one.moved is not None]
    if not alike:
        return ""
    rho = np.mean(alike)
    text = f"the sum of a group's γ and its number of channels rank groups alike (Spearman {rho:.2f})"
    if moves:
        text += f", γ having moved by {np.mean(moves):.0%} of where it started"
    if rho >= FORCED:
        text += ": that it does no better than counting is nearly forced, and says little of γ where it moves"
    return text
