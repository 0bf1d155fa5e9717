"""Many checkpoints in one figure: gaps by block with intervals, overlaid distributions, ridgelines.

Enters BLOCK_GAPS or BN_SCALES tables, leaves matplotlib figures. Space and time keep their colours; where
a colour stands for a checkpoint, it runs along a ramp in the order given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gst_analysis.analyses.scales.panels import lay_out_panels
from gst_analysis.style.names import tell_apart
from gst_analysis.style.theme import DARK, Theme, dress, dress_legend, new_figure, theme_of

MOST_NAMED = 10
"""Checkpoints that a legend names one by one; of more it names five along the ramp."""

GROUP_NAMES = {
    "spatial": "spatial channels",
    "temporal": "temporal channels",
    "all": "all channels (no groups)",
}
_MARKERS = "os^DvPX*"
_LONGEST_NAME = 34
_LEGEND_MARK, _LEGEND_LETTER = 0.6, 0.066
"""Inches, of a mark with the room around it and of a letter."""
_BESIDE, _SPREAD = 0.16, 0.66
"""Between two checkpoints of a block, and between the first and the last; blocks are 1 apart."""
SURE = "time and space differ (5%, Holm)"
_STEPS = 240
_SMOOTHING = 0.012
"""The least width of a curve of density, as a part of the axis."""


def draw_gaps(table: pd.DataFrame, *, absolute: bool = False, dark: bool = False) -> Figure:
    """BLOCK_GAPS: the gap of every block with its interval, one line a checkpoint.

    Filled where time and space differ after correction, hollow where not. Checkpoints with the same layers
    share an axis of layers; others are placed by relative depth.
    """
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(table["checkpoint"]))
    layers = [tuple(rows["layer"]) for _, rows in table.groupby("checkpoint", sort=False)]
    same = len(set(layers)) == 1
    figure = new_figure(max(6.4, min(14.0, 2.0 + 0.42 * max(map(len, layers)))), 4.4, theme)
    axes = figure.subplots()
    dress(axes, theme)
    axes.axhline(0, color=theme.faint, linewidth=0.8)
    asides = (np.arange(len(names)) - (len(names) - 1) / 2) * min(_BESIDE, _SPREAD / max(1, len(names) - 1))
    for i, (name, colour) in enumerate(zip(names, list_colours(len(names), theme), strict=True)):
        rows = table[table["checkpoint"] == name].reset_index(drop=True)
        x = np.arange(len(rows)) + asides[i] if same else rows["depth"].to_numpy() + 0.05 * asides[i]
        _draw_gap_line(axes, x, rows, colour, marker=_MARKERS[i % len(_MARKERS)])
    axes.set_ylabel(f"median {_symbol(absolute=absolute)}: temporal minus spatial", fontsize=9)
    _label_depth(axes, table, layers[0] if same else ())
    marks = [
        Line2D([], [], marker="o", linestyle="", color=theme.ink, markerfacecolor=face, label=label)
        for face, label in ((theme.ink, SURE), (theme.panel, "may be chance, or not tested"))
    ]
    add_legend(figure, [*name_lines(names, theme, markers=True), *marks], theme)
    return figure


def draw_overlays(
    table: pd.DataFrame, *, by: str = "stage", absolute: bool = False, dark: bool = False
) -> Figure:
    """BN_SCALES: cumulative shares of all checkpoints; rows blocks or stages, columns groups.

    The area between two curves is their Wasserstein distance, the largest upright distance is KS.
    """
    theme = theme_of(dark=dark)
    grid = lay_out_panels(table, by=by, absolute=absolute)
    colours = dict(zip(grid.columns, list_colours(len(grid.columns), theme), strict=True))
    groups = [group for group in GROUP_NAMES if group in grid.groups]
    tall = 1.25 if len(grid.rows) <= 6 else 0.8
    figure = new_figure(1.6 + 3.2 * len(groups), 1.9 + tall * len(grid.rows), theme)
    axes = figure.subplots(len(grid.rows), len(groups), sharex=True, sharey=True, squeeze=False)
    for r, row in enumerate(grid.rows):
        for c, group in enumerate(groups):
            dress(axes[r, c], theme)
            for column in grid.columns:
                panel = grid.panels.get((row, column))
                if panel is not None and group in panel.values:
                    axes[r, c].ecdf(panel.values[group], color=colours[column], linewidth=1.2)
            if r == 0:
                axes[r, c].set_title(GROUP_NAMES[group], fontsize=9, color=theme.groups[group])
        axes[r, 0].set_ylabel(row, rotation=0, ha="right", va="center", fontsize=8)
    symbol = _symbol(absolute=absolute)
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
    names, at = grid.columns, _axis_of(grid.edges)
    spacing = 0.42 if len(names) <= 12 else 0.2
    figure = new_figure(max(5.0, 1.8 + 2.3 * len(grid.rows)), 1.7 + spacing * (len(names) + 1), theme)
    axes = figure.subplots(1, len(grid.rows), sharex=True, sharey=True, squeeze=False)[0]
    for c, row in enumerate(grid.rows):
        dress(axes[c], theme, grid="x")
        axes[c].set_title(row, fontsize=9)
        axes[c].set_xlabel(f"batch-norm scale {_symbol(absolute=absolute)}", fontsize=8)
        ridges = {n: grid.panels[row, n].values for n in names if (row, n) in grid.panels}
        for n, groups in ridges.items():
            _draw_ridge(axes[c], groups, at, base=len(names) - 1 - names.index(n), theme=theme)
    axes[0].set_yticks(range(len(names)), tell_apart(names, _LONGEST_NAME)[::-1])
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


def list_colours(count: int, theme: Theme) -> list[str]:
    """A ramp for the order of checkpoints; legible on the theme's paper, and to the colour-blind."""
    low, high = (0.42, 1.0) if theme is DARK else (0.0, 0.77)
    ramp = colormaps["viridis"](np.linspace(low, high, count) if count > 1 else [low])
    return ["#" + "".join(f"{round(255 * part):02x}" for part in colour[:3]) for colour in ramp]


