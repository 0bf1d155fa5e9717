"""Many checkpoints in plotly: the drawings of figure.py, to hover over; each keeps its colour and line."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.comparison.figure import estimate_density, list_places
from gst_analysis.analyses.comparison.table import ScaleComparison
from gst_analysis.analyses.scales.panels import Grid, lay_out_panels
from gst_analysis.analyses.scales.table import find_sure, name_difference, name_symbol
from gst_analysis.groups import GROUPS
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import GROUP_NAMES, shorten_layers, tell_apart
from gst_analysis.style.palette import LONGEST_NAME, MOST_NAMED, Look, list_looks
from gst_analysis.style.screen import dress_figure, start_figure

_LEGEND_ROW = 20
"""Pixels; on a narrow page a checkpoint has a row of the legend to itself."""
_APART = 0.6
"""Of the room between two blocks, what the marks of all checkpoints take."""


def draw_pages(result: ScaleComparison, *, dark: bool = False) -> dict[str, go.Figure]:
    """Gap by block, overlaid distributions, ridgelines: by the names that they have in print."""
    absolute = result.absolute
    return {
        "gaps": draw_gaps_interactive(result.table, absolute=absolute, dark=dark),
        "overlays": draw_overlays_interactive(result.scales, by=result.by, absolute=absolute, dark=dark),
        "ridgelines": draw_ridgelines_interactive(result.scales, absolute=absolute, dark=dark),
    }


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
    _dress(figure, theme, height=430, names=len(names))
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
        f"<b>{escape(str(row['block']))}</b>, {escape(name)}<br>gap {show_real(row['gap'])}"
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


def draw_overlays_interactive(
    table: pd.DataFrame, *, by: str = "stage", absolute: bool = False, dark: bool = False
) -> go.Figure:
    """The cumulative shares of `draw_overlays`; hovering gives a share, the legend takes checkpoints away."""
    theme, grid = theme_of(dark=dark), lay_out_panels(table, by=by, absolute=absolute)
    groups = [group for group in GROUP_NAMES if group in grid.groups]
    figure = start_figure(
        len(grid.rows),
        len(groups),
        shared_xaxes="all",
        shared_yaxes="all",
        column_titles=groups,
        vertical_spacing=0.2 / max(4, len(grid.rows)),
        horizontal_spacing=0.03,
    )
    looks, shown = list_looks(len(grid.columns), theme), tell_apart(grid.columns, LONGEST_NAME)
    named: set[str] = set()
    for c, column in enumerate(grid.columns):
        for r, row in enumerate(grid.rows):
            panel = grid.panels.get((row, column))
            for g, group in enumerate(groups):
                if panel is not None and group in panel.values:
                    curve = _build_share(panel.values[group], f"{row}, {group}", shown[c], looks[c])
                    curve.showlegend = column not in named
                    figure.add_trace(curve, row=r + 1, col=g + 1)
                    named.add(column)
    symbol = name_symbol(absolute=absolute)
    tall = 120 if len(grid.rows) <= 6 else 80
    _dress(figure, theme, height=150 + tall * len(grid.rows), names=len(shown))
    for r, row in enumerate(grid.rows):
        figure.update_yaxes(title={"text": row, "font": {"size": 11}}, row=r + 1, col=1)
    figure.update_yaxes(tickvals=[0, 50, 100], ticktext=["0", "50 %", "100 %"], range=[-4, 104])
    middle = (len(groups) + 1) // 2
    figure.update_xaxes(title=f"batch-norm scale {symbol}", row=len(grid.rows), col=middle)
    return figure


def _build_share(values: np.ndarray, where: str, name: str, look: Look) -> go.Scatter:
    """The share of values at or below each of them, as steps."""
    ordered = np.sort(values)
    share = 100 * np.arange(1, len(ordered) + 1) / len(ordered)
    return go.Scatter(
        x=[ordered[0], *ordered],
        y=[0, *share],
        mode="lines",
        name=escape(name),
        legendgroup=name,
        line={"color": look.colour, "dash": look.dash, "width": 1.8, "shape": "hv"},
        hovertemplate=f"<b>{escape(name)}</b>, {escape(where)}<br>%{{y:.0f}} % of {len(values)} channels "
        "at or below %{x:.3f}<extra></extra>",
    )


def draw_ridgelines_interactive(
    table: pd.DataFrame, *, absolute: bool = False, dark: bool = False
) -> go.Figure:
    """The ridges of `draw_ridgelines`: a column a stage, a ridge a checkpoint; the marks are medians."""
    theme, grid = theme_of(dark=dark), lay_out_panels(table, by="stage", absolute=absolute)
    names = list(grid.columns)
    figure = start_figure(
        1,
        len(grid.rows),
        shared_xaxes="all",
        shared_yaxes=True,
        column_titles=list(grid.rows),
        horizontal_spacing=0.02,
    )
    for c in range(len(grid.rows)):
        for place in range(len(names)):
            _add_ridge(figure, grid, (c, place), theme)
    shown = [escape(name) for name in tell_apart(names, 24)]
    _dress(figure, theme, height=180 + 56 * len(names), names=1)
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=shown[::-1], range=[-0.3, len(names) + 0.3], showgrid=False
    )
    figure.update_yaxes(automargin=True, col=1)
    figure.update_xaxes(title=f"scale {name_symbol(absolute=absolute)}")
    first: set[str] = set()
    for trace in figure.data:
        trace.showlegend = trace.mode == "markers" and trace.legendgroup not in first
        first |= {trace.legendgroup} if trace.showlegend else set()
    return figure


def _add_ridge(figure: go.Figure, grid: Grid, where: tuple[int, int], theme: Theme) -> None:
    """One checkpoint's densities in one column, on their base line, and the medians below them."""
    column, place = where
    panel = grid.panels.get((grid.rows[column], grid.columns[place]))
    if panel is None:
        return
    base, at = len(grid.columns) - 1 - place, list_places(grid.edges)
    densities = {group: estimate_density(values, at) for group, values in panel.values.items()}
    top = max(float(density.max()) for density in densities.values())
    for group, density in densities.items():
        colour = theme.groups[group]
        ridge = go.Scatter(
            x=[*at, *at[::-1]],
            y=[*(base + 0.95 * density / top), *np.full(len(at), base)],
            fill="toself",
            opacity=0.55,
            line={"color": colour, "width": 1, "dash": GROUPS[group].dash},
            mode="lines",
            hoverinfo="skip",
            legendgroup=group,
        )
        values = panel.values[group]
        median = go.Scatter(
            x=[float(np.median(values))],
            y=[base],
            mode="markers",
            name=GROUP_NAMES[group],
            legendgroup=group,
            marker={"color": colour, "size": 9, "symbol": "line-ns-open", "line": {"width": 3}},
            hovertemplate=f"<b>{escape(grid.columns[place])}</b><br>{GROUP_NAMES[group]}: median %{{x:.3f}} "
            f"of {len(values)}<extra></extra>",
        )
        figure.add_traces([ridge, median], rows=[1, 1], cols=[column + 1] * 2)


def _dress(figure: go.Figure, theme: Theme, *, height: int, names: int) -> None:
    rows = min(names, MOST_NAMED)
    top = 60 + _LEGEND_ROW * -(-rows // 2)
    dress_figure(figure, theme, height=height + top - 80, top=top)
