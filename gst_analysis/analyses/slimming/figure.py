"""SLIM_WIDTHS -> the widths of every block, before and after; SLIM_CURVE -> accuracy over multiply-adds.

SLIM_TUNED, where points of the curve were fine-tuned, is drawn above the lines of those that were not.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gst_analysis.analyses.slimming.table import NetworkCost, Slimming
from gst_analysis.style.names import GROUP_NAMES, shorten
from gst_analysis.style.theme import Theme, new_figure, style_axes, style_legend, theme_of

_BAR = 0.36


class TunedLook(NamedTuple):
    """How a way of choosing channels is drawn after fine-tuning; `colour` is the theme's."""

    marker: str
    colour: str
    aside: float
    """Percent of the multiply-adds: ways of one cost stand side by side."""
    name: str


TUNED_LOOKS = {
    "whole": TunedLook("P", "faint", 0.0, "whole network"),
    "chosen": TunedLook("*", "ink", -1.0, "network proposed"),
    "score": TunedLook("o", "accent", -0.35, "lowest scores"),
    "uniform": TunedLook("s", "mark", 0.35, "as many of every group"),
    "random": TunedLook("^", "faint", 1.0, "random channels"),
}


def draw_figures(result: Slimming, *, dark: bool = False) -> dict[str, Figure]:
    """The widths of every block, and accuracy over multiply-adds where clips were given."""
    chosen = result.summary.after
    drawn = draw_slimming(result.table, result.curve, chosen=chosen, tuned=result.tuned, dark=dark)
    return {result.stem: drawn}


def draw_slimming(
    widths: pd.DataFrame,
    curve: pd.DataFrame | None,
    *,
    chosen: NetworkCost | None = None,
    tuned: pd.DataFrame | None = None,
    dark: bool = False,
) -> Figure:
    """The share of every group's channels that is left, and accuracy over cost where it was measured.

    Args:
        widths: a SLIM_WIDTHS table of one checkpoint.
        curve: its SLIM_CURVE table, if there is one.
        chosen: the smaller network's cost: its `macs` and `accuracy` are marked in the curve.
        tuned: a SLIM_TUNED table, if points were fine-tuned.
        dark: draw for a dark background.
    """
    theme = theme_of(dark=dark)
    blocks = list(dict.fromkeys(widths["block"]))
    wide = max(6.8, 1.6 + 0.4 * len(blocks))
    figure = new_figure(wide, 3.4 if curve is None else 7.2 if tuned is None else 8.4, theme)
    rows = figure.subplots(1 if curve is None else 2, 1, squeeze=False)[:, 0]
    _draw_widths(rows[0], widths, blocks, theme)
    if curve is not None:
        handles = _draw_curve(rows[1], curve, chosen, theme)
        if tuned is not None:
            handles += _draw_tuned(rows[1], tuned, theme)
            rows[1].set_ylabel("accuracy (%); lines: no fine-tuning", fontsize=9, color=theme.ink)
            rows[1].set_xlabel(f"{rows[1].get_xlabel()}; fine-tuned marks of one cost stand side by side")
        legend = rows[1].legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0, 1.02), ncols=2, fontsize=8, borderaxespad=0
        )
        style_legend(legend, theme)
    return figure


def _draw_widths(axes: Axes, widths: pd.DataFrame, blocks: list[str], theme: Theme) -> None:
    style_axes(axes, theme)
    groups = list(dict.fromkeys(widths["group"]))
    for number, group in enumerate(groups):
        own = widths[widths["group"] == group]
        at = np.arange(len(blocks)) + _BAR * (number - (len(groups) - 1) / 2)
        share = 100 * (own["after"] / own["before"]).to_numpy()
        axes.bar(at, share, 0.92 * _BAR, color=theme.groups[group])
        for x, y, left in zip(at, share, own["after"], strict=True):
            axes.text(float(x), y + 2, str(left), ha="center", fontsize=6.5, color=theme.ink)
    axes.set_xticks(range(len(blocks)), blocks, rotation=90 if len(blocks) > 8 else 0)
    axes.set_ylim(0, 112)
    axes.set_yticks(range(0, 101, 25))
    axes.set_ylabel("channels left (% of the group's)", fontsize=9, color=theme.ink)
    name = shorten(str(widths["checkpoint"].iloc[0]), 40)
    axes.set_title(
        f"{name}: what is left after each operator; numbers: channels",
        fontsize=9,
        color=theme.ink,
        loc="left",
    )
    handles = [Patch(facecolor=theme.groups[g], label=GROUP_NAMES[g]) for g in groups]
    legend = axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.08), ncols=2, fontsize=8, borderaxespad=0
    )
    style_legend(legend, theme)


