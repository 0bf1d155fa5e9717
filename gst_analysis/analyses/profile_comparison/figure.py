"""PROFILE of several networks -> over each other, side by side, each less the reference. matplotlib."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from gst_analysis.analyses.profile.table import MEASURES
from gst_analysis.analyses.profile_comparison.layout import (
    LONGEST,
    Depth,
    Strand,
    lay_out_depth,
    list_lines,
    list_strands,
    name_line,
)
from gst_analysis.analyses.profile_comparison.maps import draw_costs, draw_map
from gst_analysis.analyses.profile_comparison.table import ProfileComparison
from gst_analysis.style.names import tell_apart
from gst_analysis.style.palette import MOST_NAMED, Look, list_looks, name_lines
from gst_analysis.style.theme import DASHES, Theme, add_legend, new_figure, style_axes, theme_of

MOST_BANDED = 4
"""Networks up to which bands are drawn over each other."""
_DOTS = (0, (1, 1.6))
_NOTHING = "no line is defined for these networks"


def draw_figures(result: ProfileComparison, *, dark: bool = False) -> dict[str, Figure]:
    """Profiles over each other, side by side, less the reference, as a map, and against cost."""
    drawn: dict[str, Callable[..., Figure]] = {
        "profiles": draw_over_each_other,
        "profiles_apart": draw_apart,
        "profile_differences": draw_differences,
        "profile_map": draw_map,
        "profile_costs": draw_costs,
    }
    return {name: draw(result, dark=dark) for name, draw in drawn.items()}


@dataclass(frozen=True)
class Curves:
    """What is drawn over each other in every panel: of which networks, how, and on which axis."""

    names: Sequence[str]
    looks: dict[str, Look]
    depth: Depth
    theme: Theme

    @classmethod
    def of(cls, result: ProfileComparison, *, dark: bool) -> Curves:
        """Every network has the look of its place in the order given, on every figure."""
        theme = theme_of(dark=dark)
        looks = dict(zip(result.names, list_looks(len(result.names), theme), strict=True))
        return cls(result.names, looks, lay_out_depth(result.table), theme)


def draw_over_each_other(result: ProfileComparison, *, dark: bool = False) -> Figure:
    """A panel a line, a curve a network; bands where networks are few; dotted what is even."""
    curves = Curves.of(result, dark=dark)
    found = {
        measure: list_strands(result.table, measure, curves.depth, curves.names)
        for measure in list_lines(result.table)
    }
    return _draw_panels({name: one for name, one in found.items() if one}, curves, zero=False)


def draw_differences(result: ProfileComparison, *, dark: bool = False) -> Figure:
    """A panel a line: each network's share less the reference's; dotted what its channels differ by."""
    curves = Curves.of(result, dark=dark)
    found = {
        measure: list_strands(result.differences, measure, curves.depth, curves.names, "difference")
        for measure in list_lines(result.differences)
    }
    figure = _draw_panels({name: one for name, one in found.items() if one}, curves, zero=True)
    reference = tell_apart([result.summary.reference], LONGEST)[0]
    figure.supylabel(f"share less that of {reference}", fontsize=9)
    figure.texts[-1].set_color(curves.theme.ink)
    return figure


def _draw_panels(panels: dict[str, list[Strand]], curves: Curves, *, zero: bool) -> Figure:
    theme, rows = curves.theme, max(1, -(-len(panels) // 2))
    columns = 1 if len(panels) < 2 else 2
    rows = len(panels) if columns == 1 else rows
    figure = new_figure(9.4 if columns == 2 else 6.4, 1.4 + 2.1 * max(1, rows), theme)
    axes = figure.subplots(max(1, rows), columns, sharex=True, squeeze=False)
    for place, (measure, strands) in zip(axes.flat, panels.items(), strict=False):
        style_axes(place, theme)
        for strand in strands:
            draw_strand(place, strand, curves, banded=len(curves.names) <= MOST_BANDED)
        if zero:
            place.axhline(0, color=theme.ink, linewidth=0.9)
        place.set_title(name_line(measure), fontsize=9, color=theme.ink, loc="left")
        place.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        name_depth(place, curves.depth, theme)
    for place in axes.flat[len(panels) :]:
        place.set_visible(False)
    if not panels:
        say_nothing(axes[0, 0], theme)
    for column in range(columns):  # a panel above one that is none shows its own numbers
        own = [axes[row, column] for row in range(rows) if row * columns + column < len(panels)]
        if own:
            own[-1].tick_params(labelbottom=True)
    add_legend(figure, name_lines(curves.names, theme, markers=len(curves.names) <= MOST_NAMED), theme)
    return figure


def say_nothing(axes: Axes, theme: Theme) -> None:
    """Words in the place of a picture."""
    axes.set_visible(True)
    style_axes(axes, theme, grid=None)
    axes.text(0.5, 0.5, _NOTHING, ha="center", va="center", color=theme.ink, transform=axes.transAxes)


def draw_strand(axes: Axes, strand: Strand, curves: Curves, *, banded: bool) -> None:
    """One network's curve, its band, and what is even."""
    look = curves.looks[strand.name]
    axes.plot(
        strand.x,
        strand.value,
        color=look.colour,
        linestyle=DASHES[look.dash],
        linewidth=1.3,
        marker=look.marker,
        markersize=4.0,
        zorder=3,
    )
    if banded:
        axes.fill_between(strand.x, strand.low, strand.high, color=look.colour, alpha=0.12, linewidth=0)
        axes.vlines(strand.x, strand.low, strand.high, color=look.colour, linewidth=0.8, alpha=0.5)
    axes.plot(strand.x, strand.even, color=look.colour, linewidth=0.8, linestyle=_DOTS, alpha=0.8)


