"""What is known of a network before anything is asked: a row a question, from weights and memory."""

from __future__ import annotations

import streamlit as st

from app import cached, cached_measurements
from app.columns import NetworkColumn
from app.wording import literal, say_undefined
from gst_analysis.analyses.ablation import Ablation
from gst_analysis.analyses.ablation.verdict import GapVerdict, compare_with_gap
from gst_analysis.analyses.drift import DriftOptions
from gst_analysis.analyses.importance.words import say_where_scores_part
from gst_analysis.analyses.scales.gaps import count_gaps
from gst_analysis.analyses.slimming.verdict import say_which_rule_wins
from gst_analysis.errors import GstError

QUESTIONS = {
    "gap": "Does one group's γ stand out by more than chance?",
    "score": "Does a score that no rescaling moves say the same?",
    "start": "Has γ moved from where training began?",
    "ablation": "Does losing the group with the higher γ cost more?",
    "slimming": "Does the score know which channels can go?",
}
NOT_MEASURED = "*Not measured yet: see below.*"


def show_findings(column: NetworkColumn) -> None:
    """Every question with its answer; where weights are enough it is found at once."""
    with st.spinner("Looking at the weights"):
        answers = gather_answers(column)
    with st.container(border=True):
        for question, answer in answers.items():
            asked, told = st.columns([2, 3], gap="xsmall")  # near each other on a telephone, too
            asked.markdown(f"**{QUESTIONS[question]}**")
            told.markdown(answer)


def gather_answers(column: NetworkColumn) -> dict[str, str]:
    """An answer a question, in markdown."""
    return {
        **_read_weights(column),
        "ablation": _recall_ablation(column),
        "slimming": _recall_slimming(column),
    }


def _read_weights(column: NetworkColumn) -> dict[str, str]:
    """The cheap checks: none of them runs the network."""
    key = cached.key_of([column.source])
    try:
        (counts,) = count_gaps(column.reading.require_scales().gaps()).values()
        scores = list(say_where_scores_part(cached.rate_channels(key, [column.source]).groups).values())
    except GstError as error:
        told = say_undefined(error)
        return {"gap": told, "score": told, "start": _say_move(column)}
    gap = counts.describe(mark="**") if counts.tested else literal(counts.describe())
    return {
        "gap": _begin(gap),
        "score": _begin(scores[0]) if scores else "No block has both scores for both groups.",
        "start": _say_move(column),
    }


def _begin(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _say_move(column: NetworkColumn) -> str:
    key = cached.key_of([column.source])
    try:
        found = cached.measure_drift(key, [column.source], options=DriftOptions())
    except GstError:
        return "Its file does not say where training began: name a start under *Look at the start*."
    (groups,) = found.summary.checkpoints.values()
    moves = [f"{group} channels by {moved.mean_change:.2g}" for group, moved in groups.items()]
    return f"On average {', '.join(moves)}, from {literal(found.summary.origin)}."


def _recall_ablation(column: NetworkColumn) -> str:
    found = cached_measurements.memory().find_last("ablation", column.source.key)
    verdict = None if found is None else find_verdict(column, found)
    return NOT_MEASURED if verdict is None else verdict.describe(mark="**", brief=True)


def _recall_slimming(column: NetworkColumn) -> str:
    found = cached_measurements.memory().find_last("slimming", column.source.key)
    curve = None if found is None else found[0].curve
    return NOT_MEASURED if curve is None else say_which_rule_wins(curve, mark="**")


def find_verdict(column: NetworkColumn, found: Ablation) -> GapVerdict | None:
    """γ's gap against what was lost; None for a network without scales."""
    scales = column.reading.scales
    return None if scales is None else compare_with_gap(found.table, scales.gaps())
