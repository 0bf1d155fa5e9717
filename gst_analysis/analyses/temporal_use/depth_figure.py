"""KERNEL_USE -> kernels one after the other: what varies over their taps, and what lies on other frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gst_analysis.analyses.temporal_use.table import CLIPS, MEASURES
from gst_analysis.style.names import shorten_layers
from gst_analysis.style.palette import Look, list_looks, name_lines
from gst_analysis.style.theme import DASHES, Theme, add_legend, new_figure, style_axes, theme_of

SHOWN = ("varying", "off_frame")
_BESIDE, _SPREAD = 0.16, 0.66
"""Between two checkpoints of a kernel, and between the first and the last; kernels are 1 apart."""
_MOST_NAMED = 40
"""Kernels that find room for their names."""


def draw_kernels(kernels: pd.DataFrame, *, dark: bool = False) -> Figure:
    """Means over filters by depth, one line a checkpoint; above with the middle half and the start.

    Checkpoints with the same kernels share an axis of names; others are placed by relative depth.
    """
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(kernels["checkpoint"]))
    lists = [name_kernels(rows) for _, rows in kernels.groupby("checkpoint", sort=False)]
    same = all(one == lists[0] for one in lists)
    longest = max(map(len, lists))
    figure = new_figure(max(6.8, min(15.0, 2.2 + 0.42 * longest)), 5.6, theme)
    panels = figure.subplots(2, 1, sharex=True)
    looks = list_looks(len(names), theme)
    for axes, measure in zip(panels, SHOWN, strict=True):
        style_axes(axes, theme)
        axes.set_ylabel(MEASURES[measure].replace("energy ", "energy\n", 1), fontsize=8.5)
        axes.set_ylim(-0.03, 1.03)
        for i, name in enumerate(names):
            rows = kernels[kernels["checkpoint"] == name].reset_index(drop=True)
            x = place_kernels(len(rows), i, len(names), same=same)
            _draw_line(axes, x, rows, measure, looks[i])
            _draw_chance(axes, x, rows["independent" if measure == "varying" else "even"], theme)
    _label(panels[1], lists[0] if same else (), longest)
    add_legend(figure, [*name_lines(names, theme, markers=True), *_list_marks(kernels, theme)], theme)
    return figure


def name_kernels(rows: pd.DataFrame) -> tuple[str, ...]:
    """What an axis calls a checkpoint's kernels: their blocks, or layers where a block has several."""
    blocks = list(rows["block"])
    if len(set(blocks)) == len(blocks):
        return tuple(shorten_layers([f"{block}." for block in blocks]))
    return tuple(rows["layer"] + np.where(rows["source"] == CLIPS, " (clips)", ""))


def place_kernels(count: int, number: int, checkpoints: int, *, same: bool) -> np.ndarray:
    """Where the kernels of one of several checkpoints stand, beside those of the others."""
    aside = (number - (checkpoints - 1) / 2) * min(_BESIDE, _SPREAD / max(1, checkpoints - 1))
    if same:
        return np.arange(count) + aside
    return np.linspace(0, 1, count) if count > 1 else np.array([0.5])


def _draw_line(axes: Axes, x: np.ndarray, rows: pd.DataFrame, measure: str, look: Look) -> None:
    values, colour, marker = rows[measure].to_numpy(), look.colour, look.marker
    known = np.isfinite(values)
    axes.plot(x[known], values[known], color=colour, linestyle=DASHES[look.dash], linewidth=0.9, alpha=0.6)
    axes.scatter(x[known], values[known], s=22, marker=marker, color=colour, zorder=3)
    if measure != "varying":
        return
    axes.vlines(x[known], rows["low"][known], rows["high"][known], color=colour, linewidth=1.3, alpha=0.7)
    start = rows["start"].to_numpy()
    axes.scatter(x, start, s=24, marker=marker, facecolor="none", edgecolor=colour, linewidth=0.9, zorder=2)


def _draw_chance(axes: Axes, x: np.ndarray, chance: pd.Series, theme: Theme) -> None:
    if chance.notna().any():
        axes.plot(x, chance, color=theme.faint, linewidth=0.9, linestyle=(0, (1, 1.5)))


def _label(axes: Axes, names: Sequence[str], longest: int) -> None:
    """What the lower axis is."""
    if names and longest <= _MOST_NAMED:
        axes.set_xticks(range(len(names)), names, rotation=90 if longest > 8 else 0)
    axes.set_xlabel("kernel" if names else "relative depth (0 first, 1 last kernel)", fontsize=9)


def _list_marks(kernels: pd.DataFrame, theme: Theme) -> list[Line2D]:
    marks = [
        Line2D(
            [],
            [],
            color=theme.faint,
            linestyle=(0, (1, 1.5)),
            label="chance: independent taps, or all read alike",
        )
    ]
    if kernels["low"].notna().any():
        marks.append(Line2D([], [], color=theme.ink, linewidth=1.3, label="middle half of the filters"))
    if kernels["start"].notna().any():
        hollow = Line2D(
            [], [], marker="o", linestyle="", color=theme.ink, markerfacecolor="none", label="at the start"
        )
        marks.append(hollow)
    return marks
