"""What the figures of drift show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.drift.table import Drift
from gst_analysis.numbers import show_real
from gst_analysis.style.names import name_block
from gst_analysis.tables.picking import find_largest, split_by


def say_figures(result: Drift) -> dict[str, str]:
    """Every figure by its name."""
    last = result.table["checkpoint"].iloc[-1]
    now, layers = (table[table["checkpoint"] == last] for table in (result.table, result.layers))
    told = {
        "drift": say_drift(layers, result.summary.tolerance),
        "start_against_now": say_start_against_now(now),
    }
    if result.layers["position"].nunique() > 1:
        told["gamma_over_training"] = told["drift_animation"] = say_series(result.layers)
    return told


def say_drift(layers: pd.DataFrame, tolerance: float) -> str:
    """How far each group has moved, how much of it has not, and where most has.

    Args:
        layers: DRIFT_LAYERS of one checkpoint.
        tolerance: part of its start within which a scale counts as unmoved.
    """
    parts = []
    for group, rows in split_by(layers, "group"):
        change = float((rows["change"] * rows["n"]).sum() / rows["n"].sum())
        still = rows["unmoved"].sum() / rows["n"].sum()
        parts.append(f"{group} channels by {show_real(change)}, {still:.0%} within {tolerance:.0%}")
    row = find_largest(layers, "change")
    return (
        f"How far γ moved from its start, on average: {'; '.join(parts)}. Most in "
        f"{name_block(row['layer'])}, {row['group']} channels: {show_real(row['change'])}."
    )


def say_start_against_now(table: pd.DataFrame) -> str:
    """How many channels stand higher now than at the start, and how far medians went."""
    parts = [
        f"{group} channels from {show_real(rows['start'].median())} to {show_real(rows['gamma'].median())}"
        for group, rows in split_by(table, "group")
    ]
    up, count = int((table["gamma"] > table["start"]).sum()), len(table)
    return f"γ of {count:,} channels now over γ at the start; {up:,} rose. Medians: {'; '.join(parts)}."


def say_series(layers: pd.DataFrame) -> str:
    """Medians of each group at the first and at the last checkpoint."""
    first, last = (layers[layers["position"] == at(layers["position"])] for at in (min, max))
    ends = [rows.groupby("group", sort=False)["median"].mean() for rows in (first, last)]
    parts = [
        f"{group} channels from {show_real(ends[0][group])} to {show_real(ends[1][group])}"
        for group in ends[0].index
    ]
    count = layers["position"].nunique()
    return f"γ of every block over {count} checkpoints. Median γ, mean over blocks: {'; '.join(parts)}."
