"""DRIFT of a series -> Figure 4 in motion: γ of every block, epoch by epoch, in plotly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.drift.series import draw_gamma_over_training_interactive
from gst_analysis.analyses.drift.starts_interactive import (
    draw_drift_interactive,
    draw_start_against_now_interactive,
)
from gst_analysis.analyses.drift.table import Drift
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import GROUP_NAMES, shorten_layers
from gst_analysis.style.screen import legend_above, number_feet, paint, start_grid

BINS = 24
_BELOW_AXES, _SLIDER = 52, 85
"""Pixels from the axes down to the slider, and from there down to the buttons, whatever the width."""
Panel = tuple[str, str]
"""A layer and a group."""


def draw_pages(result: Drift, *, dark: bool = False) -> dict[str, go.Figure]:
    """The figures of `draw_figures`, by their names; before them, of a series, γ of every block to play."""
    last, summary = result.table["checkpoint"].iloc[-1], result.summary
    now, layers = (t[t["checkpoint"] == last] for t in (result.table, result.layers))
    origin, drawn, many = summary.origin, {}, result.layers["position"].nunique() > 1
    if many:
        drawn["drift_animation"] = draw_drift_animation(result.table, axis=summary.axis, dark=dark)
    drawn["drift"] = draw_drift_interactive(
        now, layers, tolerance=summary.tolerance, origin=origin, dark=dark
    )
    if now["start"].nunique() > 1:
        drawn["start_against_now"] = draw_start_against_now_interactive(now, origin=origin, dark=dark)
    if many:
        drawn["gamma_over_training"] = draw_gamma_over_training_interactive(
            result.layers, axis=summary.axis, dark=dark
        )
    return drawn


def draw_drift_animation(table: pd.DataFrame, *, axis: str, dark: bool = False) -> go.Figure:
    """Histograms of both groups, a panel a block, with a slider and a button to play.

    Heights are the percentage of a group's own channels; bins and axes stay the same throughout.
    """
    theme = theme_of(dark=dark)
    layers = list(dict.fromkeys(table["layer"]))
    edges = _choose_edges(table["gamma"].to_numpy())
    frames = {position: count_panels(rows, edges) for position, rows in table.groupby("position", sort=True)}
    first, *_ = frames.values()
    figure, rows, columns = start_grid([f"block {name}" for name in shorten_layers(layers)])
    places = {layer: divmod(i, columns) for i, layer in enumerate(layers)}
    # the legend shows every group once, and a group may lie in blocks of its own
    shown = {group: layer for layer, group in reversed(list(first))}
    for (layer, group), heights in first.items():
        row, column = places[layer]
        bar = _draw_bar(heights, edges, group, theme, show=layer == shown[group])
        figure.add_trace(bar, row=row + 1, col=column + 1)
    names = table.groupby("position")["checkpoint"].first()
    labels = {at: f"{float(str(at)):g}" if axis == "epoch" else str(names[at]) for at in frames}
    figure.frames = [
        go.Frame(
            name=labels[at],
            data=[go.Bar(y=heights) for heights in panels.values()],
            traces=list(range(len(panels))),
        )
        for at, panels in frames.items()
    ]
    _dress(figure, theme, list(labels.values()), axis=axis, rows=rows)
    top = max(heights.max() for panels in frames.values() for heights in panels.values())
    figure.update_yaxes(range=[0, 1.08 * top])
    figure.update_xaxes(range=[edges[0], edges[-1]])
    number_feet(figure, len(layers), columns)
    return figure


def count_panels(rows: pd.DataFrame, edges: np.ndarray) -> Mapping[Panel, np.ndarray]:
    """Percentage of each group's channels in every bin, by layer and group."""
    return {
        (str(layer), str(group)): np.histogram(part, bins=edges)[0] * (100 / len(part))
        for (layer, group), part in rows.groupby(["layer", "group"], sort=False)["gamma"]
    }


def _choose_edges(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-6:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)


def _draw_bar(heights: np.ndarray, edges: np.ndarray, group: str, theme: Theme, *, show: bool) -> go.Bar:
    return go.Bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=heights,
        width=edges[1] - edges[0],
        name=GROUP_NAMES[group],
        legendgroup=group,
        showlegend=show,
        opacity=0.55,
        marker={"color": theme.groups[group], "line": {"width": 0}},
        hovertemplate=f"{GROUP_NAMES[group]}<br>γ %{{x:.3f}}: %{{y:.1f}} %<extra></extra>",
    )


def _dress(figure: go.Figure, theme: Theme, labels: list[str], *, axis: str, rows: int) -> None:
    """Colours and margins of the page, and below the axes what plays it."""
    figure.update_annotations(font_size=12)
    paint(figure, theme, height=280 + 150 * rows, margin=(70, 20, 80, _BELOW_AXES + _SLIDER + 50))
    figure.update_layout(
        barmode="overlay",
        bargap=0,
        legend=legend_above(),
        sliders=[_build_slider(labels, axis, theme)],
        updatemenus=[_build_buttons(theme)],
    )
    figure.update_xaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.grid, ticksuffix=" %", nticks=4)
    figure.update_xaxes(title={"text": "scale γ", "font": {"size": 12}}, row=rows)


def _build_slider(labels: list[str], axis: str, theme: Theme) -> dict[str, Any]:
    """A step for each place of the series."""
    return {
        "steps": [{"label": name, "method": "animate", "args": _show([name])} for name in labels],
        "currentvalue": {"prefix": f"{axis}: "},
        "x": 0,
        "len": 1,
        "y": 0,
        "yanchor": "top",
        "pad": {"t": _BELOW_AXES},
        "bgcolor": theme.grid,
        "font": {"color": theme.ink},
    }


def _build_buttons(theme: Theme) -> dict[str, Any]:
    """To play and to pause, below the slider."""
    return {
        "type": "buttons",
        "showactive": False,
        "buttons": [
            {"label": "Play", "method": "animate", "args": _show(None, milliseconds=350)},
            {"label": "Pause", "method": "animate", "args": _show([None])},
        ],
        "direction": "left",
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": _BELOW_AXES + _SLIDER},
        "bgcolor": theme.panel,
        "font": {"color": theme.ink},
        "bordercolor": theme.faint,
    }


def _show(frames: Sequence[str | None] | None, *, milliseconds: int = 0) -> list[Any]:
    """What plotly's `animate` takes: frames (None for all, [None] to stop), and how long each lasts."""
    how = {"mode": "immediate", "fromcurrent": True, "transition": {"duration": 0}}
    return [frames, {**how, "frame": {"duration": milliseconds}}]
