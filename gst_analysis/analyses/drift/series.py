"""DRIFT_LAYERS of a series in plotly: γ of every block over training, to hover over."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from gst_analysis.groups import GROUPS
from gst_analysis.style.names import GROUP_NAMES, shorten_layers
from gst_analysis.style.screen import legend_above, number_feet, paint, start_grid
from gst_analysis.style.theme import Theme, theme_of


def draw_gamma_over_training_interactive(layers: pd.DataFrame, *, axis: str, dark: bool = False) -> go.Figure:
    """A series, a panel a layer: median and middle half of each group's γ over training.

    Args:
        layers: DRIFT_LAYERS of several checkpoints.
        axis: what their positions are: epoch, or order.
        dark: for a dark background.
    """
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(layers["layer"]))
    figure, rows, columns = start_grid([f"block {name}" for name in shorten_layers(names)])
    shown = layers.drop_duplicates("group").set_index("group")["layer"]
    for number, name in enumerate(names):
        row, column = divmod(number, columns)
        part = layers[layers["layer"] == name]
        for group in [group for group in GROUP_NAMES if (part["group"] == group).any()]:
            curves = _draw_group(
                part[part["group"] == group].sort_values("position"), group, theme, name == shown[group]
            )
            figure.add_traces(curves, rows=[row + 1] * 2, cols=[column + 1] * 2)
    _dress(figure, theme, height=160 + 150 * rows)
    figure.update_xaxes(title="epoch" if axis == "epoch" else "checkpoint, in order", row=rows)
    number_feet(figure, len(names), columns)
    figure.update_yaxes(title="γ", col=1)
    return figure


def _draw_group(part: pd.DataFrame, group: str, theme: Theme, show: bool) -> list[go.Scatter]:
    """The middle half as a band, and the median."""
    colour = theme.groups[group]
    band = go.Scatter(
        x=[*part["position"], *part["position"][::-1]],
        y=[*part["low"], *part["high"][::-1]],
        fill="toself",
        fillcolor=colour,
        opacity=0.2,
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=group,
        mode="lines",
    )
    line = {"color": colour, "width": 2, "dash": GROUPS[group].dash}
    median = go.Scatter(
        x=part["position"],
        y=part["median"],
        name=f"{GROUP_NAMES[group]}: median, middle half",
        line=line,
        legendgroup=group,
        showlegend=show,
        mode="lines",
        hovertemplate="epoch %{x}: median γ %{y:.3f}<extra>" + GROUP_NAMES[group] + "</extra>",
    )
    return [band, median]


def _dress(figure: go.Figure, theme: Theme, *, height: int) -> None:
    figure.update_annotations(font_size=13, selector=lambda note: note.yref == "paper")
    paint(figure, theme, height=height, margin=(60, 20, 90, 50))
    figure.update_layout(legend=legend_above())
    figure.update_xaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
