"""Figure 4 in plotly: BN_SCALES -> the same grid as figures/bn_scales.py, to hover over and zoom."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from gst_analysis.figures.histograms import Grid, Panel, count_bins, lay_out_panels
from gst_analysis.figures.style import Theme, theme_of

_NAMES = {"spatial": "spatial channels", "temporal": "temporal channels", "all": "all channels (no groups)"}
_DASHES = {"spatial": "solid", "temporal": "dash", "all": "solid"}


def draw_bn_scales_interactive(
    table: pd.DataFrame, *, by: str = "block", absolute: bool = False, dark: bool = False
) -> go.Figure:
    """The grid of `draw_bn_scales`; hovering gives the bin, the percentage, n and the median."""
    theme = theme_of(dark=dark)
    grid = lay_out_panels(table, by=by, absolute=absolute)
    rows, columns = len(grid.rows), len(grid.columns)
    figure = make_subplots(
        rows, columns, shared_xaxes=True, shared_yaxes="all", column_titles=list(grid.columns),
        vertical_spacing=0.25 / max(4, rows), horizontal_spacing=0.03,
    )  # fmt: skip
    shown: set[str] = set()
    for r, row in enumerate(grid.rows, start=1):
        for c, column in enumerate(grid.columns, start=1):
            if panel := grid.panels.get((row, column)):
                _add_panel(figure, panel, grid, (r, c), theme, shown)
        figure.update_yaxes(title=_row_title(row), row=r, col=1)
    _dress(figure, grid, theme, symbol="|γ|" if absolute else "γ")
    return figure


def _add_panel(
    figure: go.Figure, panel: Panel, grid: Grid, place: tuple[int, int], theme: Theme, shown: set[str]
) -> None:
    centres, step = (grid.edges[:-1] + grid.edges[1:]) / 2, grid.edges[1] - grid.edges[0]
    for group, heights in count_bins(panel, grid.edges).items():
        values, colour = panel.values[group], theme.groups[group]
        median = float(np.median(values))
        hover = (
            f"{_NAMES[group]}<br>%{{x:.3f}} ± {step / 2:.3f}: %{{y:.1f}} %<br>"
            f"n = {len(values)}, median {median:.3f}<extra></extra>"
        )
        bars = go.Bar(
            x=centres, y=heights, width=step, name=_NAMES[group], legendgroup=group, opacity=0.55,
            marker={"color": colour, "line": {"width": 0}}, showlegend=group not in shown,
            hovertemplate=hover,
        )  # fmt: skip
        shown.add(group)
        figure.add_trace(bars, row=place[0], col=place[1])
        line = {"color": colour, "width": 2, "dash": _DASHES[group]}
        figure.add_vline(x=median, line=line, row=place[0], col=place[1])
    figure.add_annotation(
        text=panel.counts, x=1, y=1, xref="x domain", yref="y domain", xanchor="right", yanchor="top",
        showarrow=False, font={"size": 10, "color": theme.ink}, bgcolor=theme.panel, opacity=0.85,
        row=place[0], col=place[1],
    )  # fmt: skip


def _row_title(row: str) -> dict[str, object]:
    return {"text": row, "font": {"size": 11}}


def _dress(figure: go.Figure, grid: Grid, theme: Theme, *, symbol: str) -> None:
    two = "temporal" in grid.groups
    medians = "upright lines are medians, temporal dashed:" if two else "upright line: median"
    figure.update_layout(
        barmode="overlay", bargap=0, height=130 + 95 * len(grid.rows), paper_bgcolor=theme.paper,
        plot_bgcolor=theme.panel, font={"color": theme.ink, "size": 12},
        margin={"l": 80, "r": 20, "t": 90, "b": 50},
        legend={
            "orientation": "h", "y": 1, "yref": "container", "yanchor": "top", "x": 0.5, "xanchor": "center",
            "title": {"text": medians},
        },
    )  # fmt: skip
    figure.update_xaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.grid, ticksuffix=" %", nticks=3)
    figure.update_xaxes(title=f"batch-norm scale {symbol}", row=len(grid.rows))
