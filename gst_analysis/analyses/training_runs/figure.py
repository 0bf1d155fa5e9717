"""A run's log -> curves of loss, accuracy and learning rate for print."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from gst_analysis.analyses.training_runs.table import TrainingRun
from gst_analysis.style.theme import new_figure, style_axes, style_legend, theme_of


def draw_figures(result: TrainingRun, *, dark: bool = False) -> dict[str, Figure]:
    """Curves of loss, accuracy and learning rate."""
    drawn = draw_training(result.table, result.epochs, chance=result.summary.chance, dark=dark)
    return {result.stem: drawn}


def draw_training(
    steps: pd.DataFrame, epochs: pd.DataFrame, *, chance: float | None = None, dark: bool = False
) -> Figure:
    """Loss, accuracy and learning rate over the steps, of training and of validation clips.

    Args:
        steps: TRAINING_STEPS.
        epochs: TRAINING_EPOCHS, which may be empty.
        chance: the share of right answers that guessing reaches.
        dark: for a dark background.
    """
    theme = theme_of(dark=dark)
    figure = new_figure(10.5, 3.4, theme)
    loss, right, rate = figure.subplots(1, 3)
    panels = {"loss": (loss, "loss"), "top1": (right, "clips that were right"), "lr": (rate, "learning rate")}
    for name, (axes, words) in panels.items():
        style_axes(axes, theme, grid="both")
        axes.plot(
            steps["step"], steps[name], color=theme.faint, linewidth=1.2, label="training, as augmented"
        )
        axes.set_title(words, fontsize=9, color=theme.ink)
        axes.set_xlabel("step", fontsize=8.5, color=theme.ink)
        axes.set_ylim(bottom=0)
    measured = epochs[epochs["val_loss"].notna()]
    for axes, name in ((loss, "val_loss"), (right, "val_top1")):
        axes.plot(
            measured["step"],
            measured[name],
            color=theme.accent,
            linewidth=2,
            marker="o",
            markersize=4,
            label="validation",
        )
    if chance is not None:
        right.axhline(chance, color=theme.faint, linewidth=0.9, linestyle=":", label="chance")
    right.set_ylim(0, 1.03)
    right.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    handles, labels = right.get_legend_handles_labels()
    style_legend(figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8), theme)
    return figure
