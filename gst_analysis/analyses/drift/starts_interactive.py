"""DRIFT and DRIFT_LAYERS of one checkpoint in plotly: how far γ moved, and γ now over γ at the start."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.groups import GROUPS
from gst_analysis.style.names import GROUP_NAMES, name_block, shorten, shorten_layers
from gst_analysis.style.screen import (
    SYMBOLS,
    dress_figure,
    legend_above,
    number_feet,
    start_figure,
    start_grid,
)
from gst_analysis.style.theme import Theme, theme_of

_BAR = 0.28


def draw_drift_interactive(
    table: pd.DataFrame, layers: pd.DataFrame, *, tolerance: float, origin: str = "", dark: bool = False
) -> go.Figure:
    """The panels of `draw_drift`, one above the other; hovering gives numbers of channels and of γ.

    Args:
        table: DRIFT of one checkpoint.
        layers: its DRIFT_LAYERS.
        tolerance: part of its start within which a scale counts as unmoved.
        origin: what the start was.
        dark: for a dark background.
    """
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(table["layer"]))
    filled = "<br>filled: those from 2-D weights" if layers["inherited"].sum() else ""
    titles = (
        "γ now minus γ at the start: median, middle half",
        f"channels within {tolerance:.0%} of their start{filled}",
    )
    figure = start_figure(2, 1, shared_xaxes=True, vertical_spacing=0.14, subplot_titles=titles)
    groups = [group for group in GROUP_NAMES if (table["group"] == group).any()]
    for number, group in enumerate(groups):
        aside = _BAR * (number - (len(groups) - 1) / 2)
        own = layers[layers["group"] == group]
        places = np.array([names.index(layer) for layer in own["layer"]])
        figure.add_trace(
            _draw_changes(table[table["group"] == group], places + aside, own, theme), row=1, col=1
        )
        for bars in _draw_shares(own, places + aside, theme):
            figure.add_trace(bars, row=2, col=1)
    dress_figure(figure, theme, height=620, top=120, bottom=56)
    figure.update_annotations(x=0, xanchor="left")
    figure.update_layout(legend=legend_above(_name_start(table, origin)), barmode="overlay")
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=shorten_layers(names), showgrid=False)
    figure.update_xaxes(range=[-0.6, len(names) - 0.4], zeroline=False)
    figure.update_xaxes(title="block (stage.index)", row=2, col=1)
    figure.update_yaxes(title="change of γ", zerolinewidth=1.5, row=1, col=1)
    figure.update_yaxes(range=[0, 104], ticksuffix=" %", row=2, col=1)
    return figure


def _draw_changes(rows: pd.DataFrame, x: np.ndarray, layers: pd.DataFrame, theme: Theme) -> go.Scatter:
    """A mark a layer at the median of a group's changes, a line over the middle half of them."""
    group = str(rows["group"].iloc[0])
    parts = rows.groupby("layer")["change"]
    low, middle, high = (parts.quantile(q).loc[layers["layer"]].to_numpy() for q in (0.25, 0.5, 0.75))
    told = [
        f"{name_block(row['layer'])}, {GROUP_NAMES[group]} ({row['n']})<br>change of γ: median {m:+.3f}<br>"
        f"middle half {a:+.3f} to {b:+.3f}"
        for row, m, a, b in zip(layers.to_dict("records"), middle, low, high, strict=True)
    ]
    colour = theme.groups[group]
    return go.Scatter(
        x=x,
        y=middle,
        mode="markers",
        name=GROUP_NAMES[group],
        legendgroup=group,
        marker={"color": colour, "size": 8, "symbol": SYMBOLS[GROUPS[group].marker]},
        error_y={
            "array": high - middle,
            "arrayminus": middle - low,
            "color": colour,
            "thickness": 3,
            "width": 0,
        },
        text=told,
        hovertemplate="%{text}<extra></extra>",
    )


