"""What the figure of slimming shows, in words, made from its tables."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.slimming.table import Slimming
from gst_analysis.analyses.slimming.verdict import say_which_rule_wins
from gst_analysis.numbers import show_share_interval
from gst_analysis.tables.picking import find_least


def say_figures(result: Slimming) -> dict[str, str]:
    """Every figure by its name."""
    return {result.stem: say_slimming(result.table, result.curve)}


def say_slimming(widths: pd.DataFrame, curve: pd.DataFrame | None) -> str:
    """How many channels of each group are left, where fewest, and what accuracy costs.

    Args:
        widths: a SLIM_WIDTHS table of one checkpoint.
        curve: its SLIM_CURVE table, if there is one.
    """
    sums = widths.groupby("group", sort=False)[["before", "after"]].sum()
    parts = [f"{group} {row['after']} of {row['before']}" for group, row in sums.to_dict("index").items()]
    row = find_least(widths.assign(left=widths["after"] / widths["before"]), "left")
    told = (
        f"Channels left by group: {', '.join(parts)}; fewest in {row['block']}, {row['group']} channels, "
        f"{row['after']} of {row['before']}."
    )
    return told if curve is None else f"{told} {_say_curve(curve)} {say_which_rule_wins(curve)}"


def _say_curve(curve: pd.DataFrame) -> str:
    """Accuracy of the whole network, and of the smallest by score."""
    rows = curve[curve["method"] == "score"].sort_values("macs_share", ascending=False)
    whole, least = rows.iloc[0], rows.iloc[-1]
    shares = [
        show_share_interval(row["accuracy"], row["accuracy_low"], row["accuracy_high"])
        for row in (whole, least)
    ]
    return (
        f"Accuracy goes from {shares[0]} of the whole network to {shares[1]} at {least['macs_share']:.0%} "
        "of the multiply-adds, lowest scores first."
    )
