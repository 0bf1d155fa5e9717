"""What the figures of importance show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.importance.table import Importance
from gst_analysis.analyses.importance.words import say_where_scores_part
from gst_analysis.numbers import show_real
from gst_analysis.tables.picking import find_farthest, split_by


def say_figures(result: Importance) -> dict[str, str]:
    """Every figure by its name."""
    return {
        result.stem: say_importance(result.table, result.groups),
        "importance_ratio": say_ratios(result.groups),
    }


def say_importance(table: pd.DataFrame, groups: pd.DataFrame) -> str:
    """Medians of γ and of the invariant score, and where the two say different things.

    Args:
        table: an IMPORTANCE table.
        groups: its GROUP_IMPORTANCE.
    """
    measured = bool((table["source"] == "measured").any())
    shown = table[table["source"] == ("measured" if measured else "closed form")]
    parts = []
    for name, rows in split_by(shown, "checkpoint", "group"):
        gamma, score = rows["gamma"].median(), rows["invariant"].median()
        parts.append(f"{name} channels: γ {show_real(gamma)}, score {show_real(score)}")
    parted = " ".join(f"{words[:1].upper()}{words[1:]}." for words in say_where_scores_part(groups).values())
    heading = "Medians of γ and of the invariant score, block by block"
    return f"{heading}. Over all: {'; '.join(parts)}. {parted}".strip()


def say_ratios(groups: pd.DataFrame) -> str:
    """Where one group stands highest over the other by each score, in doublings.

    Args:
        groups: a GROUP_IMPORTANCE table.
    """
    heading = "How many times one group's median is the other's, block by block"
    parts = []
    for score, rows in split_by(groups.dropna(subset="log2_ratio"), "score"):
        row = find_farthest(rows, "log2_ratio")
        parts.append(
            f"{score} farthest from 1 in {row['block']} of {row['checkpoint']}, {row['group']} "
            f"{2 ** row['log2_ratio']:.2f} times {row['against']}"
        )
    return f"{heading}: {'; '.join(parts) or f'known in 0 of {len(groups)} rows'}."
