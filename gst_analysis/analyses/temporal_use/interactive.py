"""KERNEL_USE in plotly: kernels one after the other, to hover over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.temporal_use.depth_figure import SHOWN, name_kernels, place_kernels
from gst_analysis.analyses.temporal_use.table import MEASURES, TemporalUse
from gst_analysis.numbers import show_real
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import tell_apart
from gst_analysis.style.palette import LONGEST_NAME, list_looks
from gst_analysis.style.screen import break_lines, legend_above, paint, start_figure

_MOST_NAMED = 24
"""Kernels whose names find room below an axis."""
_LINE = 32
"""Letters of a title at an upright axis."""


def draw_pages(result: TemporalUse, *, dark: bool = False) -> dict[str, go.Figure]:
    """Means of kernels by depth, under the name that they have in print."""
    return {"kernel_use": draw_kernels_interactive(result.kernels, dark=dark)}


def draw_kernels_interactive(kernels: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """The means of `draw_kernels`; hovering gives a kernel's numbers, the legend takes checkpoints away."""
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(kernels["checkpoint"]))
    lists = [name_kernels(rows) for _, rows in kernels.groupby("checkpoint", sort=False)]
    same = all(one == lists[0] for one in lists)
    figure = start_figure(2, 1, shared_xaxes=True, vertical_spacing=0.06)
    shown = tell_apart(names, LONGEST_NAME)
    for i, look in enumerate(list_looks(len(names), theme)):
        rows = kernels[kernels["checkpoint"] == names[i]].reset_index(drop=True)
        x = place_kernels(len(rows), i, len(names), same=same)
        style = {"color": look.colour, "symbol": look.symbol, "dash": look.dash}
        for row, measure in enumerate(SHOWN, start=1):
            figure.add_trace(_draw_line(x, rows, measure, shown[i], style), row=row, col=1)
        figure.add_trace(_draw_start(x, rows, shown[i], style), row=1, col=1)
        figure.add_trace(_draw_chance(x, rows, theme, show=i == 0), row=1, col=1)
    _dress(figure, theme)
    if same and len(lists[0]) <= _MOST_NAMED:
        figure.update_xaxes(tickvals=list(range(len(lists[0]))), ticktext=list(lists[0]))
    figure.update_xaxes(title="kernel" if same else "relative depth (0 first, 1 last kernel)", row=2)
    return figure


def _draw_line(
    x: np.ndarray, rows: pd.DataFrame, measure: str, name: str, style: dict[str, Any]
) -> go.Scatter:
    spread = {}
    if measure == "varying":
        up, down = rows["high"] - rows["varying"], rows["varying"] - rows["low"]
        spread = {"error_y": {"array": up.clip(0), "arrayminus": down.clip(0), "width": 0, "thickness": 1.3}}
    return go.Scatter(
        x=x,
        y=rows[measure],
        mode="lines+markers",
        name=name,
        legendgroup=name,
        showlegend=measure == "varying",
        line={"color": style["color"], "dash": style["dash"], "width": 1},
        marker={"color": style["color"], "symbol": style["symbol"], "size": 8},
        text=[_say(row) for row in rows.to_dict("records")],
        hovertemplate="%{text}<extra></extra>",
        **spread,
    )


def _say(row: dict[Any, Any]) -> str:
    """What stands beside the mouse: the kernel and all of its numbers."""
    numbers = {
        "not constant": row["varying"],
        "at the start": row["start"],
        "independent taps": row["independent"],
        "turns with time": row["ordered"],
        "on other frames": row["off_frame"],
        "if all were read alike": row["even"],
        "mean shift": row["moved"],
    }
    lines = [f"{what}: {show_real(value)}" for what, value in numbers.items() if value == value]
    units = {
        "attention": "heads",
        "shift": "channels",
        "moved by clip": "channels",
        "made by clip": "channels",
    }
    many = f"{row['filters']} {units.get(row['kind'], 'filters')}"
    return "<br>".join([f"<b>{row['layer']}</b>", f"{row['kind']}, {row['taps']} taps, {many}", *lines])


def _draw_start(x: np.ndarray, rows: pd.DataFrame, name: str, style: dict[str, Any]) -> go.Scatter:
    hollow = f"{style['symbol']}-open"
    return go.Scatter(
        x=x,
        y=rows["start"],
        mode="markers",
        legendgroup=name,
        showlegend=False,
        marker={"color": style["color"], "symbol": hollow, "size": 9},
        hovertemplate="at the start: %{y:.3f}<extra></extra>",
    )


def _draw_chance(x: np.ndarray, rows: pd.DataFrame, theme: Theme, *, show: bool) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=rows["independent"],
        mode="lines",
        name="independent taps",
        legendgroup="independent taps",
        showlegend=show,
        line={"color": theme.faint, "width": 1, "dash": "dot"},
        hovertemplate="independent taps: %{y:.3f}<extra></extra>",
    )


def _dress(figure: go.Figure, theme: Theme) -> None:
    paint(figure, theme, height=620, margin=(90, 20, 110, 60))
    figure.update_layout(legend=legend_above("hollow: at the start"))
    figure.update_xaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.grid, range=[-0.03, 1.03])
    for row, measure in enumerate(SHOWN, start=1):
        title = {"text": break_lines(MEASURES[measure], _LINE), "font": {"size": 11}}
        figure.update_yaxes(title=title, row=row)
