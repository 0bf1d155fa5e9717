"""SIMILARITY and FRAME_SIMILARITY -> a matrix of places, and one of frames for every place."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gst_analysis.analyses.similarity.table import Similarity
from gst_analysis.style.names import shorten, shorten_layers, tell_apart
from gst_analysis.style.share_matrix import ShareScale, cross_out, list_ticks, scale_shares
from gst_analysis.style.theme import Theme, choose_ink, new_figure, style_axes, theme_of

Array = npt.NDArray[np.float64]
_MOST_NUMBERS = 12
"""Places up to which cells carry their value."""
_COLUMNS = 6
"""Places side by side in the figure of frames."""


def draw_figures(result: Similarity, *, dark: bool = False) -> dict[str, Figure]:
    """Places by places, and frames by frames within each."""
    return {
        result.stem: draw_places(result.table, dark=dark),
        "frame_similarity": draw_frames(result.frames, dark=dark),
    }


def draw_places(table: pd.DataFrame, *, dark: bool = False) -> Figure:
    """A row for each place of the first network, a column for each of the second; the most alike outlined."""
    theme = theme_of(dark=dark)
    cells = to_matrix(table, "first_place", "second_place")
    rows, columns = (list(dict.fromkeys(table[name])) for name in ("first_place", "second_place"))
    wide, tall = (float(np.clip(0.42 * len(names), 3.2, 11)) for names in (columns, rows))
    figure = new_figure(wide + 2.6, tall + 1.3, theme)
    axes = figure.subplots()
    scale = scale_shares(1.0, theme)
    _draw_cells(axes, cells, scale, theme, numbers=max(cells.shape) <= _MOST_NUMBERS)
    alone = table["first"].iloc[0] == table["second"].iloc[0]
    _outline(axes, np.where(np.eye(len(cells), dtype=bool), np.nan, cells) if alone else cells, theme)
    first, second = tell_apart([str(table["first"].iloc[0]), str(table["second"].iloc[0])], 40)
    axes.set_yticks(range(len(rows)), [shorten(name, 22) for name in shorten_layers(rows)])
    axes.set_xticks(range(len(columns)), [shorten(name, 22) for name in shorten_layers(columns)], rotation=90)
    axes.set_ylabel(first, fontsize=9)
    axes.set_xlabel(f"{second}\noutlined: the most alike of a row", fontsize=9)
    _draw_key(figure, scale, theme)
    return figure


def draw_frames(frames: pd.DataFrame, *, dark: bool = False) -> Figure:
    """A matrix of frames for every place, the places of a network one after the other."""
    theme = theme_of(dark=dark)
    panels = list(frames.groupby(["checkpoint", "place"], sort=False))
    columns = min(_COLUMNS, len(panels))
    names = list(dict.fromkeys(frames["checkpoint"]))
    of_each = [int(frames[frames["checkpoint"] == name]["place"].nunique()) for name in names]
    rows = sum(math.ceil(count / columns) for count in of_each)
    figure = new_figure(1.6 + 1.55 * columns, 0.9 + 1.65 * rows, theme)
    grid = figure.subplots(rows, columns, squeeze=False)
    scale, short, row = scale_shares(1.0, theme), tell_apart(names, 30), 0
    for name, label, count in zip(names, short, of_each, strict=True):
        own = [(str(place), part) for (owner, place), part in panels if owner == name]
        titles = shorten_layers([f"{place}." for place, _ in own])
        grid[row, 0].set_ylabel(label, fontsize=8, color=theme.ink)
        for number, ((_, part), title) in enumerate(zip(own, titles, strict=True)):
            axes = grid[row + number // columns, number % columns]
            cells = to_matrix(part, "frame", "other_frame")
            _draw_cells(axes, cells, scale, theme, numbers=False)
            axes.set_title(shorten(title, 18), fontsize=8, color=theme.ink)
            ticks = list_ticks(len(cells))[:: max(1, len(cells) // 4)]
            axes.set_xticks(ticks)
            axes.set_yticks(ticks)
        row += math.ceil(count / columns)
    for axes in grid.flat:
        if not axes.images:
            axes.set_visible(False)
    figure.supxlabel("frame", fontsize=9, color=theme.ink)
    figure.supylabel("frame", fontsize=9, color=theme.ink)
    _draw_key(figure, scale, theme)
    return figure


def to_matrix(rows: pd.DataFrame, down: str, across: str) -> Array:
    """A table's values as a matrix, in the table's order."""
    wide = rows.pivot(index=down, columns=across, values="cka")
    order = [list(dict.fromkeys(rows[name])) for name in (down, across)]
    return np.asarray(wide.loc[order[0], order[1]].to_numpy(dtype=float))


def _draw_cells(axes: Axes, cells: Array, scale: ShareScale, theme: Theme, *, numbers: bool) -> None:
    """Depth of colour from 0 to 1; what is not defined is crossed out."""
    axes.imshow(np.nan_to_num(cells).clip(0, 1), cmap=scale.colours, norm=scale.norm, interpolation="nearest")
    cross_out(axes, np.isnan(cells), theme)
    style_axes(axes, theme, grid=None)
    axes.tick_params(length=0, labelsize=7.5)
    for y, x in zip(*np.nonzero(np.isfinite(cells)), strict=True) if numbers else ():
        value = float(cells[y, x])
        ink = choose_ink(min(1.0, max(0.0, value)) ** 2, theme.accent, theme)  # it takes the square root
        axes.text(x, y, f"{value:.2f}".removeprefix("0"), ha="center", va="center", fontsize=7, color=ink)


def _outline(axes: Axes, cells: Array, theme: Theme) -> None:
    """A frame around the largest value of every row."""
    for row, values in enumerate(cells):
        if np.isfinite(values).any():
            corner = (float(np.nanargmax(values)) - 0.5, row - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=theme.ink, linewidth=1.4))


def _draw_key(figure: Figure, scale: ShareScale, theme: Theme) -> None:
    """What depth of colour means."""
    shades = ScalarMappable(scale.norm, scale.colours)
    bar = figure.colorbar(shades, ax=figure.axes, location="right", fraction=0.025, pad=0.02, aspect=30)
    bar.ax.tick_params(colors=theme.faint, labelcolor=theme.ink, labelsize=7.5)
    bar.set_label("debiased linear CKA over clips", fontsize=8, color=theme.ink)
    bar.outline.set_edgecolor(theme.faint)