def _draw_curve(axes: Axes, curve: pd.DataFrame, chosen: NetworkCost | None, theme: Theme) -> list[Line2D]:
    """Accuracy over cost by three ways of choosing what goes; returns what the legend says of them."""
    style_axes(axes, theme, grid="both")
    score, uniform = (curve[curve["method"] == method] for method in ("score", "uniform"))
    drawn = curve[curve["method"] == "random"].groupby("draw")
    for _, rows in drawn:
        axes.plot(to_percent(rows), 100 * rows["accuracy"], color=theme.faint, linewidth=0.9, alpha=0.9)
    axes.plot(
        to_percent(uniform), 100 * uniform["accuracy"], "s--", color=theme.mark, markersize=4, linewidth=1.3
    )
    low, high = (100 * score[f"accuracy_{end}"] for end in ("low", "high"))
    axes.fill_between(to_percent(score), low, high, color=theme.accent, alpha=0.18, linewidth=0)
    axes.plot(
        to_percent(score), 100 * score["accuracy"], "o-", color=theme.accent, markersize=4, linewidth=1.6
    )
    handles = [
        Line2D(
            [], [], marker="o", color=theme.accent, label="lowest scores first; band: confidence interval"
        ),
        Line2D([], [], marker="s", linestyle="--", color=theme.mark, label="as many of every group"),
        Line2D([], [], color=theme.faint, label=f"random channels, {drawn.ngroups} orders"),
    ]
    if chosen is not None and chosen.accuracy is not None:
        place = 100 * chosen.macs / curve["macs"].max(), 100 * chosen.accuracy.value
        handles.append(_ring(axes, place, theme))
    axes.set_xlabel("multiply-adds (% of the whole network's)", fontsize=9, color=theme.ink)
    axes.set_ylabel("accuracy (%), no fine-tuning", fontsize=9, color=theme.ink)
    axes.set_ylim(bottom=0)
    return handles


def _ring(axes: Axes, place: tuple[float, float], theme: Theme) -> Line2D:
    """A ring around the network that was chosen, and its entry in the legend."""
    ring: dict[str, Any] = {"marker": "o", "markerfacecolor": "none", "markeredgecolor": theme.ink}
    axes.plot(*place, linestyle="none", markersize=11, markeredgewidth=1.3, **ring)
    return Line2D([], [], linestyle="none", markersize=9, label="the network proposed", **ring)


def _draw_tuned(axes: Axes, tuned: pd.DataFrame, theme: Theme) -> list[Line2D]:
    """From before to after by a dotted line; ways of the same cost stand a little aside of each other."""
    epochs, handles = int(tuned["epochs"].iloc[0]), []
    for method, (marker, shade, aside, name) in TUNED_LOOKS.items():
        rows, colour = tuned[tuned["method"] == method], getattr(theme, shade)
        at = to_percent(rows) + aside
        before, after, low, high = (
            100 * rows[f"accuracy_{part}"] for part in ("before", "after", "after_low", "after_high")
        )
        axes.vlines(at, before, after, color=colour, linewidth=0.9, linestyle=(0, (2, 2)))
        axes.vlines(at, low, high, color=colour, linewidth=1.6)
        axes.scatter(
            at,
            after,
            s=90 if marker == "*" else 42,
            marker=marker,
            facecolor=colour,
            edgecolor=theme.panel,
            linewidth=0.8,
            zorder=5,
        )
        label = f"{name}, after {epochs} epoch{'s' * (epochs > 1)}"
        handles.append(
            Line2D([], [], linestyle="none", marker=marker, markersize=8, color=colour, label=label)
        )
    return handles


def to_percent(rows: pd.DataFrame) -> pd.Series:
    """Multiply-adds in percent of the whole network's."""
    return 100 * rows["macs_share"]