def name_depth(axes: Axes, depth: Depth, theme: Theme) -> None:
    """Ticks of places, or of stages, and lines between stages."""
    axes.set_xlim(-0.5, max(0.5, len(depth.stages) - 0.5))
    ticks = list(depth.ticks)
    every = max(1, -(-len(ticks) // 16))
    shown = [depth.ticks[x] for x in ticks[::every]]
    axes.set_xticks(ticks[::every], shown, rotation=90 if max(map(len, shown), default=0) > 4 else 0)
    for border in np.arange(0.5, len(depth.stages) - 1):
        axes.axvline(border, color=theme.faint, linewidth=0.7, alpha=0.6)


def draw_apart(result: ProfileComparison, *, dark: bool = False) -> Figure:
    """A panel a network, a curve a line: small multiples on the same axes."""
    curves = Curves.of(result, dark=dark)
    theme, count = curves.theme, len(result.names)
    columns = min(4, max(1, round(count**0.5)))
    rows = -(-count // columns)
    figure = new_figure(max(6.4, 3.1 * columns), 1.4 + 1.9 * rows, theme)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    lines = list_lines(result.table)
    for place, name, shown in zip(axes.flat, result.names, tell_apart(result.names, LONGEST), strict=False):
        style_axes(place, theme)
        place.set_title(shown, fontsize=8.5, color=theme.ink, loc="left")
        for measure in lines:
            for strand in list_strands(result.table, measure, curves.depth, [name]):
                _draw_line(place, strand, measure, theme)
        place.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        name_depth(place, curves.depth, theme)
    for number, place in enumerate(axes.flat):
        place.set_visible(number < count)
        place.tick_params(labelbottom=count - columns <= number < count)
    if lines:
        add_legend(figure, _name_measures(lines, theme), theme)
    return figure


def _draw_line(axes: Axes, strand: Strand, measure: str, theme: Theme) -> None:
    one = MEASURES[measure]
    colour = one.choose_colour(theme)
    axes.plot(strand.x, strand.value, color=colour, linewidth=1.1, marker=one.marker, markersize=3, zorder=3)
    axes.fill_between(strand.x, strand.low, strand.high, color=colour, alpha=0.12, linewidth=0)


def _name_measures(lines: Sequence[str], theme: Theme) -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            color=MEASURES[name].choose_colour(theme),
            marker=MEASURES[name].marker,
            markersize=4,
            label=name_line(name),
        )
        for name in lines
    ]
