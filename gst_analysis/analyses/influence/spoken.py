"""What the figure of influence shows, in words, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.influence.table import FrameInfluence


def say_figures(result: FrameInfluence) -> dict[str, str]:
    """Every figure by its name."""
    return {result.stem: say_influence(result.table, result.receptive_fields)}


def say_influence(table: pd.DataFrame, fields: pd.DataFrame | None = None) -> str:
    """A frame's own share of its logit by every method, and how far the last block sees.

    Args:
        table: an INFLUENCE table.
        fields: its RECEPTIVE_FIELDS, where they are drawn.
    """
    own = table[table["output_frame"] == table["input_frame"]]
    parts = [f"{rows['share'].mean():.0%} by {method}" for method, rows in own.groupby("method", sort=False)]
    frames = table["output_frame"].nunique()
    told = f"Shares of input frames in each of {frames} frames' logits. A frame's own share, on average: "
    told += f"{', '.join(parts)}." if parts else "not defined."
    return told if fields is None or fields.empty else f"{told} {say_blocks(fields)}"


def say_blocks(fields: pd.DataFrame) -> str:
    """How far the last block sees by arithmetic."""
    last = fields.iloc[-1]
    return f"By arithmetic {last['block']} reaches {last['half_width']} frames back and forth."
