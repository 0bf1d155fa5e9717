"""What the figures of temporal use show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.temporal_use.table import TemporalUse
from gst_analysis.numbers import show_interval, show_real, show_share
from gst_analysis.tables.picking import find_largest, split_by

_MOST = 8


def say_figures(result: TemporalUse) -> dict[str, str]:
    """Every figure by its name."""
    told = {result.stem: say_filters(result.table, result.show), "kernel_use": say_kernels(result.kernels)}
    return told if result.heads is None else {**told, "head_use": say_heads(result.heads)}


def say_filters(table: pd.DataFrame, show: str) -> str:
    """The median of what is drawn of all filters, by checkpoint.

    Args:
        table: a TEMPORAL_USE table.
        show: which column is drawn.
    """
    medians = table.groupby("checkpoint", sort=False)[show].median()
    parts = [f"{name} {show_real(value)}" for name, value in medians.items()]
    return f"Histograms of {len(table):,} filters, {show}; medians: {'; '.join(parts[:_MOST])}."


def say_kernels(kernels: pd.DataFrame) -> str:
    """In which kernel of each checkpoint most of the energy differs between frames.

    Args:
        kernels: a KERNEL_USE table.
    """
    parts = []
    for name, rows in split_by(kernels.dropna(subset="varying"), "checkpoint"):
        row = find_largest(rows, "varying")
        ends = show_interval(row["low"], row["high"])
        parts.append(f"{name} most in {row['layer']}, {show_real(row['varying'])} (by chance {ends})")
    told = "; ".join(parts[:_MOST]) or "0 are known"
    return f"How much of {len(kernels)} kernels' energy differs between frames: {told}."


def say_heads(heads: pd.DataFrame) -> str:
    """Which head attends most to other frames.

    Args:
        heads: a HEAD_USE table.
    """
    row = find_largest(heads, "off_frame")
    return (
        f"Attention of {len(heads)} heads on other frames. Most: {row['layer']}, head {row['head']} of "
        f"{row['checkpoint']}, {show_share(row['off_frame'])}; if all were read alike "
        f"{show_share(row['even'])}."
    )
