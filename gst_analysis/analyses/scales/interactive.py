"""Figure 4 in plotly: BN_SCALES -> the grid of the figure for print, to hover over and zoom."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.scales.panels import Grid, Panel, count_bins, lay_out_panels
from gst_analysis.analyses.scales.table import BnScales, name_symbol
from gst_analysis.errors import spell_controls
from gst_analysis.groups import GROUPS
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import GROUP_NAMES, name_block
from gst_analysis.style.screen import SYMBOLS, legend_above, paint, start_figure

_FEW = 2
"""Up to so many columns have a title below each, and their names in large letters."""
_LINE = 20
"""Characters of a name that find room above one of two columns on a telephone; twice as many above one."""
_ROOMY, _NARROW = 3, 9
"""Columns up to which names find room on a telephone; characters a line where there are many."""
_MOST_DOTS = 4
"""Channels of a group up to which each is a dot: a histogram of so few is bars of a quarter and more."""


def draw_pages(result: BnScales, *, dark: bool = False) -> dict[str, go.Figure]:
    """The grid of all checkpoints."""
    drawn = draw_bn_scales_interactive(result.table, by=result.by, absolute=result.absolute, dark=dark)
    return {result.stem: drawn}


def draw_bn_scales_interactive(
    table: pd.DataFrame, *, by: str = "block", absolute: bool = False, dark: bool = False
) -> go.Figure:
    """The grid of `draw_bn_scales`; hovering gives the bin, the percentage, n and the median."""
    theme = theme_of(dark=dark)
    grid = lay_out_panels(table, by=by, absolute=absolute)
    rows, columns = len(grid.rows), len(grid.columns)
    figure = start_figure(
        rows,
        columns,
        shared_xaxes=True,
        shared_yaxes="all",
        column_titles=[_wrap(name, columns) for name in grid.columns],
        vertical_spacing=0.25 / max(4, rows),
        horizontal_spacing=min(0.03, 0.2 / columns),
    )
    bars, lines, notes = [], [], list(figure.layout.annotations)
    for r, row in enumerate(grid.rows):
        for c, column in enumerate(grid.columns):
            axes, panel = _name_axes(r * columns + c + 1), grid.panels.get((row, column))
            notes.append(_note(panel.counts if panel else "no such block", axes, theme))
            bars += _list_marks(panel, grid, axes, theme) if panel else [_hold_open(grid, axes)]
            lines += _list_medians(panel, axes, theme) if panel else []
        figure.update_yaxes(title=_row_title(row), row=r + 1, col=1)
    # All at once: plotly copies what a figure has for every line or note that is added to it.
    figure.add_traces(_show_once(bars))
    figure.update_layout(shapes=lines, annotations=notes)
    figure.update_annotations(
        {"font.size": 13 if columns <= _FEW else 10}, selector=lambda a: a.yref == "paper"
    )
    _dress(figure, grid, theme, symbol=name_symbol(absolute=absolute))
    if any(isinstance(trace, go.Scatter) for trace in figure.data):
        figure.layout.legend.title.text += f"<br>dots: each channel, in groups of up to {_MOST_DOTS}"
        figure.update_layout(height=figure.layout.height + 15, margin_t=figure.layout.margin.t + 15)
    return figure


def _wrap(name: str, columns: int) -> str:
    """A checkpoint's name in as many lines as its column's width asks for."""
    most = _LINE if columns > 1 else 2 * _LINE
    wide = (160 if columns <= _ROOMY else 56) // columns
    return "<br>".join(textwrap.wrap(spell_controls(name), max(_NARROW, min(most, wide))))


def _name_axes(number: int) -> dict[str, str]:
    """How plotly calls the axes of a panel, counted along the rows from 1."""
    return {"xaxis": f"x{number}", "yaxis": f"y{number}"} if number > 1 else {"xaxis": "x", "yaxis": "y"}


def _list_marks(panel: Panel, grid: Grid, axes: dict[str, str], theme: Theme) -> list[go.Bar | go.Scatter]:
    """A histogram of every group; of a group of few channels, a dot for each of them."""
    centres, step = (grid.edges[:-1] + grid.edges[1:]) / 2, grid.edges[1] - grid.edges[0]
    bars: list[go.Bar | go.Scatter] = []
    for group, heights in count_bins(panel, grid.edges).items():
        values = panel.values[group]
        if len(values) <= _MOST_DOTS:
            bars.append(_build_dots(group, values, axes, theme))
            continue
        hover = (
            f"{GROUP_NAMES[group]}<br>%{{x:.3f}} ± {step / 2:.3f}: %{{y:.1f}} %<br>"
            f"n = {len(values)}, median {np.median(values):.3f}<extra></extra>"
        )
        bar = go.Bar(
            x=centres,
            y=heights,
            width=step,
            name=GROUP_NAMES[group],
            legendgroup=group,
            opacity=0.55,
            marker={"color": theme.groups[group], "line": {"width": 0}},
            hovertemplate=hover,
            **axes,
        )
        bars.append(bar)
    return bars


def _build_dots(group: str, values: np.ndarray, axes: dict[str, str], theme: Theme) -> go.Scatter:
    """Every channel at its scale, as high as its share of the group."""
    symbol = SYMBOLS[GROUPS[group].marker]
    hover = (
        f"{GROUP_NAMES[group]}<br>%{{x:.3f}}<br>one of {len(values)}, median {np.median(values):.3f}"
        "<extra></extra>"
    )
    return go.Scatter(
        x=values,
        y=np.full(len(values), 100 / len(values)),
        mode="markers",
        name=GROUP_NAMES[group],
        legendgroup=group,
        marker={"color": theme.groups[group], "size": 8, "opacity": 0.8, "symbol": symbol},
        hovertemplate=hover,
        **axes,
    )


def _hold_open(grid: Grid, axes: dict[str, str]) -> go.Bar:
    """A bar of no height: where nothing lies plotly draws no axes, nor numbers at the foot of a column."""
    middle = float(grid.edges[[0, -1]].mean())
    return go.Bar(x=[middle], y=[0], hoverinfo="skip", **axes)


def _show_once(bars: list[go.Bar | go.Scatter]) -> list[go.Bar | go.Scatter]:
    """Give each group one entry in the legend."""
    first = {bar.name: bar for bar in reversed(bars)}
    for bar in bars:
        bar.showlegend = bar.name is not None and bar is first[bar.name]
    return bars


def _list_medians(panel: Panel, axes: dict[str, str], theme: Theme) -> list[dict[str, object]]:
    place = {"xref": axes["xaxis"], "yref": f"{axes['yaxis']} domain", "y0": 0, "y1": 1}
    return [
        {
            "type": "line",
            **place,
            "x0": median,
            "x1": median,
            "line": {"color": theme.groups[group], "width": 2, "dash": GROUPS[group].dash},
        }
        for group, median in ((g, float(np.median(v))) for g, v in panel.values.items())
    ]


def _note(text: str, axes: dict[str, str], theme: Theme) -> dict[str, object]:
    return {
        "text": text,
        "showarrow": False,
        "bgcolor": theme.panel,
        "opacity": 0.85,
        "x": 1,
        "xref": f"{axes['xaxis']} domain",
        "xanchor": "right",
        "y": 1,
        "yref": f"{axes['yaxis']} domain",
        "yanchor": "top",
        "font": {"size": 10, "color": theme.ink},
    }


def _row_title(row: str) -> dict[str, object]:
    return {"text": name_block(row), "font": {"size": 11}}


def _dress(figure: go.Figure, grid: Grid, theme: Theme, *, symbol: str) -> None:
    dashed = " and ".join(group for group in grid.groups if GROUPS[group].dash == "dash")
    lines = max(_wrap(name, len(grid.columns)).count("<br>") for name in grid.columns)
    told = f"upright lines: medians, {dashed} dashed; n: channels, as listed"
    medians = told if len(grid.groups) > 1 else "upright line: median"
    paint(figure, theme, height=135 + 15 * lines + 95 * len(grid.rows), margin=(80, 20, 95 + 15 * lines, 50))
    figure.update_layout(barmode="overlay", bargap=0, legend=legend_above(medians))
    figure.update_xaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.grid, ticksuffix=" %", nticks=3)
    if len(grid.columns) > _ROOMY:  # more numbers would stand upright on a telephone, over each other
        figure.update_xaxes(nticks=3)
    titled = None if len(grid.columns) <= _FEW else (len(grid.columns) + 1) // 2
    title = {"text": f"batch-norm scale {symbol}", "font": {"size": 12}}
    figure.update_xaxes(title=title, row=len(grid.rows), col=titled)
