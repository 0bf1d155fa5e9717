"""Many checkpoints in plotly: the drawings of figure.py, to hover over; each keeps its colour and line."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.comparison.figure import estimate_density, list_places
from gst_analysis.analyses.comparison.table import ScaleComparison
from gst_analysis.analyses.scales.gaps_interactive import draw_gaps_interactive, dress_checkpoints
from gst_analysis.analyses.scales.panels import Grid, lay_out_panels
from gst_analysis.analyses.scales.table import name_symbol
from gst_analysis.groups import GROUPS
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import GROUP_NAMES, tell_apart
from gst_analysis.style.palette import LONGEST_NAME, Look, list_looks
from gst_analysis.style.screen import start_figure


def draw_pages(result: ScaleComparison, *, dark: bool = False) -> dict[str, go.Figure]:
    """Gap by block, overlaid distributions, ridgelines: by the names that they have in print."""
    absolute = result.absolute
    return {
        "gaps": draw_gaps_interactive(result.table, absolute=absolute, dark=dark),
        "overlays": draw_overlays_interactive(result.scales, by=result.by, absolute=absolute, dark=dark),
        "ridgelines": draw_ridgelines_interactive(result.scales, absolute=absolute, dark=dark),
    }


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
    dress_checkpoints(figure, theme, height=150 + tall * len(grid.rows), names=len(shown))
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
    dress_checkpoints(figure, theme, height=180 + 56 * len(names), names=1)
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
