"""Cost in plotly: the two figures of `figure`, to hover over and zoom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.cost.labels import Room, place_labels
from gst_analysis.analyses.cost.panels import (
    COSTS,
    Points,
    Stacks,
    choose_points,
    describe_design,
    list_ticks,
    mark_label,
    stack_by_stage,
)
from gst_analysis.analyses.cost.table import Cost, PlacedDesign, PublishedPlacing
from gst_analysis.style.colours import HATCHED, Theme, theme_of
from gst_analysis.style.screen import break_lines, paint, start_figure

_FONT, _MARK, _STAR = 11, 10, 18
_SMALLEST = np.array([600.0, 400.0])
"""Labels are placed for a plot of this many pixels; in a larger one they stand further apart, never closer,
because they keep their place on the axes."""
_LINE = 35
"""Characters that find room beside a mark of the legend on a telephone."""


def draw_pages(result: Cost | PublishedPlacing, *, dark: bool = False) -> dict[str, go.Figure]:
    """The bars of a network's cost, or published accuracies over cost."""
    if isinstance(result, Cost):
        return {result.stem: draw_cost_bars_interactive(result.table, quantity=result.quantity, dark=dark)}
    drawn = draw_accuracy_over_cost_interactive(
        result.table, design=PlacedDesign(*result.design), dataset=result.dataset, cost=result.cost, dark=dark
    )
    return {result.stem: drawn}


def draw_cost_bars_interactive(
    table: pd.DataFrame, *, quantity: str = "macs", dark: bool = False
) -> go.Figure:
    """The bars of `draw_cost_bars`; hovering gives stage, group and amount."""
    theme = theme_of(dark=dark)
    stacks = stack_by_stage(table, quantity=quantity)
    figure = start_figure()
    for group, heights in stacks.heights.items():
        hover = f"%{{x}}, {group}: %{{customdata}} {stacks.unit}<extra></extra>"
        shown = [stacks.show(height) for height in heights]
        bar = go.Bar(
            x=stacks.stages,
            y=heights,
            name=_break_after_name(stacks.describe(group)),
            customdata=shown,
            hovertemplate=hover,
            marker={"color": theme.groups[group], "line": {"width": 0}},
        )
        if group == HATCHED:
            bar.marker.pattern = {"shape": "/", "solidity": 0.12, "fgcolor": theme.paper}
        figure.add_trace(bar)
    figure.add_trace(_write_totals(stacks, theme))
    _dress(figure, theme, title=stacks.title.replace(", ", "<br>", 1), height=480)
    figure.update_layout(barmode="stack", bargap=0.28)
    figure.update_yaxes(title=stacks.axis, range=[0, 1.1 * stacks.totals.max()])
    return figure


