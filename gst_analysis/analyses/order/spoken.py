"""What the figures of order show, in words: one function a figure, made from its table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gst_analysis.analyses.order.table import FrameOrder
from gst_analysis.numbers import show_share_interval
from gst_analysis.tables.picking import find_largest, find_least


def say_figures(result: FrameOrder) -> dict[str, str]:
    """Every figure by its name."""
    told = {result.stem: say_order(result.table)}
    if result.classes["temporality"].notna().any():
        told["order_classes"] = say_classes(result.classes)
    return told


def say_order(table: pd.DataFrame) -> str:
    """How often clips are right in order, and in which other order least.

    Args:
        table: an ORDER table.
    """
    (first,) = table.iloc[:1].to_dict("records")
    others = table.iloc[1:].dropna(subset="accuracy")
    told = f"Clips that are right, by the order of their frames: {_say(first)}"
    if others.empty:
        return f"{told}."
    worst = find_least(others, "accuracy")
    return f"{told}; least {_say(worst)}."


def _say(row: Mapping[Any, Any]) -> str:
    share = show_share_interval(row["accuracy"], row["accuracy_low"], row["accuracy_high"])
    return f"{row['shown']} {share}"


def say_classes(classes: pd.DataFrame) -> str:
    """Which class needs the order of frames most, and which least.

    Args:
        classes: an ORDER_CLASSES table.
    """
    known = classes.dropna(subset="temporality")
    if known.empty:
        return (
            f"How much of each of {len(classes)} classes' accuracy needs the order of frames: none is told."
        )
    ends = (find(known, "temporality") for find in (find_largest, find_least))
    most, least = (
        f"“{row['label']}” "
        f"{show_share_interval(row['temporality'], row['temporality_low'], row['temporality_high'])}"
        for row in ends
    )
    return f"How much of each class's accuracy needs the order of frames: most {most}, least {least}."
