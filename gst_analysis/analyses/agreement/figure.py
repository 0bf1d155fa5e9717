"""SCORE_AGREEMENT -> how well each importance score foretells the causal drop."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gst_analysis.analyses.agreement.table import ScoreAgreement
from gst_analysis.style.theme import Theme, add_legend, new_figure, style_axes, theme_of

_NAMES: Mapping[str, str] = {
    "channels": "number of channels",
    "gamma": "raw γ",
    "abs_gamma": "|γ|",
    "invariant": "invariant: E[ReLU] × column norm",
    "invariant_spread": "its spread: std[ReLU] × column norm",
    "invariant_output": "at the output: E[ReLU] × normed column",
    "activation_norm": "activation norm",
    "taylor": "first-order Taylor",
}
_DROPS: Mapping[str, str] = {
    "accuracy_drop": "the fall of accuracy",
    "logit_drop": "the fall of the true class's logit",
    "loss_rise": "the rise of the cross entropy",
}


def draw_figures(result: ScoreAgreement, *, dark: bool = False) -> dict[str, Figure]:
    """How well each score foretells the result's own measure."""
    drawn = draw_score_agreement(result.table, measure=result.measure, aggregate=result.aggregate, dark=dark)
    return {result.stem: drawn}


def draw_score_agreement(
    table: pd.DataFrame, *, measure: str = "loss_rise", aggregate: str = "sum", dark: bool = False
) -> Figure:
    """A panel for each intervention, a row for each score: its rank correlation with the drop.

    Args:
        table: a SCORE_AGREEMENT table.
        measure: accuracy_drop, logit_drop or loss_rise.
        aggregate: mean or sum of a group's channels.
        dark: draw for a dark background.
    """
    theme = theme_of(dark=dark)
    shown = table[(table["measure"] == measure) & (table["aggregate"] == aggregate)]
    kinds, scores = (list(dict.fromkeys(shown[name])) for name in ("intervention", "score"))
    figure = new_figure(3.6 + 2.1 * len(kinds), 1.9 + 0.34 * len(scores), theme)
    panels = figure.subplots(1, len(kinds), sharex=True, sharey=True, squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        style_axes(axes, theme, grid="x")
        axes.axvline(0, color=theme.faint, linewidth=1)
        _draw_scores(axes, shown[shown["intervention"] == kind], scores, theme)
        axes.set_title(kind, fontsize=9, color=theme.ink, loc="left")
    panels[0].set_xlim(-1.05, 1.05)
    panels[0].set_xticks([-1, -0.5, 0, 0.5, 1], ["−1", "−½", "0", "½", "1"])
    panels[0].set_ylim(len(scores) - 0.4, -0.6)
    panels[0].set_yticks(range(len(scores)), [_NAMES.get(score, score) for score in scores])
    figure.supxlabel(f"rank correlation with {_DROPS[measure]}", fontsize=9, color=theme.ink)
    _explain(figure, shown, aggregate, theme)
    return figure


def _draw_scores(axes: Axes, rows: pd.DataFrame, scores: list[str], theme: Theme) -> None:
    for place, score in enumerate(scores):
        own = rows[(rows["score"] == score) & rows["spearman"].notna()]
        single, pooled = own[own["checkpoint"] != "all"], own[own["checkpoint"] == "all"]
        if pooled.empty:
            axes.text(0, place, "not defined", ha="center", va="center", fontsize=7, color=theme.ink)
            continue
        axes.plot(
            single["spearman"], np.full(len(single), place + 0.22), "|", color=theme.faint, markersize=7
        )
        row = pooled.iloc[0]
        value, low, high = (float(row[name]) for name in ("spearman", "low", "high"))
        bar = [[max(0.0, value - low)], [max(0.0, high - value)]]
        axes.errorbar(
            [value],
            [place - 0.08],
            xerr=bar,
            fmt="o",
            color=theme.accent,
            markersize=5,
            elinewidth=1.4,
            capsize=2,
        )


def _explain(figure: Figure, shown: pd.DataFrame, aggregate: str, theme: Theme) -> None:
    count = shown.loc[shown["checkpoint"] != "all", "checkpoint"].nunique()
    handles = [
        Line2D(
            [], [], marker="o", color=theme.accent, label=f"mean of {count} checkpoints, with its interval"
        ),
        Line2D([], [], marker="|", linestyle="none", color=theme.faint, label="one checkpoint"),
    ]
    title = f"a group's score is the {aggregate} of its channels'"
    add_legend(figure, handles, theme, title=title, at="outside upper left", columns=2)
