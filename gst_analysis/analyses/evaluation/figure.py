"""CONFUSION -> a matrix in print: a row for every true class, a column for what its clips were taken for."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from gst_analysis.analyses.evaluation.pairs import TICKS, ClassPairs, mask_matrix, pair_classes
from gst_analysis.analyses.evaluation.table import ModelEvaluation
from gst_analysis.style.theme import Theme, choose_ink, new_figure, style_axes, theme_of

_LISTED = 12
_LARGEST = 32.0
"""Inches: beyond some hundred classes cells shrink, and one must look into the PDF."""


@dataclass(frozen=True)
class _Plan:
    """Lengths in inches and sizes of letters in points, for so many classes with such names."""

    cell: float
    side: float
    font: float
    """Of the classes' names."""
    large: float
    """Of everything else."""
    rows: list[str]
    columns: list[str]
    listed: list[str]

    @classmethod
    def of(cls, pairs: ClassPairs) -> _Plan:
        classes = len(pairs.labels)
        cell = 0.68 if pairs.few else min(0.13, _LARGEST / classes)
        side = max(2.4, cell * classes)
        if pairs.few:
            rows = [fill(_literal(name), 34) for name in pairs.name_rows(66)]
            columns = [fill(_literal(name), 20) for name in pairs.name_columns(54)]
            return cls(cell, side, 8.5, 9.0, rows, columns, [])
        font, large = float(np.clip(43 * cell, 1, 8)), float(np.clip(0.55 * side, 8, 14))
        listed = [_literal(pairs.describe(pair, 50)) for pair in pairs.list_confused(_LISTED)]
        rows = [_literal(name) for name in pairs.name_rows(60)]
        return cls(cell, side, font, large, rows, pairs.name_columns(8), listed)

    @property
    def size(self) -> tuple[float, float]:
        """The figure's width and height in inches."""
        keys = 13 * self.large / 72
        below = _measure_text(self.columns, self.font) + 6 * self.large / 72
        listed = (len(self.listed) + 1) * 1.5 * self.large / 72 if self.listed else 0.0
        width = _measure_text(self.rows, self.font) + 2 * self.large / 72 + self.side + keys
        return width + 0.3, self.side + below + listed + 0.3


def draw_figures(result: ModelEvaluation, *, dark: bool = False) -> dict[str, Figure]:
    """The confusion matrix."""
    return {"confusion": draw_confusion(result.confusion, dark=dark)}


def draw_confusion(table: pd.DataFrame, *, dark: bool = False) -> Figure:
    """Right answers in one colour on the diagonal, wrong ones in another; depth is the row's share.

    Few classes are named on both axes, with percentages in the cells. Many are named on the rows, numbered
    on the columns, and the pairs most often confused are listed below.
    """
    theme, pairs = theme_of(dark=dark), pair_classes(table)
    plan = _Plan.of(pairs)
    figure = new_figure(*plan.size, theme)
    axes = figure.subplots()
    _draw_cells(axes, pairs, theme)
    _name_axes(axes, pairs, plan, theme)
    _draw_keys(figure, axes, plan, theme)
    axes.set_title(_literal(pairs.title), fontsize=plan.large + 1, color=theme.ink, loc="left")
    if plan.listed:
        text = "\n".join(["most often confused", *plan.listed])
        figure.supxlabel(text, fontsize=plan.large, color=theme.ink, x=0.02, ha="left", linespacing=1.4)
    return figure


def _literal(text: str) -> str:
    """A name as it is: between two dollar signs matplotlib would read a formula."""
    return text.replace("$", r"\$")


def _measure_text(lines: list[str], font: float) -> float:
    """The longest line's length, roughly."""
    longest = max(len(part) for line in lines for part in line.split("\n"))
    return longest * 0.56 * font / 72


def _shade(theme: Theme, colour: str) -> Colormap:
    shades = LinearSegmentedColormap.from_list("shares", [theme.panel, colour])
    return shades.with_extremes(bad=(0, 0, 0, 0))


def _scales(theme: Theme) -> dict[str, ScalarMappable]:
    """Colours of right and wrong answers; a square root, so that small shares can be seen."""
    return {
        name: ScalarMappable(PowerNorm(0.5, vmin=0, vmax=1), _shade(theme, colour))
        for name, colour in (("right", theme.accent), ("wrong", theme.mark))
    }


def _draw_cells(axes: Axes, pairs: ClassPairs, theme: Theme) -> None:
    shares, classes = pairs.shares, len(pairs.labels)
    for name, scale in _scales(theme).items():
        kept = mask_matrix(shares, diagonal=name == "right")
        image = axes.imshow(np.ma.masked_invalid(kept), aspect="auto", interpolation="nearest")
        image.set(cmap=scale.get_cmap(), norm=scale.norm)
    style_axes(axes, theme, grid=None)
    for row in np.flatnonzero(pairs.totals == 0):
        axes.axhspan(float(row) - 0.5, float(row) + 0.5, color=theme.grid)
    step = 1 if pairs.few else 10
    edges = np.arange(0, classes + 1, step) - 0.5
    width = 0.8 if pairs.few else 0.4
    axes.hlines(edges, -0.5, classes - 0.5, color=theme.grid, linewidth=width)
    axes.vlines(edges, -0.5, classes - 0.5, color=theme.grid, linewidth=width)
    if pairs.few:
        _write_shares(axes, pairs, theme)


def _write_shares(axes: Axes, pairs: ClassPairs, theme: Theme) -> None:
    """The percentage in every cell that holds a clip."""
    shares = pairs.shares
    for row, column in zip(*np.nonzero(pairs.counts), strict=True):
        share, right = float(shares[row, column]), row == column
        axes.text(
            float(column),
            float(row),
            f"{share:.0%}",
            ha="center",
            va="center",
            fontsize=8.5,
            color=choose_ink(share, theme.accent if right else theme.mark, theme),
            fontweight="bold" if right else "normal",
        )


def _name_axes(axes: Axes, pairs: ClassPairs, plan: _Plan, theme: Theme) -> None:
    places = range(len(pairs.labels))
    axes.set_yticks(places, plan.rows)
    if pairs.few:
        axes.set_xticks(places, plan.columns, rotation=40, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(places, plan.columns, rotation=90)
        axes.tick_params(axis="x", top=True, labeltop=True)
    axes.tick_params(axis="both", length=0 if pairs.few else 1.5, pad=2, labelsize=plan.font)
    axes.set_xlabel("taken for", fontsize=plan.large, color=theme.ink)
    axes.set_ylabel("true class (clips)", fontsize=plan.large, color=theme.ink)


def _draw_keys(figure: Figure, axes: Axes, plan: _Plan, theme: Theme) -> None:
    """What the two colours mean."""
    for name, scale in reversed(_scales(theme).items()):
        bar = figure.colorbar(
            scale,
            ax=axes,
            location="right",
            shrink=min(0.6, 0.25 * plan.large / plan.side),
            pad=0.01 + 0.16 / plan.side,
            aspect=14,
            fraction=0.05,
            ticks=TICKS,
            format=PercentFormatter(1, decimals=0),
            anchor=(0.5, 0.8),
        )
        bar.ax.tick_params(colors=theme.faint, labelcolor=theme.ink, labelsize=plan.large - 1.5)
        bar.ax.set_title(name, fontsize=plan.large - 1, color=theme.ink)
        bar.outline.set_edgecolor(theme.faint)
