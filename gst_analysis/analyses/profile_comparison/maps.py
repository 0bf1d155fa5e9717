"""PROFILE of several networks -> a map of depth against network; shares against multiply-adds. matplotlib."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import PercentFormatter

from gst_analysis.analyses.profile.table import MEASURES
from gst_analysis.analyses.profile_comparison.layout import (
    Cells,
    lay_out_map,
    list_costed,
    list_shared,
    name_line,
    name_map,
)
from gst_analysis.analyses.profile_comparison.table import ProfileComparison
from gst_analysis.style.palette import Look, list_looks, name_lines
from gst_analysis.style.theme import Theme, add_legend, new_figure, style_axes, theme_of

EXCESS = "time's share against its part of the channels, or chance"
MACS = "multiply-adds of a clip"


def choose_colours(theme: Theme) -> list[str]:
    """From space's colour over paper to time's."""
    return [theme.groups["spatial"], theme.panel, theme.groups["temporal"]]


def draw_map(result: ProfileComparison, *, dark: bool = False) -> Figure:
    """A panel a line, a row a network, a column a place: what lies above its part; dots where surely so."""
    theme, lines = theme_of(dark=dark), list_shared(result.table, list(MEASURES))
    count = max(1, len(lines))
    columns = 1 if count == 1 else 2
    rows = -(-count // columns)
    figure = new_figure(5.2 * columns + 1.6, 1.2 + rows * (0.75 + 0.24 * len(result.names)), theme)
    axes = figure.subplots(rows, columns, squeeze=False, sharey=True)
    shown = None
    for place, measure in zip(axes.flat, lines, strict=False):
        cells = lay_out_map(result, measure)
        shown = _draw_cells(place, cells, theme)
        place.set_title(name_map(measure, cells), fontsize=9, color=theme.ink, loc="left")
    for place in axes.flat[len(lines) :]:
        place.set_visible(False)
    if shown is not None:
        bar = figure.colorbar(shown, ax=axes, shrink=0.8, ticks=[-1, 0, 1])
        bar.ax.set_yticklabels(["less", "its part", "more"])
        bar.outline.set_edgecolor(theme.faint)
        bar.set_label(EXCESS, color=theme.ink, fontsize=8)
        bar.ax.tick_params(colors=theme.faint, labelcolor=theme.ink, labelsize=8)
    return figure


def _draw_cells(axes: Axes, cells: Cells, theme: Theme) -> AxesImage:
    style_axes(axes, theme, grid=None)
    axes.set_facecolor(theme.grid)  # what is not defined shows through
    colours = LinearSegmentedColormap.from_list("excess", choose_colours(theme))
    found = np.ma.masked_invalid(cells.excess / cells.reach)
    shown = axes.imshow(found, cmap=colours, vmin=-1, vmax=1, aspect="auto")
    rows, columns = np.nonzero(cells.sure)
    axes.scatter(columns, rows, s=6, color=theme.ink, linewidth=0)
    every = max(1, -(-len(cells.columns) // 16))
    ticks = list(range(0, len(cells.columns), every))
    named = [cells.columns[tick] for tick in ticks]
    axes.set_xticks(ticks, named, rotation=90 if max(map(len, named), default=0) > 7 else 0, fontsize=7)
    axes.set_yticks(range(len(cells.rows)), cells.rows, fontsize=7)
    return shown


def draw_costs(result: ProfileComparison, *, dark: bool = False) -> Figure:
    """A panel a line: each network as a whole, against the multiply-adds of one clip of its own size."""
    theme, lines = theme_of(dark=dark), list_costed(result)
    count = max(1, len(lines))
    columns = min(3, count)
    rows = -(-count // columns)
    figure = new_figure(max(6.4, 3.2 * columns), 1.4 + 2.1 * rows, theme)
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False)
    looks = dict(zip(result.names, list_looks(len(result.names), theme), strict=True))
    for number, place in enumerate(axes.flat):
        place.set_visible(number < len(lines))
        place.tick_params(labelbottom=len(lines) - columns <= number < len(lines))
    for number, (place, measure) in enumerate(zip(axes.flat, lines, strict=False)):
        _draw_against_cost(place, result, measure, looks, theme)
        if number >= len(lines) - columns:
            place.set_xlabel(MACS, fontsize=8)
    add_legend(figure, name_lines(result.names, theme, markers=True), theme)
    return figure


def _draw_against_cost(
    axes: Axes, result: ProfileComparison, measure: str, looks: dict[str, Look], theme: Theme
) -> None:
    style_axes(axes, theme)
    axes.set_title(name_line(measure), fontsize=9, color=theme.ink, loc="left")
    rows = result.networks[(result.networks["measure"] == measure) & result.networks["macs"].notna()]
    for row in rows.to_dict("records"):
        look = looks[row["checkpoint"]]
        axes.plot(
            [row["macs"]], [row["value"]], color=look.colour, marker=look.marker, linestyle="", zorder=3
        )
        axes.vlines([row["macs"]], [row["low"]], [row["high"]], color=look.colour, linewidth=1.2)
        axes.plot([row["macs"]], [row["even"]], color=look.colour, marker="_", markersize=9, linestyle="")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.xaxis.set_major_formatter(lambda value, _: show_macs(value))
    axes.tick_params(axis="x", labelsize=7)
    axes.margins(x=0.15)


def show_macs(value: float) -> str:
    """Multiply-adds for an axis: 29 G, 31.5 M."""
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:.3g} {letter}"
    return f"{value:.3g}"
