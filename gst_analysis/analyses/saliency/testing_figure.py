"""SALIENCY_CURVES and SALIENCY_FORGETTING -> whether maps say what a network uses, in three panels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

from gst_analysis.analyses.saliency.table import CurveAreas
from gst_analysis.groups import GROUPS
from gst_analysis.style.names import shorten
from gst_analysis.style.theme import DASHES, Theme, add_legend, new_figure, style_axes, theme_of

_CONTROLS = {"colour": ("dashdot", "colour, no network"), "random": ("dot", "any order")}
_TITLES = {"deletion": "hottest pixels taken away first", "insertion": "hottest pixels put back first"}


def draw_tests(
    curves: pd.DataFrame,
    forgetting: pd.DataFrame,
    areas: Mapping[str, CurveAreas],
    title: str,
    *,
    dark: bool = False,
) -> Figure:
    """Both curves by every map and control, and how alike maps stay as the network forgets."""
    theme = theme_of(dark=dark)
    figure = new_figure(10.4, 4.0, theme)
    panels = figure.subplots(1, 3, width_ratios=(1, 1, 1.1))
    for axes, way in zip(panels, _TITLES, strict=False):
        _draw_curves(axes, curves[curves["direction"] == way], areas, theme)
        axes.set_title(_TITLES[way], fontsize=9, loc="left", color=theme.ink)
    panels[0].set_ylabel("probability of the class", fontsize=9)
    _draw_forgetting(panels[2], forgetting, theme)
    first = curves.iloc[0]
    words = f"{shorten(str(first['checkpoint']), 40)}, {shorten(title, 50)}"
    add_legend(
        figure,
        list(panels[0].get_lines()),
        theme,
        title=f"{words}; mean probability while pixels go, while they come back",
    )
    return figure


def _style(name: str, theme: Theme) -> tuple[str, LineStyleType, str]:
    if name in _CONTROLS:
        dashes, words = _CONTROLS[name]
        return theme.faint, DASHES[dashes], words
    if name == "all":
        return theme.ink, "-", "map of the whole block"
    return theme.groups[name], DASHES[GROUPS[name].dash], f"map of {GROUPS[name].phrase}"


def _draw_curves(axes: Axes, curves: pd.DataFrame, areas: Mapping[str, CurveAreas], theme: Theme) -> None:
    style_axes(axes, theme)
    for name, rows in curves.groupby("map", sort=False):
        colour, dashes, words = _style(str(name), theme)
        found = areas[str(name)]
        label = f"{words}: {found.deletion:.2f}, {found.insertion:.2f}"
        chances = rows["probability"]
        axes.plot(100 * rows["share"], chances, linestyle=dashes, color=colour, linewidth=1.6, label=label)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("pixels of the clip (%)", fontsize=9)


def _draw_forgetting(axes: Axes, forgetting: pd.DataFrame, theme: Theme) -> None:
    """A row for every step, a dot for every group's map."""
    style_axes(axes, theme, grid="x")
    axes.axvline(0, color=theme.faint, linewidth=1)
    steps = list(dict.fromkeys(forgetting["forgotten"]))
    groups = list(dict.fromkeys(forgetting["group"]))
    for number, group in enumerate(groups):
        own = forgetting[forgetting["group"] == group]
        places = [steps.index(what) for what in own["forgotten"]]
        off = 0.22 * (number - (len(groups) - 1) / 2)
        colour, mark = _style(group, theme)[0], GROUPS[group].marker
        axes.plot(own["correlation"], np.array(places) + off, mark, color=colour, markersize=5)
    axes.set_yticks(range(len(steps)), steps, fontsize=8)
    axes.set_ylim(len(steps) - 0.5, -0.5)
    axes.set_xlim(-1.03, 1.03)
    axes.set_xlabel("rank correlation with the map of the trained network", fontsize=8)
    axes.set_title("weights shuffled from the head down", fontsize=9, loc="left", color=theme.ink)
