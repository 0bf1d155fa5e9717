"""What the figures of an ablation show, in words: one function a figure, made from its table."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from gst_analysis.analyses.ablation.table import Ablation
from gst_analysis.analyses.ablation.words import MEASURES, say_worst
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.tables.picking import find_largest

_SETS = {
    "ablation_together": ("network", "stage"),
    "ablation_pairs": ("pair",),
    "ablation_greedy": ("greedy",),
}


def say_figures(result: Ablation) -> dict[str, str]:
    """Every figure by its name."""
    told = {result.stem: say_ablation(result.table, result.measure)}
    for name, rows in split_sets(result.joint):
        told[name] = say_together(rows)
    if result.shares is not None:
        told["ablation_shares"] = say_shares(result.shares, result.measure)
    if result.heads is not None:
        told["ablation_heads"] = say_heads(result.heads, result.measure)
    return told


def split_sets(joint: pd.DataFrame | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """The sets of a JOINT table that are drawn together, by the name of their figure."""
    if joint is not None:
        for name, sets in _SETS.items():
            rows = joint[joint["kind"].isin(sets)]
            if len(rows):
                yield name, rows


def say_ablation(table: pd.DataFrame, measure: str) -> str:
    """Which change of one group in one block costs most."""
    return f"{MEASURES[measure][0].capitalize()}, block by block. {say_worst(table, measure)}"


def say_together(joint: pd.DataFrame) -> str:
    """Which groups cost most together, and by how much more than alone."""
    row = find_largest(joint, "loss_rise")
    rise, more = show_real(row["loss_rise"]), show_real(row["loss_rise_beyond"])
    ends = show_interval(row["loss_rise_beyond_low"], row["loss_rise_beyond_high"])
    return (
        f"Groups changed together, {len(joint)} sets. Most is lost with {row['set']}: the cross entropy "
        f"rises by {rise}, {more} ({ends}) beyond the sum of what each costs alone."
    )


def say_shares(shares: pd.DataFrame, measure: str) -> str:
    """Whose share of what all groups cost is largest."""
    words, scale = MEASURES[measure]
    row = find_largest(shares, measure)
    ends = show_interval(scale * row[f"{measure}_low"], scale * row[f"{measure}_high"])
    where = " ".join(str(row[name]) for name in ("block", "group") if str(row[name])) or str(row["level"])
    value = show_real(scale * row[measure])
    return f"Shares of what all groups cost together ({words}). The largest: {where}, {value} ({ends})."


def say_heads(heads: pd.DataFrame, measure: str) -> str:
    """Which head of attention costs most."""
    words, scale = MEASURES[measure]
    row = find_largest(heads, measure)
    value, low, high = (scale * float(str(row[f"{measure}{end}"])) for end in ("", "_low", "_high"))
    return (
        f"Heads of attention by layer, {len(heads)} changes: {words}. Most is lost in {row['layer']}, head "
        f"{row['head']}: {show_real(value)} ({show_interval(low, high)})."
    )
