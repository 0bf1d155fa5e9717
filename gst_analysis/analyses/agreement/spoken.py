"""What the figure of score agreement shows, in words, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.ablation.words import MEASURES, TITLES
from gst_analysis.analyses.agreement.table import ScoreAgreement
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.tables.picking import find_largest, find_least


def say_figures(result: ScoreAgreement) -> dict[str, str]:
    """Every figure by its name."""
    return {result.stem: say_score_agreement(result.table, result.measure, result.aggregate)}


def say_score_agreement(table: pd.DataFrame, measure: str, aggregate: str) -> str:
    """Which score foretells best what an ablation measures, and which worst.

    Args:
        table: a SCORE_AGREEMENT table.
        measure: accuracy_drop, logit_drop or loss_rise.
        aggregate: mean or sum of a group's channels.
    """
    rows = table[(table["measure"] == measure) & (table["aggregate"] == aggregate)].dropna(subset="spearman")
    heading = f"Rank correlation of each score with the {MEASURES[measure][0]}"
    if rows.empty:
        return f"{heading}: not defined for any of {len(table)} rows."
    best, worst = (find(rows, "spearman") for find in (find_largest, find_least))
    told = [
        f"{end} {row['score']} with {TITLES.get(str(row['intervention']), row['intervention'])}, "
        f"{show_real(row['spearman'])} ({show_interval(row['low'], row['high'])})"
        for end, row in (("highest", best), ("lowest", worst))
    ]
    return f"{heading}: {'; '.join(told)}."
