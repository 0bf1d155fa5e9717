"""SLIM_WIDTHS, SLIM_CURVE and SLIM_TUNED in plotly: the figure of figure.py, to hover over."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.slimming.figure import TUNED_LOOKS, to_percent
from gst_analysis.analyses.slimming.table import NetworkCost, Slimming
from gst_analysis.numbers import show_count
from gst_analysis.style.names import GROUP_NAMES, shorten
from gst_analysis.style.screen import SYMBOLS, dress_figure, start_figure
from gst_analysis.style.theme import Theme, theme_of

_SYMBOLS = {**SYMBOLS, "P": "cross", "*": "star"}
_BARS, _CURVE, _LEGENDS = 300, 380, 150
"""Pixels of the panels, and of both legends."""


def draw_pages(result: Slimming, *, dark: bool = False) -> dict[str, go.Figure]:
    """The picture of `draw_figures`, under the name that it has in print."""
    chosen = result.summary.after
    drawn = draw_slimming_interactive(
        result.table, result.curve, chosen=chosen, tuned=result.tuned, dark=dark
    )
    return {result.stem: drawn}


def draw_slimming_interactive(
    widths: pd.DataFrame,
    curve: pd.DataFrame | None,
    *,
    chosen: NetworkCost | None = None,
    tuned: pd.DataFrame | None = None,
    dark: bool = False,
) -> go.Figure:
    """The bars and curves of `draw_slimming`; hovering gives channels, cost and accuracy with its interval.

    Args:
        widths: a SLIM_WIDTHS table of one checkpoint.
        curve: its SLIM_CURVE table, if there is one.
        chosen: the smaller network's cost: its `macs` and `accuracy` are marked in the curve.
        tuned: a SLIM_TUNED table, if points were fine-tuned.
        dark: draw for a dark background.
    """
    theme, rows = theme_of(dark=dark), 1 if curve is None else 2
    heights = {} if curve is None else {"row_heights": [_BARS, _CURVE]}
    name = escape(shorten(str(widths["checkpoint"].iloc[0]), 32))
    titles = [f"{name}: channels left of every group", "accuracy over cost, before any fine-tuning"][:rows]
    figure = start_figure(rows, 1, vertical_spacing=0.17, subplot_titles=titles, **heights)
    blocks = list(dict.fromkeys(widths["block"]))
    for bars in _draw_widths(widths, blocks, theme):
        figure.add_trace(bars, row=1, col=1)
    if curve is not None:
        for trace in _draw_curve(curve, chosen, theme):
            figure.add_trace(trace.update(legend="legend2"), row=2, col=1)
        for trace in _draw_tuned(tuned, theme) if tuned is not None else []:
            figure.add_trace(trace.update(legend="legend2"), row=2, col=1)
    height = _BARS + 110 if curve is None else _BARS + _CURVE + _LEGENDS + 20 * 5 * (tuned is not None)
    dress_figure(figure, theme, height=height, top=84, bottom=60)
    figure.update_annotations(x=0, xanchor="left")
    figure.update_layout(barmode="group", bargap=0.25, hovermode="closest")
    _name_axes(figure, blocks, theme, curve=curve is not None)
    return figure


def _draw_widths(widths: pd.DataFrame, blocks: list[str], theme: Theme) -> list[go.Bar]:
    """A bar a block and group: the share of its channels that is left, with their number."""
    drawn = []
    for group in dict.fromkeys(widths["group"]):
        own = widths[widths["group"] == group]
        drawn.append(
            go.Bar(
                x=[blocks.index(block) for block in own["block"]],
                y=100 * own["after"] / own["before"],
                name=GROUP_NAMES[group],
                marker={"color": theme.groups[group], "line": {"width": 0}},
                text=own["after"].astype(str),
                textposition="outside",
                textangle=0,
                textfont={"size": 9},
                cliponaxis=False,
                customdata=np.stack([own["layer"], own["before"], own["after"]], axis=1),
                hovertemplate=f"%{{customdata[0]}}<br>{GROUP_NAMES[group]}: %{{customdata[2]}} of "
                "%{customdata[1]} left (%{y:.0f}%)<extra></extra>",
            )
        )
    return drawn


def _draw_curve(curve: pd.DataFrame, chosen: NetworkCost | None, theme: Theme) -> list[go.Scatter]:
    """Accuracy over cost by three ways of choosing what goes, the scores' with its interval as a band."""
    score, uniform = (curve[curve["method"] == method] for method in ("score", "uniform"))
    orders = curve[curve["method"] == "random"].groupby("draw")
    drawn = [
        _draw_line(
            rows, f"random channels, {orders.ngroups} orders", {"color": theme.faint, "width": 1}, "line-ns"
        ).update(legendgroup="random", showlegend=number == 0, mode="lines")
        for number, (_, rows) in enumerate(orders)
    ]
    low, high = (100 * score[f"accuracy_{end}"] for end in ("low", "high"))
    at = to_percent(score)
    band = go.Scatter(x=[*at, *at[::-1]], y=[*high, *low[::-1]], fill="toself", fillcolor=theme.accent)
    band.update(opacity=0.18, line={"width": 0}, hoverinfo="skip", showlegend=False, mode="lines")
    ours = "lowest scores first; band: 95% interval"
    plain = {"color": theme.mark, "width": 1.6, "dash": "dash"}
    drawn += [
        band.update(legendgroup="score"),
        _draw_line(uniform, "as many of every group", plain, "square"),
        _draw_line(score, ours, {"color": theme.accent, "width": 2}, "circle").update(legendgroup="score"),
    ]
    return drawn if chosen is None or chosen.accuracy is None else [*drawn, _ring(curve, chosen, theme)]


