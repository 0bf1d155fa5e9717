"""Figure 4: BN_SCALES -> a grid of histograms, rows blocks or stages, columns checkpoints."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter

from gst_analysis.analyses.scales.panels import Panel, count_bins, lay_out_panels
from gst_analysis.analyses.scales.table import BnScales, name_symbol
from gst_analysis.groups import GROUPS
from gst_analysis.style.names import GROUP_NAMES, name_block, tell_apart
from gst_analysis.style.theme import DASHES, Theme, add_legend, new_figure, style_axes, theme_of


def draw_figures(result: BnScales, *, dark: bool = False) -> dict[str, Figure]:
    """The grid of all checkpoints."""
    drawn = draw_bn_scales(result.table, by=result.by, absolute=result.absolute, dark=dark)
    return {result.stem: drawn}


def draw_bn_scales(
    table: pd.DataFrame, *, by: str = "block", absolute: bool = False, dark: bool = False
) -> Figure:
    """Two translucent histograms to a panel on shared bins, medians marked, channel counts given.

    Heights are the percentage of a group's own channels, so that groups of different sizes compare.
    """
    theme = theme_of(dark=dark)
    grid = lay_out_panels(table, by=by, absolute=absolute)
    rows, columns = len(grid.rows), len(grid.columns)
    tall = 1.05 if rows <= 6 else 0.78
    figure = new_figure(max(4.6, 1.3 + (2.7 if columns <= 6 else 1.7) * columns), 1.5 + tall * rows, theme)
    axes = figure.subplots(rows, columns, squeeze=False)
    top = max(
        (
            heights.max()
            for panel in grid.panels.values()
            for heights in count_bins(panel, grid.edges).values()
        ),
        default=1,
    )
    names = tell_apart(grid.columns, 34 if columns <= 6 else 22)
    for r, row in enumerate(grid.rows):
        for c, column in enumerate(grid.columns):
            _set_scale(axes[r, c], grid.edges, top, left=c == 0, bottom=r == rows - 1)
            _draw_panel(axes[r, c], grid.panels.get((row, column)), grid.edges, theme)
            if c == 0:
                axes[r, c].set_ylabel(name_block(row), rotation=0, ha="right", va="center", fontsize=8)
            if r == 0:
                axes[r, c].set_title(names[c], fontsize=9 if columns <= 6 else 8, color=theme.ink)
    _label(figure, axes[-1], grid.groups, theme, symbol=name_symbol(absolute=absolute))
    return figure


def _set_scale(axes: Axes, edges: np.ndarray, top: float, *, left: bool, bottom: bool) -> None:
    """One scale for all panels, told at the outer ones.

    Axes that matplotlib ties together look at each other whenever one is asked how far it reaches: a tenth
    of the time of the figure.
    """
    around = 0.05 * (edges[-1] - edges[0])
    axes.set_xlim(edges[0] - around, edges[-1] + around)
    axes.set_ylim(0, top * 1.12)
    axes.tick_params(labelleft=left, labelbottom=bottom)
    for axis, told in ((axes.xaxis, bottom), (axes.yaxis, left)):
        if not told:
            axis.set_major_formatter(NullFormatter())


def _draw_panel(axes: Axes, panel: Panel | None, edges: np.ndarray, theme: Theme) -> None:
    style_axes(axes, theme)
    axes.tick_params(labelsize=7)
    if panel is None:
        _write(axes, 0.5, "no such block", theme)
        return
    for group, heights in count_bins(panel, edges).items():
        colour = theme.groups[group]
        axes.stairs(heights, edges, fill=True, alpha=0.45, color=colour)
        axes.stairs(heights, edges, color=colour, linewidth=0.8)
        median = float(np.median(panel.values[group]))
        axes.axvline(median, color=colour, linewidth=1.6, linestyle=DASHES[GROUPS[group].dash])
    _write(axes, 0.93, panel.counts, theme)


def _write(axes: Axes, height: float, text: str, theme: Theme) -> None:
    """A faint remark at the right edge, legible over whatever lies beneath."""
    box = {"facecolor": theme.panel, "edgecolor": "none", "alpha": 0.85, "pad": 1.0}
    axes.text(
        0.99,
        height,
        text,
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=6.5,
        color=theme.ink,
        bbox=box,
        zorder=5,
    )


def _label(figure: Figure, bottom: np.ndarray, groups: tuple[str, ...], theme: Theme, *, symbol: str) -> None:
    for axes in bottom:
        axes.set_xlabel(f"batch-norm scale {symbol}", fontsize=8, color=theme.ink)
    figure.supylabel("channels of the group (%)", fontsize=8, color=theme.ink)
    handles = [Patch(facecolor=theme.groups[g], alpha=0.6, label=GROUP_NAMES[g]) for g in groups]
    title = "upright line: median; n: channels"
    if len(groups) > 1:
        dashed = [g for g in groups if GROUPS[g].dash == "dash"]
        title = f"upright lines: medians ({' and '.join(dashed)} dashed); n: channels, as listed"
    add_legend(figure, handles, theme, title=title)
