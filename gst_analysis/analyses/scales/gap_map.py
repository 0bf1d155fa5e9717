"""BLOCK_GAPS of many checkpoints as a map: rows checkpoints, columns layers, colour the gap."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gst_analysis.analyses.scales.table import SURE, find_sure, name_difference, name_symbol
from gst_analysis.style.names import shorten_layers, tell_apart
from gst_analysis.style.theme import Theme, add_legend, new_figure, style_axes, theme_of


def draw_gap_map(table: pd.DataFrame, *, absolute: bool = False, dark: bool = False) -> Figure:
    """The gap of medians, in the colour of the group that lies higher; dots where it is more than chance.

    Colours reach as far as the gaps that were tested; others, as STH's of shared scales, can lie beyond.
    """
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(table["checkpoint"]))
    layers = sorted(dict.fromkeys(table["layer"]), key=_place)
    gaps, sure = _lay_out(table, names, layers)
    tall = 0.3 if len(names) <= 30 else 0.18
    figure = new_figure(max(6.4, 3.2 + 0.36 * len(layers)), 1.9 + tall * len(names), theme)
    axes = figure.subplots()
    style_axes(axes, theme, grid=None)
    axes.set_facecolor(theme.grid)  # what is not defined shows through
    reach = _reach_of(table)
    colours = LinearSegmentedColormap.from_list(
        "gap", [theme.groups[table["against"].iloc[0]], theme.panel, theme.groups[table["group"].iloc[0]]]
    )
    shown = axes.imshow(np.ma.masked_invalid(gaps), cmap=colours, vmin=-reach, vmax=reach, aspect="auto")
    rows, columns = np.nonzero(sure)
    axes.scatter(columns, rows, s=9 if tall > 0.2 else 4, color=theme.ink, linewidth=0)
    _label(axes, names, layers, size=8 if tall > 0.2 else 6)
    beyond = bool((np.abs(gaps[np.isfinite(gaps)]) > reach).any())
    bar = figure.colorbar(shown, ax=axes, shrink=0.7, extend="both" if beyond else "neither")
    bar.outline.set_edgecolor(theme.faint)
    bar.set_label(
        f"median {name_symbol(absolute=absolute)}: {name_difference(table)}", color=theme.ink, fontsize=8
    )
    bar.ax.tick_params(colors=theme.faint, labelcolor=theme.ink, labelsize=8)
    _add_marks(figure, theme, undefined=not np.isfinite(gaps).all())
    return figure


def _reach_of(table: pd.DataFrame) -> float:
    """The largest gap among those tested, or of all if none was; 1 if there is no gap at all."""
    tested = table.loc[table["auc_p_holm"].notna(), "gap"].abs().max()
    largest = tested if tested > 0 else table["gap"].abs().max()
    return float(largest) if largest > 0 else 1.0


def _lay_out(table: pd.DataFrame, names: list[str], layers: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """(checkpoints, layers) of gaps, NaN where there is none, and of whether it is more than chance."""
    cells = table.set_index(["checkpoint", "layer"])
    grid = cells["gap"].unstack().reindex(index=names, columns=layers).to_numpy()
    sure = find_sure(cells).unstack(fill_value=False)
    sure = sure.reindex(index=names, columns=layers, fill_value=False)
    return grid, sure.to_numpy(dtype=bool)


def _place(layer: str) -> list[tuple[int, str]]:
    """layer3.10.bn2 after layer3.9.bn2: numbers by their size, whatever the names."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", layer)]


def _label(axes: Axes, names: list[str], layers: list[str], *, size: int) -> None:
    short = shorten_layers(layers)
    axes.set_xticks(range(len(layers)), short, rotation=90 if max(map(len, short)) > 4 else 0)
    axes.set_yticks(range(len(names)), tell_apart(names, 40), fontsize=size)
    axes.set_xlabel("block (stage.index)", fontsize=9)


def _add_marks(figure: Figure, theme: Theme, *, undefined: bool) -> None:
    handles: list[Line2D | Patch] = [
        Line2D([], [], marker="o", linestyle="", markersize=4, color=theme.ink, label=SURE)
    ]
    if undefined:
        handles.append(Patch(facecolor=theme.grid, label="no such layer, or not defined"))
    add_legend(figure, handles, theme)