def _draw_line(rows: pd.DataFrame, name: str, line: dict[str, object], symbol: str) -> go.Scatter:
    """Accuracies of one way, from the whole network to the smallest."""
    told = [
        f"{row['macs_share']:.0%} of the multiply-adds, {row['removed']} channels gone<br>"
        f"{row['accuracy']:.1%} right ({100 * row['accuracy_low']:.1f} to {row['accuracy_high']:.1%})"
        for row in rows.to_dict("records")
    ]
    return go.Scatter(
        x=to_percent(rows),
        y=100 * rows["accuracy"],
        mode="lines+markers",
        name=name,
        line=line,
        marker={"symbol": symbol, "size": 7, "color": line["color"]},
        text=told,
        hovertemplate="%{text}<extra></extra>",
    )


def _ring(curve: pd.DataFrame, chosen: NetworkCost, theme: Theme) -> go.Scatter:
    """A ring around the network that was chosen."""
    accuracy = float("nan") if chosen.accuracy is None else chosen.accuracy.value
    share = chosen.macs / curve["macs"].max()
    told = (
        f"the network proposed<br>{show_count(chosen.macs)} multiply-adds ({share:.0%}), {accuracy:.1%} right"
    )
    ring = {"symbol": "circle-open", "size": 16, "color": theme.ink, "line": {"width": 2}}
    drawn = go.Scatter(x=[100 * share], y=[100 * accuracy], mode="markers", marker=ring)
    return drawn.update(name="the network proposed", text=[told], hovertemplate="%{text}<extra></extra>")


def _draw_tuned(tuned: pd.DataFrame, theme: Theme) -> list[go.Scatter]:
    """After fine-tuning, with intervals; dotted lines lead there from before it."""
    drawn, epochs = [], int(tuned["epochs"].iloc[0])
    after_epochs = f"after {epochs} epoch{'s' * (epochs > 1)}"
    for method, look in TUNED_LOOKS.items():
        rows = tuned[tuned["method"] == method]
        at, colour = to_percent(rows) + look.aside, getattr(theme, look.colour)
        before, after, low, high = (
            100 * rows[f"accuracy_{part}"].to_numpy()
            for part in ("before", "after", "after_low", "after_high")
        )
        gaps = np.full(len(rows), np.nan)
        rise = go.Scatter(
            x=np.stack([at, at, gaps], axis=1).ravel(), y=np.stack([before, after, gaps], axis=1).ravel()
        )
        rise.update(mode="lines", line={"color": colour, "width": 1, "dash": "dot"}, hoverinfo="skip")
        marks = go.Scatter(
            x=at,
            y=after,
            mode="markers",
            name=f"{look.name}, {after_epochs}",
            error_y={"array": high - after, "arrayminus": after - low, "color": colour, "width": 0},
            marker={
                "symbol": _SYMBOLS[look.marker],
                "size": 11,
                "color": colour,
                "line": {"width": 1, "color": theme.panel},
            },
            text=[
                f"{look.name}<br>before {a:.1f}%, {after_epochs} {b:.1f}%"
                for a, b in zip(before, after, strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
            legendgroup=method,
        )
        drawn += [rise.update(showlegend=False, legendgroup=method), marks]
    return drawn


def _name_axes(figure: go.Figure, blocks: list[str], theme: Theme, *, curve: bool) -> None:
    names = [block.removeprefix("layer") for block in blocks]
    figure.update_xaxes(
        tickvals=list(range(len(names))),
        ticktext=names,
        title="block",
        showgrid=False,
        zeroline=False,
        row=1,
        col=1,
    )
    ticks = [0, 25, 50, 75, 100]
    named = [f"{tick} %" for tick in ticks]
    figure.update_yaxes(range=[0, 116], tickvals=ticks, ticktext=named, row=1, col=1)
    if not curve:
        return
    figure.update_xaxes(title="multiply-adds, of the whole network's", ticksuffix=" %", row=2, col=1)
    figure.update_yaxes(rangemode="tozero", ticksuffix=" %", title="accuracy", row=2, col=1)
    place = {"orientation": "h", "x": 0, "xanchor": "left", "yref": "container", "y": 0, "yanchor": "bottom"}
    figure.update_layout(legend2=place, margin_b=_LEGENDS)
