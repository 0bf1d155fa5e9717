"""What the figures of accuracy show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.evaluation.table import ModelEvaluation
from gst_analysis.numbers import show_share_interval
from gst_analysis.tables.picking import find_largest, find_least


def say_figures(result: ModelEvaluation) -> dict[str, str]:
    """Every figure by its name."""
    return {"confusion": say_confusion(result.confusion)}


def say_confusion(table: pd.DataFrame) -> str:
    """How many clips are right, and which class is most often taken for which other.

    Args:
        table: a CONFUSION table.
    """
    right = table["true_id"] == table["predicted_id"]
    clips, good = int(table["clips"].sum()), int(table.loc[right, "clips"].sum())
    told = f"Confusion matrix: {good} of {clips} clips are right."
    wrong = table[~right & (table["clips"] > 0)]
    if wrong.empty:
        return f"{told} No class is taken for another."
    row = find_largest(wrong, "share")
    return (
        f"{told} Most often confused: “{row['true_label']}” is taken for “{row['predicted_label']}” in "
        f"{row['share']:.0%} of its clips ({row['clips']})."
    )


def say_classes(table: pd.DataFrame) -> str:
    """The class that is right least often, and the one that is right most often.

    Args:
        table: a CLASS_ACCURACY table.
    """
    known = table.dropna(subset="accuracy")
    if known.empty:
        return f"Accuracy of {len(table)} classes; none has clips."
    if len(known) > 1 and known["accuracy"].nunique() == 1:
        return (
            f"Share of clips that are right: {known['accuracy'].iloc[0]:.1%} in each of {len(known)} classes."
        )
    ends = (find(known, "accuracy") for find in (find_least, find_largest))
    worst, best = (
        f"“{row['label']}” {show_share_interval(row['accuracy'], row['accuracy_low'], row['accuracy_high'])}"
        for row in ends
    )
    return f"Share of clips that are right, class by class: least {worst}, most {best}."