def _draw_shares(layers: pd.DataFrame, x: np.ndarray, theme: Theme) -> list[go.Bar]:
    """Filled the share that carries an inherited value, as an outline the share unmoved from any start."""
    group = str(layers["group"].iloc[0])
    colour = theme.groups[group]
    looks = {
        "carried": {"color": colour, "opacity": 0.75, "line": {"width": 0}},
        "unmoved": {"color": "rgba(0,0,0,0)", "line": {"width": 1.5, "color": colour}},
    }
    words = {"carried": "still as they came from 2-D weights", "unmoved": "unmoved"}
    return [
        go.Bar(
            x=x,
            y=100 * layers[what] / layers["n"],
            width=_BAR * 0.93,
            marker=look,
            legendgroup=group,
            showlegend=False,
            customdata=layers[["layer", what, "n"]],
            hovertemplate=f"%{{customdata[0]}}, {GROUP_NAMES[group]}<br>%{{customdata[1]}} of "
            f"%{{customdata[2]}} {words[what]}<extra></extra>",
        )
        for what, look in looks.items()
    ]


def draw_start_against_now_interactive(
    table: pd.DataFrame, *, origin: str = "", dark: bool = False
) -> go.Figure:
    """The panels of `draw_start_against_now`; hovering gives a channel's number and both its scales.

    Args:
        table: DRIFT of one checkpoint.
        origin: what the start was.
        dark: for a dark background.
    """
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(table["layer"]))
    figure, rows, columns = start_grid([f"block {name}" for name in shorten_layers(names)])
    values = np.concatenate([table["start"].to_numpy(), table["gamma"].to_numpy()])
    room = 0.05 * (np.ptp(values) or 1)
    ends = [float(values.min() - room), float(values.max() + room)]
    shown = table.drop_duplicates("group").set_index("group")["layer"]
    for number, name in enumerate(names):
        row, column = divmod(number, columns)
        for trace in _draw_channels(table[table["layer"] == name], ends, shown, theme):
            figure.add_trace(trace, row=row + 1, col=column + 1)
    dress_figure(figure, theme, height=210 + 170 * rows, top=130, bottom=56)
    told = f"{_name_start(table, origin)}<br>hollow: moved; line: as it began"
    figure.update_layout(legend=legend_above(told))
    figure.update_xaxes(range=ends)
    figure.update_yaxes(range=ends)
    figure.update_xaxes(title="γ at the start", row=rows, col=1)  # once: a telephone has no room for more
    figure.update_yaxes(title="γ now", col=1)
    number_feet(figure, len(names), columns)
    return figure


def _draw_channels(rows: pd.DataFrame, ends: list[float], shown: pd.Series, theme: Theme) -> list[go.Scatter]:
    """The line of no change, and a layer's channels; a hollow mark is a channel that moved."""
    line = {"color": theme.faint, "width": 1}
    drawn = [go.Scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip", showlegend=False)]
    for group in [group for group in GROUP_NAMES if (rows["group"] == group).any()]:
        part, symbol = rows[rows["group"] == group], SYMBOLS[GROUPS[group].marker]
        symbols = [symbol if unmoved else f"{symbol}-open" for unmoved in part["unmoved"]]
        drawn.append(
            go.Scatter(
                x=part["start"],
                y=part["gamma"],
                mode="markers",
                name=GROUP_NAMES[group],
                legendgroup=group,
                showlegend=bool(rows["layer"].iloc[0] == shown[group]),
                marker={"color": theme.groups[group], "size": 6, "symbol": symbols, "opacity": 0.85},
                customdata=part["channel"],
                hovertemplate=f"{GROUP_NAMES[group]}, channel %{{customdata}}<br>γ %{{x:.3f}} at the start, "
                "%{y:.3f} now<extra></extra>",
            )
        )
    return drawn


def _name_start(table: pd.DataFrame, origin: str) -> str:
    """Which checkpoint, and since when; a line each, as a telephone is narrow."""
    name = escape(shorten(str(table["checkpoint"].iloc[-1]), 40))
    return f"{name}<br>start: {escape(shorten(origin, 44))}" if origin else name