def draw_accuracy_over_cost_interactive(
    published: pd.DataFrame,
    *,
    design: PlacedDesign | None = None,
    dataset: str = "something-v1",
    cost: str = "gmacs",
    dark: bool = False,
) -> go.Figure:
    """The scatter of `draw_accuracy_over_cost`; hovering gives accuracy and cost."""
    theme = theme_of(dark=dark)
    points = choose_points(published, dataset=dataset, cost=cost, design=design)
    figure = start_figure()
    _mark_points(figure, points, COSTS[cost], theme)
    if design:
        figure.add_trace(_mark_design(design.cost, describe_design(design, cost, points), points, theme))
    figure.update_layout(annotations=_list_notes(points, theme, design.cost if design else None))
    clip = f"one clip of {points.usual_frames} frames, one crop,<br>unless a label says otherwise"
    title = points.title.replace(" on ", " on<br>", 1)
    _dress(figure, theme, title=f"{title}<br><sub>{clip}</sub>", height=760)
    ticks = list_ticks(points.x_limits)
    limits = [float(v) for v in np.log10(points.x_limits)]
    figure.update_xaxes(type="log", range=limits, tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    figure.update_xaxes(title=f"{COSTS[cost]} (logarithmic)", gridcolor=theme.grid)
    figure.update_yaxes(title="top-1 accuracy (%)", range=list(points.y_limits))
    return figure


def _break_after_name(text: str) -> str:
    """A name and what is said of it on two lines of the legend."""
    return text.replace(": ", ":<br>", 1)


def _write_totals(stacks: Stacks, theme: Theme) -> go.Scatter:
    return go.Scatter(
        x=stacks.stages,
        y=stacks.totals,
        text=[f"<b>{stacks.show(t)}</b>" for t in stacks.totals],
        mode="text",
        textposition="top center",
        textfont={"color": theme.ink},
        showlegend=False,
        hoverinfo="skip",
    )


def _mark_points(figure: go.Figure, points: Points, unit: str, theme: Theme) -> None:
    """A trace for every kind of point that occurs, GST first."""
    table = points.table.sort_values(["ours", "source", "low"], ascending=[False, True, True])
    for (ours, source, low), rows in table.groupby(["ours", "source", "low"], sort=False):
        name = "GST" if ours else "other networks"
        name += ", cost as printed, not computed here" if source == "printed" else ""
        name += ", far below the axis" if low else ""
        colour = theme.accent if ours else theme.faint
        symbol = ("triangle-down" if low else "circle") + ("-open" if source == "printed" else "")
        figure.add_trace(_mark_rows(rows, name, colour, symbol, unit))


def _mark_rows(rows: pd.DataFrame, name: str, colour: str, symbol: str, unit: str) -> go.Scatter:
    return go.Scatter(
        x=rows["x"],
        y=rows["y"],
        mode="markers",
        name=break_lines(name, _LINE),
        customdata=rows[["label", "top1"]],
        marker={"color": colour, "symbol": symbol, "size": _MARK, "line": {"color": colour, "width": 1.5}},
        hovertemplate=f"%{{customdata[0]}}<br>%{{customdata[1]}} % top-1<br>%{{x:.1f}} {unit}<extra></extra>",
    )


def _mark_design(cost: float, text: str, points: Points, theme: Theme) -> go.Scatter:
    """One's own with its own entry in the legend: a star, or a line from edge to edge."""
    told = {"name": _break_after_name(text), "hovertemplate": f"{text}<extra></extra>"}
    if points.own is None:
        line = {"color": theme.mark, "width": 2.5, "dash": "dash"}
        return go.Scatter(x=[cost] * 2, y=list(points.y_limits), mode="lines", line=line, **told)
    marker = {"color": theme.mark, "symbol": "star", "size": _STAR}
    return go.Scatter(x=[cost], y=[points.own], mode="markers", marker=marker, **told)


def _list_notes(points: Points, theme: Theme, own: float | None) -> list[go.layout.Annotation]:
    """Each point's label where it covers nothing; an arrow without a head where it stands apart."""
    table = points.table
    texts = [mark_label(row) for row in table.to_dict("records")]
    sizes = np.array([[0.53 * _FONT * len(text), 1.3 * _FONT] for text in texts])
    at = _to_pixels(table["x"].to_numpy(), table["y"].to_numpy(), points)
    middle = _SMALLEST / 2
    room = Room(np.hstack([middle, _SMALLEST]), radius=_MARK / 2 + 2, pad=1.5)
    if own is not None:
        x, y = _to_pixels(np.array([own]), np.array([points.own or points.y_limits[0]]), points)[0]
        line = [x, middle[1], 3, _SMALLEST[1]]
        room = replace(room, obstacles=np.array([line if points.own is None else [x, y, _STAR, _STAR]]))
    boxes = place_labels(at, sizes, room)
    places = _from_pixels(boxes[:, :2], points)
    return [
        _note(text, (row["x"], row["y"]), place, theme)
        for text, row, place in zip(texts, table.to_dict("records"), places, strict=True)
    ]


def _note(
    text: str, point: tuple[float, float], place: tuple[float, float], theme: Theme
) -> go.layout.Annotation:
    return go.layout.Annotation(
        x=float(np.log10(point[0])),
        y=point[1],
        text=text,
        font={"size": _FONT, "color": theme.ink},
        axref="x",
        ayref="y",
        ax=place[0],
        ay=place[1],
        arrowhead=0,
        arrowwidth=0.8,
        arrowcolor=theme.faint,
        standoff=_MARK / 2,
        borderpad=0,
    )


def _to_pixels(x: np.ndarray, y: np.ndarray, points: Points) -> np.ndarray:
    """(n, 2) positions in the smallest plot, y upwards."""
    (left, right), (bottom, top) = np.log10(points.x_limits), points.y_limits
    shares = np.stack([(np.log10(x) - left) / (right - left), (y - bottom) / (top - bottom)], axis=-1)
    return np.asarray(shares * _SMALLEST)


def _from_pixels(places: np.ndarray, points: Points) -> list[tuple[float, float]]:
    """The inverse, but for the logarithm: annotations want it taken."""
    (left, right), (bottom, top) = np.log10(points.x_limits), points.y_limits
    shares = places / _SMALLEST
    return [(float(left + x * (right - left)), float(bottom + y * (top - bottom))) for x, y in shares]


def _dress(figure: go.Figure, theme: Theme, *, title: str, height: int) -> None:
    """Theme, title, and the legend below the axes, both with room for their lines."""
    entries = [trace.name for trace in figure.data if trace.showlegend is not False]
    below = 75 + sum(20 + 16 * name.count("<br>") for name in entries)
    above = 60 + 24 * title.count("<br>")
    paint(figure, theme, height=height, margin=(70, 20, above, below))
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xref": "paper"},
        hoverlabel={"namelength": -1},
        legend={"x": 0, "y": 0, "yref": "container", "yanchor": "bottom", "traceorder": "normal"},
    )
    figure.update_xaxes(gridcolor="rgba(0,0,0,0)", zeroline=False)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.faint)
