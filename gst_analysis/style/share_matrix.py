"""Shares as a matrix of output frames by input frames: depth of colour, percentages, crosses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize

from gst_analysis.style.theme import Theme, choose_ink

_MOST_NUMBERS = 10
"""Frames up to which cells carry their percentage."""
_MOST_TICKS = 17

Array = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ShareScale:
    """Shares from 0 to the largest of all panels, and their colours."""

    norm: Normalize
    colours: Colormap
    top: float


def scale_shares(top: float, theme: Theme) -> ShareScale:
    """The theme's colours up to a largest share."""
    top = top or 1.0
    colours = LinearSegmentedColormap.from_list("shares", [theme.panel, theme.accent])
    return ShareScale(Normalize(0, top), colours, top)


def draw_shares(axes: Axes, shares: Array, reachable: Marks, theme: Theme, *, size: float = 7.5) -> None:
    """A matrix (T, T) by itself, its deepest colour the largest share; percentages in points of a size."""
    scale = scale_shares(float(shares.max(initial=0)), theme)
    draw_cells(axes, shares, reachable, scale, theme, size=size)


def draw_cells(
    axes: Axes, shares: Array, reachable: Marks, scale: ShareScale, theme: Theme, *, size: float
) -> None:
    """A matrix (T, T) whose colours are those of a scale; what is not reachable is crossed out."""
    axes.imshow(shares, cmap=scale.colours, norm=scale.norm, interpolation="nearest")
    cross_out(axes, ~reachable, theme)
    if not shows_numbers(len(shares)):
        return
    for y, x in zip(*np.nonzero(reachable), strict=True):
        share = float(shares[y, x])
        ink = choose_ink((share / scale.top) ** 2, theme.accent, theme)  # which takes the square root of it
        axes.text(x, y, say_percent(share), ha="center", va="center", fontsize=size, color=ink)


def cross_out(axes: Axes, cells: Marks, theme: Theme) -> None:
    """Mark what arithmetic rules out."""
    rows, columns = np.nonzero(cells)
    axes.scatter(columns, rows, marker="x", s=14, linewidths=0.8, color=theme.faint)


def shows_numbers(frames: int) -> bool:
    """Whether percentages find room in the cells."""
    return frames <= _MOST_NUMBERS


def list_ticks(frames: int) -> list[int]:
    """Frames that are numbered at an axis: all, or of many every so-manieth."""
    return list(range(0, frames, -(-frames // _MOST_TICKS)))


def say_percent(share: float) -> str:
    """What stands in a cell."""
    if share == 0:
        return "0"
    return "<1" if share < 0.005 else f"{100 * share:.0f}"
