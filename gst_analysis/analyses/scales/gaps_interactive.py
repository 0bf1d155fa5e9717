"""BLOCK_GAPS in plotly: the gap between two groups in every block, to hover over for intervals."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.scales.table import find_sure, name_difference, name_symbol
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import name_block, shorten_layers, tell_apart
from gst_analysis.style.palette import LONGEST_NAME, MOST_NAMED, Look, list_looks
from gst_analysis.style.screen import dress_figure, start_figure

_LEGEND_ROW = 20
"""Pixels; on a narrow page a checkpoint has a row of the legend to itself."""
_APART = 0.6
"""Of the room between two blocks, what the marks of all checkpoints take."""


def draw_gaps_interactive(table: pd.DataFrame, *, absolute: bool = False, dark: bool = False) -> go.Figure:
    """The gaps of `draw_gaps`: filled marks are more than chance, bars are intervals."""
    theme, names = theme_of(dark=dark), list(dict.fromkeys(table["checkpoint"]))
    lists = [tuple(rows["layer"]) for _, rows in table.groupby("checkpoint", sort=False)]
    same, shown = len(set(lists)) == 1, tell_apart(names, LONGEST_NAME)
    figure = start_figure()
    for place, (name, look) in enumerate(zip(names, list_looks(len(names), theme), strict=True)):
        rows = table[table["checkpoint"] == name].reset_index(drop=True)
        aside = _APART * ((place + 0.5) / len(names) - 0.5)
        x = np.arange(len(rows)) + aside if same else rows["depth"].to_numpy()
        figure.add_trace(_build_gaps(x, rows, shown[place], look, theme))
    dress_checkpoints(figure, theme, height=430, names=len(names))
    figure.update_layout(showlegend=True)
    if same:
        figure.update_xaxes(tickvals=list(range(len(lists[0]))), ticktext=shorten_layers(list(lists[0])))
    figure.update_xaxes(title="block" if same else "relative depth (0 first, 1 last block)", showgrid=False)
    figure.update_xaxes(zeroline=False)
    figure.update_yaxes(title=f"median {name_symbol(absolute=absolute)}: {name_difference(table)}")
    return figure


def _build_gaps(x: np.ndarray, rows: pd.DataFrame, name: str, look: Look, theme: Theme) -> go.Scatter:
    sure = find_sure(rows)
    told = [
        f"<b>{escape(name_block(str(row['block'])))}</b>, {escape(name)}<br>gap {show_real(row['gap'])}"
        f"{_say_interval(row['gap_low'], row['gap_high'])}<br>"
        f"{'more than chance' if certain else 'may be chance, or not tested'}"
        for row, certain in zip(rows.to_dict("records"), sure, strict=True)
    ]
    up, down = rows["gap_high"] - rows["gap"], rows["gap"] - rows["gap_low"]
    return go.Scatter(
        x=x,
        y=rows["gap"],
        error_y={"array": up.clip(0), "arrayminus": down.clip(0), "width": 0, "thickness": 1.3},
        mode="lines+markers",
        name=escape(name),
        line={"color": look.colour, "dash": look.dash, "width": 1},
        marker={
            "size": 9,
            "symbol": look.symbol,
            "color": [look.colour if certain else theme.panel for certain in sure],
            "line": {"color": look.colour, "width": 1.5},
        },
        text=told,
        hovertemplate="%{text}<extra></extra>",
    )


def _say_interval(low: float, high: float) -> str:
    return f" ({show_interval(low, high)})" if np.isfinite(low) and np.isfinite(high) else ""


def dress_checkpoints(figure: go.Figure, theme: Theme, *, height: int, names: int) -> None:
    """Room above the panels for a legend of so many checkpoints."""
    rows = min(names, MOST_NAMED)
    top = 60 + _LEGEND_ROW * -(-rows // 2)
    dress_figure(figure, theme, height=height + top - 80, top=top)
