"""What Figure 4 and its gaps show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.scales.table import BnScales, scale_values
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.tables.picking import find_farthest, split_by

_MOST = 12


def say_figures(result: BnScales) -> dict[str, str]:
    """Every figure by its name."""
    return {result.stem: say_bn_scales(result.table, absolute=result.absolute)}


def say_bn_scales(table: pd.DataFrame, *, absolute: bool = False) -> str:
    """Medians of each group in each checkpoint, and where time's and space's lie farthest apart.

    Args:
        table: a BN_SCALES table.
        absolute: whether |γ| is drawn.
    """
    values = table.assign(value=scale_values(table, absolute=absolute))
    scale, told = "|γ|" if absolute else "γ", []
    for name, rows in split_by(values, "checkpoint"):
        whole = rows.groupby("group", sort=False)["value"].median()
        parts = ", ".join(f"{group} {show_real(value)}" for group, value in whole.items())
        told.append(f"{name}: median {scale} {parts}{_say_widest(rows)}")
    blocks = table["block"].nunique()
    return f"Histograms of {scale} by group, {blocks} blocks. {'; '.join(told[:_MOST])}."


def _say_widest(rows: pd.DataFrame) -> str:
    """The block in which time's median is farthest from space's; empty where they do not meet."""
    medians = rows.groupby(["block", "group"], sort=False)["value"].median().unstack()
    if not {"spatial", "temporal"} <= set(medians.columns):
        return ""
    gaps = (medians["temporal"] - medians["spatial"]).dropna().rename("gap").reset_index()
    if gaps.empty:
        return ""
    widest = find_farthest(gaps, "gap")
    return f", widest gap in {widest['block']}, time minus space {show_real(widest['gap'])}"


def say_gaps(gaps: pd.DataFrame) -> str:
    """Where two groups lie farthest apart, of all checkpoints."""
    heading = f"Gap between the medians of γ by block, of {gaps['checkpoint'].nunique()} checkpoints"
    known = gaps.dropna(subset="gap")
    if known.empty:
        return f"{heading}: not defined in any of {len(gaps)} places."
    row = find_farthest(known, "gap")
    ends = show_interval(row["gap_low"], row["gap_high"])
    interval = f" ({ends})" if row["gap_low"] == row["gap_low"] else ""
    return (
        f"{heading}. The widest: {row['checkpoint']} in {row['block']}, {row['group']} minus "
        f"{row['against']} {show_real(row['gap'])}{interval}."
    )
