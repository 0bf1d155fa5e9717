"""IMPORTANCE -> raw γ and the invariant score side by side, block by block, one row a checkpoint."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gst_analysis.analyses.importance.table import WHICH_TO_TRUST, Importance
from gst_analysis.analyses.scales.meetings import find_meetings
from gst_analysis.groups import GROUPS
from gst_analysis.style.names import GROUP_NAMES, shorten_layers, tell_apart
from gst_analysis.style.theme import Theme, add_legend, new_figure, style_axes, theme_of

_COLUMNS = {"abs_gamma": "raw scale |γ|", "invariant": "invariant score: E[ReLU(β+γz)] · ‖next weights‖"}

_STRIP = 0.16
"""Of the marks' height, the room above and below them where a sentence stands there."""


def draw_figures(result: Importance, *, dark: bool = False) -> dict[str, Figure]:
    """Raw γ and the invariant score side by side, block by block."""
    return {result.stem: draw_importance(result.table, dark=dark)}


def draw_importance(table: pd.DataFrame, *, dark: bool = False) -> Figure:
    """Medians and middle halves of each group's channels; a column's axis is that of all checkpoints.

    It reaches as far as the marks and no further: what is compared are two groups and several checkpoints,
    and with an axis from 0 both would lie on each other.

    Groups that have norms of their own stand side by side where they meet, in a block or a stage.

    The measured scores are drawn where there are any, else the closed form.
    """
    theme = theme_of(dark=dark)
    measured = bool((table["source"] == "measured").any())
    shown = table[table["source"] == ("measured" if measured else "closed form")]
    names = list(dict.fromkeys(shown["checkpoint"]))
    places = {name: find_meetings(rows).place for name, rows in shown.groupby("checkpoint", sort=False)}
    widest = max(len(set(place)) for place in places.values())
    figure = new_figure(max(8.5, 3.0 + 0.55 * widest), 1.9 + 2.3 * len(names), theme)
    axes = figure.subplots(len(names), 2, squeeze=False, sharey="col")
    short = tell_apart(names, 30)
    for r, name in enumerate(names):
        rows = shown[shown["checkpoint"] == name]
        for c, (score, title) in enumerate(_COLUMNS.items()):
            style_axes(axes[r, c], theme)
            _draw_panel(axes[r, c], rows.assign(place=places[name]), score, theme)
            if r == 0:
                axes[r, c].set_title(title, fontsize=9)
        axes[r, 0].set_ylabel(short[r], fontsize=8)
    source = "activations measured on clips" if measured else "z standard normal (closed form)"
    for bottom in axes[-1]:
        bottom.set_xlabel("block (stage.index)", fontsize=8)
    caption = "\n".join(textwrap.wrap(f"{WHICH_TO_TRUST} Here: {source}.", int(13.5 * figure.get_figwidth())))
    figure.supxlabel(caption, fontsize=8, color=theme.ink)
    _add_legend(figure, [g for g in GROUP_NAMES if (shown["group"] == g).any()], theme)
    return figure


def _draw_panel(axes: Axes, rows: pd.DataFrame, score: str, theme: Theme) -> None:
    layers = list(dict.fromkeys(rows["place"]))
    groups = list(dict.fromkeys(rows["group"]))
    step = min(0.28, 0.56 / max(1, len(groups) - 1))
    for g, group in enumerate(groups):
        aside = step * (g - (len(groups) - 1) / 2)
        values = [_known(rows, layer, group, score) for layer in layers]
        x = np.array([i + aside for i, v in enumerate(values) if len(v)])
        middle = np.array([np.quantile(v, [0.25, 0.5, 0.75]) for v in values if len(v)]).reshape(-1, 3)
        colour = theme.groups[group]
        axes.vlines(x, middle[:, 0], middle[:, 2], color=colour, linewidth=2.4, alpha=0.55)
        axes.scatter(x, middle[:, 1], s=20, color=colour, marker=GROUPS[group].marker, zorder=3)
    axes.set_xticks(range(len(layers)), shorten_layers(layers), rotation=90 if len(layers) > 8 else 0)
    axes.set_xlim(-0.6, len(layers) - 0.4)
    missing = int(rows[rows[score].isna()]["layer"].nunique())
    if missing:
        axes.margins(y=_STRIP)
        why = (
            f"not defined for {missing} of {rows['layer'].nunique()} layers: no convolution alone reads them"
        )
        axes.annotate(
            why, (0.99, 0.98), None, "axes fraction", ha="right", va="top", fontsize=7, color=theme.ink
        )


def _known(rows: pd.DataFrame, layer: str, group: str, score: str) -> np.ndarray:
    values = rows.loc[(rows["place"] == layer) & (rows["group"] == group), score].to_numpy()
    return np.asarray(values[np.isfinite(values)])


def _add_legend(figure: Figure, groups: list[str], theme: Theme) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=theme.groups[group],
            marker=GROUPS[group].marker,
            linewidth=2.4,
            alpha=0.8,
            label=GROUP_NAMES[group],
        )
        for group in groups
    ]
    title = "mark: median of the group's channels; bar: its middle half"
    add_legend(figure, handles, theme, title=title)
