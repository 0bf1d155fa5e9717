"""Many checkpoints in one figure: gaps by block with intervals, overlaid distributions, ridgelines.

Enters BLOCK_GAPS or BN_SCALES tables, leaves matplotlib figures. Space and time keep their colours; where
a colour stands for a checkpoint, it follows from the order given (style/palette.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gst_analysis.analyses.comparison.table import ScaleComparison
from gst_analysis.analyses.scales.gap_figure import draw_gaps
from gst_analysis.analyses.scales.gap_map import draw_gap_map
from gst_analysis.analyses.scales.panels import lay_out_panels
from gst_analysis.analyses.scales.table import name_symbol
from gst_analysis.style.names import GROUP_NAMES, tell_apart
from gst_analysis.style.palette import LONGEST_NAME, MOST_NAMED, list_looks, name_lines
from gst_analysis.style.theme import DASHES, Theme, add_legend, new_figure, style_axes, theme_of

_STEPS = 240
_SMOOTHING = 0.012
"""The least width of a curve of density, as a part of the axis."""


def draw_figures(result: ScaleComparison, *, dark: bool = False) -> dict[str, Figure]:
    """Gaps by block, or a map of them where checkpoints are many; overlaid distributions; ridgelines."""
    absolute = result.absolute
    draw = draw_gaps if len(result.summary.checkpoints) <= MOST_NAMED else draw_gap_map
    return {
        "gaps": draw(result.table, absolute=absolute, dark=dark),
        "overlays": draw_overlays(result.scales, by=result.by, absolute=absolute, dark=dark),
        "ridgelines": draw_ridgelines(result.scales, absolute=absolute, dark=dark),
    }


def draw_overlays(
    table: pd.DataFrame, *, by: str = "stage", absolute: bool = False, dark: bool = False
) -> Figure:
    """BN_SCALES: cumulative shares of all checkpoints; rows blocks or stages, columns groups.

    The area between two curves is their Wasserstein distance, the largest upright distance is KS.
    """
    theme = theme_of(dark=dark)
    grid = lay_out_panels(table, by=by, absolute=absolute)
    looks = dict(zip(grid.columns, list_looks(len(grid.columns), theme), strict=True))
    groups = [group for group in GROUP_NAMES if group in grid.groups]
    tall = 1.25 if len(grid.rows) <= 6 else 0.8
    figure = new_figure(1.6 + 3.2 * len(groups), 1.9 + tall * len(grid.rows), theme)
    axes = figure.subplots(len(grid.rows), len(groups), sharex=True, sharey=True, squeeze=False)
    for r, row in enumerate(grid.rows):
        for c, group in enumerate(groups):
            style_axes(axes[r, c], theme)
            for column in grid.columns:
                panel = grid.panels.get((row, column))
                if panel is not None and group in panel.values:
                    look = looks[column]
                    line = {"color": look.colour, "linestyle": DASHES[look.dash], "linewidth": 1.2}
                    axes[r, c].ecdf(panel.values[group], **line)
            if r == 0:
                axes[r, c].set_title(GROUP_NAMES[group], fontsize=9, color=theme.groups[group])
        axes[r, 0].set_ylabel(row, rotation=0, ha="right", va="center", fontsize=8)
    symbol = name_symbol(absolute=absolute)
    for bottom in axes[-1]:
        bottom.set_xlabel(f"batch-norm scale {symbol}", fontsize=8)
    axes[0, 0].set_yticks([0, 0.5, 1], ["0", "50", "100"])
    figure.supylabel(f"channels of the group at or below {symbol} (%)", fontsize=8, color=theme.ink)
    add_legend(figure, name_lines(list(grid.columns), theme), theme)
    return figure


def draw_ridgelines(table: pd.DataFrame, *, absolute: bool = False, dark: bool = False) -> Figure:
    """BN_SCALES: one column a stage, one ridge a checkpoint, space and time on each; ticks are medians."""
    theme = theme_of(dark=dark)
    grid = lay_out_panels(table, by="stage", absolute=absolute)
    names, at = grid.columns, list_places(grid.edges)
    spacing = 0.42 if len(names) <= 12 else 0.2
    figure = new_figure(max(5.0, 1.8 + 2.3 * len(grid.rows)), 1.7 + spacing * (len(names) + 1), theme)
    axes = figure.subplots(1, len(grid.rows), sharex=True, sharey=True, squeeze=False)[0]
    for c, row in enumerate(grid.rows):
        style_axes(axes[c], theme, grid="x")
        axes[c].set_title(row, fontsize=9)
        axes[c].set_xlabel(f"batch-norm scale {name_symbol(absolute=absolute)}", fontsize=8)
        ridges = {n: grid.panels[row, n].values for n in names if (row, n) in grid.panels}
        for n, groups in ridges.items():
            _draw_ridge(axes[c], groups, at, base=len(names) - 1 - names.index(n), theme=theme)
    axes[0].set_yticks(range(len(names)), tell_apart(names, LONGEST_NAME)[::-1])
    axes[0].tick_params(axis="y", length=0, labelsize=8 if spacing > 0.3 else 6)
    axes[0].set_ylim(-0.2, len(names) + 0.5)
    present = [group for group in GROUP_NAMES if group in grid.groups]
    handles = [Patch(facecolor=theme.groups[g], alpha=0.6, label=GROUP_NAMES[g]) for g in present]
    add_legend(figure, [*handles, Line2D([], [], color=theme.ink, label="upright: median")], theme)
    return figure


def estimate_density(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A smooth histogram at evenly spaced places, of a width by Scott's rule; equal values are a peak."""
    scott = float(np.std(values)) * max(1, len(values)) ** -0.2
    width = max(scott, _SMOOTHING * (at[-1] - at[0]))
    half = (at[1] - at[0]) / 2
    counts, _ = np.histogram(values, bins=np.append(at - half, at[-1] + half))
    kernel = np.exp(-0.5 * ((at[:, None] - at[None]) / width) ** 2) / (width * np.sqrt(2 * np.pi))
    return np.asarray(kernel @ counts / max(1, len(values)))


def list_places(edges: np.ndarray) -> np.ndarray:
    """Evenly spaced places of a density, with room beyond the outermost bins."""
    room = 0.12 * (edges[-1] - edges[0])  # tails are smoothed beyond the last value
    return np.linspace(edges[0] - room, edges[-1] + room, _STEPS)


def _draw_ridge(
    axes: Axes, groups: Mapping[str, np.ndarray], at: np.ndarray, *, base: int, theme: Theme
) -> None:
    """Densities scaled to the higher of both, on a base line."""
    densities = {group: estimate_density(values, at) for group, values in groups.items()}
    top = max(density.max() for density in densities.values())
    order = 2 + 1 / (base + 2)  # lower ridges stand before higher ones
    axes.axhline(base, color=theme.grid, linewidth=0.6)
    for group, density in densities.items():
        height, colour = base + 1.1 * density / top, theme.groups[group]
        axes.fill_between(at, base, height, color=colour, alpha=0.35, linewidth=0, zorder=order)
        axes.plot(at, height, color=colour, linewidth=0.9, zorder=order)
        median = float(np.median(groups[group]))
        axes.plot([median, median], [base - 0.12, base + 0.22], color=colour, linewidth=1.8, zorder=4)
