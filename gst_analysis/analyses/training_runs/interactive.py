"""A run's log in plotly: TRAINING_STEPS and TRAINING_EPOCHS -> curves to hover over."""

from __future__ import annotations

import math

import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.training_runs.table import TrainingRun
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.screen import legend_above, paint, start_figure

_MOST_POINTS = 1500


def draw_pages(result: TrainingRun, *, dark: bool = False) -> dict[str, go.Figure]:
    """Curves of loss, accuracy and learning rate."""
    chance = result.summary.chance
    return {result.stem: draw_training_interactive(result.table, result.epochs, chance=chance, dark=dark)}


def draw_training_interactive(
    steps: pd.DataFrame, epochs: pd.DataFrame, *, chance: float | None = None, dark: bool = False
) -> go.Figure:
    """Loss, accuracy and learning rate over the epochs, of training and of validation clips.

    Args:
        steps: TRAINING_STEPS; a row stands where its steps end.
        epochs: TRAINING_EPOCHS, which may be empty.
        chance: the share of right answers that guessing reaches, drawn as a line.
        dark: for a dark background.
    """
    theme = theme_of(dark=dark)
    titles = ["loss", "clips that<br>were right", "learning rate"]
    figure = start_figure(1, 3, subplot_titles=titles, horizontal_spacing=0.07)
    at = _place_steps(steps, epochs)
    rows = steps.iloc[:: max(1, math.ceil(len(steps) / _MOST_POINTS))]
    at = at.loc[rows.index]
    ink = {"color": theme.faint, "width": 1.5}
    for column, name in enumerate(("loss", "top1"), start=1):
        figure.add_trace(
            _draw_line(at, rows[name], "training, as augmented", ink, column == 1), row=1, col=column
        )
    measured = epochs[epochs["val_loss"].notna()]
    for column, name in enumerate(("val_loss", "val_top1"), start=1):
        line = {"color": theme.accent, "width": 2.5}
        trace = _draw_line(measured["epoch"], measured[name], "validation", line, column == 1)
        figure.add_trace(trace.update(mode="lines+markers", marker={"size": 7}), row=1, col=column)
    figure.add_trace(_draw_line(at, rows["lr"], "learning rate", ink, False), row=1, col=3)
    if chance is not None:
        figure.add_hline(
            chance,
            row=1,
            col=2,
            line={"color": theme.faint, "dash": "dot", "width": 1},
            annotation={"text": "chance", "font": {"size": 11, "color": theme.faint}},
        )
    _dress(figure, theme, height=380)
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(tickformat=".0%", range=[0, 1.03], col=2)
    figure.update_xaxes(title="epoch", rangemode="tozero")
    return figure


def _place_steps(steps: pd.DataFrame, epochs: pd.DataFrame) -> pd.Series:
    """Steps as parts of epochs: by the length of those that are done, else of what there is."""
    done = epochs[epochs["epoch"] > 0]
    per_epoch = (done["step"] / done["epoch"]).iloc[-1] if len(done) else max(1, steps["step"].max())
    return steps["step"] / float(per_epoch)


def _draw_line(x: pd.Series, y: pd.Series, name: str, line: dict[str, object], show: bool) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        name=name,
        legendgroup=name,
        showlegend=show,
        mode="lines",
        line=line,
        hovertemplate="epoch %{x:.2f}: %{y:.4g}<extra>" + name + "</extra>",
    )


def _dress(figure: go.Figure, theme: Theme, *, height: int) -> None:
    figure.update_annotations(font_size=13, selector=lambda note: note.yref == "paper")
    paint(figure, theme, height=height, margin=(60, 20, 90, 50))
    figure.update_layout(legend=legend_above())
    figure.update_xaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
