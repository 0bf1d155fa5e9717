"""BLOCK_GAPS -> the gap between time and space, or two pathways, in every block, with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gst_analysis.analyses.scales.table import (
    FEW_CHANNELS,
    FEWEST_CHANNELS,
    SURE,
    find_sure,
    name_difference,
    name_symbol,
)
from gst_analysis.style.names import shorten_layers
from gst_analysis.style.palette import Look, list_looks, name_lines
from gst_analysis.style.theme import DASHES, add_legend, new_figure, style_axes, theme_of

_BESIDE, _SPREAD = 0.16, 0.66
"""Between two checkpoints of a block, and between the first and the last; blocks are 1 apart."""


def draw_gaps(table: pd.DataFrame, *, absolute: bool = False, dark: bool = False) -> Figure:
    """BLOCK_GAPS: the gap of every block with its interval, one line a checkpoint.

    Filled where the groups differ after correction, hollow where not. Checkpoints with the same layers
    share an axis of layers; others are placed by relative depth.
    """
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(table["checkpoint"]))
    layers = [tuple(rows["layer"]) for _, rows in table.groupby("checkpoint", sort=False)]
    same = len(set(layers)) == 1
    figure = new_figure(max(6.4, min(14.0, 2.0 + 0.42 * max(map(len, layers)))), 4.4, theme)
    axes = figure.subplots()
    style_axes(axes, theme)
    axes.axhline(0, color=theme.faint, linewidth=0.8)
    asides = (np.arange(len(names)) - (len(names) - 1) / 2) * min(_BESIDE, _SPREAD / max(1, len(names) - 1))
    for i, (name, look) in enumerate(zip(names, list_looks(len(names), theme), strict=True)):
        rows = table[table["checkpoint"] == name].reset_index(drop=True)
        x = np.arange(len(rows)) + asides[i] if same else rows["depth"].to_numpy() + 0.05 * asides[i]
        _draw_gap_line(axes, x, rows, look)
    axes.set_ylabel(f"median {name_symbol(absolute=absolute)}: {name_difference(table)}", fontsize=9)
    _label_depth(axes, table, layers[0] if same else ())
    marks = [
        Line2D([], [], marker="o", linestyle="", color=theme.ink, markerfacecolor=face, label=label)
        for face, label in ((theme.ink, SURE), (theme.panel, "may be chance, or not tested"))
    ]
    add_legend(figure, [*name_lines(names, theme, markers=True), *marks], theme)
    return figure


def _draw_gap_line(axes: Axes, x: np.ndarray, rows: pd.DataFrame, look: Look) -> None:
    colour, gap = look.colour, rows["gap"].to_numpy()
    known, bounded = np.isfinite(gap), np.isfinite(rows["gap_low"].to_numpy())
    axes.plot(x[known], gap[known], color=colour, linestyle=DASHES[look.dash], linewidth=0.9, alpha=0.6)
    axes.vlines(x[bounded], rows["gap_low"][bounded], rows["gap_high"][bounded], color=colour, linewidth=1.1)
    sure = find_sure(rows).to_numpy()
    for chosen, face in ((known & sure, colour), (known & ~sure, axes.get_facecolor())):
        axes.scatter(
            x[chosen], gap[chosen], s=22, marker=look.marker, facecolor=face, edgecolor=colour, zorder=3
        )


def _label_depth(axes: Axes, table: pd.DataFrame, layers: Sequence[str]) -> None:
    """What the lower axis is, and which checkpoints have nothing on it."""
    if layers:
        axes.set_xticks(range(len(layers)), shorten_layers(layers))
    where = "block (stage.index)" if layers else "relative depth (0 first, 1 last block)"
    said = f"{where}; upright lines: 95% bootstrap intervals over channels"
    if (table["undefined"] == FEW_CHANNELS).any():
        said += f"\nnone where a group has fewer than {FEWEST_CHANNELS} channels"
    known = table.loc[np.isfinite(table["gap"]), "checkpoint"].nunique()
    missing = table["checkpoint"].nunique() - known
    if missing:
        said += f"\nno gap is defined for {missing} of {known + missing} checkpoints: no groups"
    axes.set_xlabel(said, fontsize=9)