def name_lines(names: Sequence[str], theme: Theme, *, markers: bool = False) -> list[Line2D]:
    """Legend entries: every checkpoint, or of many five from the first to the last."""
    lines = [
        Line2D([], [], color=c, label=name, marker=_MARKERS[i % len(_MARKERS)] if markers else "")
        for i, (name, c) in enumerate(
            zip(tell_apart(names, _LONGEST_NAME), list_colours(len(names), theme), strict=True)
        )
    ]
    if len(names) <= MOST_NAMED:
        return lines
    rest = Line2D([], [], linestyle="", label=f"(5 of {len(names)}, in the order given)")
    return [*(lines[round(place * (len(lines) - 1) / 4)] for place in range(5)), rest]


def add_legend(
    figure: Figure, handles: Sequence[Line2D | Patch], theme: Theme, *, title: str | None = None
) -> None:
    """A legend above everything, in as few rows as fit its width."""
    widest = max(len(str(handle.get_label())) for handle in handles)
    fitting = int(figure.get_figwidth() / (_LEGEND_MARK + widest * _LEGEND_LETTER))
    most = len(handles) if len(handles) <= 4 else 3
    columns = max(1, min(most, fitting))
    legend = figure.legend(
        handles=list(handles),
        loc="outside upper center",
        ncols=columns,
        fontsize=8,
        title=title,
        title_fontsize=8,
    )
    dress_legend(legend, theme)


def _axis_of(edges: np.ndarray) -> np.ndarray:
    room = 0.12 * (edges[-1] - edges[0])  # tails are smoothed beyond the last value
    return np.linspace(edges[0] - room, edges[-1] + room, _STEPS)


def _draw_gap_line(axes: Axes, x: np.ndarray, rows: pd.DataFrame, colour: str, *, marker: str) -> None:
    gap = rows["gap"].to_numpy()
    known, bounded = np.isfinite(gap), np.isfinite(rows["gap_low"].to_numpy())
    axes.plot(x[known], gap[known], color=colour, linewidth=0.9, alpha=0.6)
    axes.vlines(x[bounded], rows["gap_low"][bounded], rows["gap_high"][bounded], color=colour, linewidth=1.1)
    sure = (rows["auc_p_holm"] < 0.05).to_numpy()
    for chosen, face in ((known & sure, colour), (known & ~sure, axes.get_facecolor())):
        axes.scatter(x[chosen], gap[chosen], s=22, marker=marker, facecolor=face, edgecolor=colour, zorder=3)


def _label_depth(axes: Axes, table: pd.DataFrame, layers: Sequence[str]) -> None:
    """What the lower axis is, and which checkpoints have nothing on it."""
    if layers:
        axes.set_xticks(range(len(layers)), shorten_layers(layers))
    where = "block (stage.index)" if layers else "relative depth (0 first, 1 last block)"
    said = f"{where}; upright lines: 95% bootstrap intervals over channels"
    known = table.loc[np.isfinite(table["gap"]), "checkpoint"].nunique()
    missing = table["checkpoint"].nunique() - known
    if missing:
        said += f"\nno gap is defined for {missing} of {known + missing} checkpoints: no groups"
    axes.set_xlabel(said, fontsize=9)


def shorten_layers(layers: Sequence[str]) -> list[str]:
    """layer3.0.bn2 as 3.0, but where a block has two norms."""
    blocks = [layer.removeprefix("layer").rsplit(".", 1)[0] for layer in layers]
    return blocks if len(set(blocks)) == len(layers) else [layer.removeprefix("layer") for layer in layers]


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


def _symbol(*, absolute: bool) -> str:
    return "|γ|" if absolute else "γ"
