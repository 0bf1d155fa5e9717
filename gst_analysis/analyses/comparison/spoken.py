"""What the figures of a comparison show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.comparison.table import ScaleComparison
from gst_analysis.analyses.scales.spoken import say_gaps
from gst_analysis.numbers import show_real
from gst_analysis.tables.picking import find_largest, split_by


def say_figures(result: ScaleComparison) -> dict[str, str]:
    """Every figure by its name."""
    return {
        "gaps": say_gaps(result.table),
        "overlays": say_overlays(result.scales, result.differences),
        "ridgelines": say_ridgelines(result.scales),
    }


def say_overlays(scales: pd.DataFrame, differences: pd.DataFrame) -> str:
    """How many scales are laid over each other, their medians, and which two sets lie farthest apart."""
    medians = scales.groupby("group", sort=False)["gamma"].median()
    parts = ", ".join(f"{group} channels {show_real(value)}" for group, value in medians.items())
    told = f"Cumulative shares of {len(scales):,} scales; medians of γ over all checkpoints: {parts}."
    known = differences.dropna(subset="wasserstein")
    if known.empty:
        return told
    row = find_largest(known, "wasserstein")
    return (
        f"{told} Farthest from {row['reference']} is {row['checkpoint']} in {row['block']}, {row['group']} "
        f"channels: by {show_real(row['wasserstein'])}."
    )


def say_ridgelines(scales: pd.DataFrame) -> str:
    """The median of each checkpoint and group over all stages."""
    parts = [
        f"{name} channels {show_real(rows['gamma'].median())}"
        for name, rows in split_by(scales, "checkpoint", "group")
    ]
    return f"Scales of every stage, a ridge a checkpoint. Medians of γ: {'; '.join(parts[:12])}."
