"""A map of heads: rows layers, columns heads, a panel for each of several things measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from gst_analysis.style.names import drop_shared_start, shorten
from gst_analysis.style.theme import new_figure, style_axes, theme_of

_NUMBERED = 16
"""Up to so many heads have room for numbers in their cells."""


@dataclass(frozen=True)
class HeadPanel:
    """One panel: its title, and a table of layer, head and value; `sure` ones have a dot."""

    title: str
    table: pd.DataFrame


def draw_head_map(
    panels: Sequence[HeadPanel],
    *,
    label: str,
    title: str,
    limits: tuple[float, float] | None = None,
    dark: bool = False,
) -> Figure:
    """Colours from nothing to the most; where values lie below 0 another colour stands for these.

    Args:
        panels: at least one; layers are named again where they are others than in the panel before.
        label: what the colours are.
        title: of the whole.
        limits: of the colours; as far as the values reach if None.
        dark: draw for a dark background.
    """
    theme = theme_of(dark=dark)
    heads = 1 + max(int(panel.table["head"].max()) for panel in panels)
    rows = max(panel.table["layer"].nunique() for panel in panels)
    wide = max(2.6, 1.2 + (0.3 if heads <= _NUMBERED else 0.18) * heads)
    figure = new_figure(1.4 + wide * len(panels), 1.7 + 0.27 * rows, theme)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    reach = max(float(panel.table["value"].abs().max()) for panel in panels) or 1.0
    low, high = limits or (-reach, reach)
    ends = [theme.panel, theme.accent] if low >= 0 else [theme.mark, theme.panel, theme.accent]
    colours = LinearSegmentedColormap.from_list("heads", ends)
    before: list[str] = []
    for one, panel in zip(axes, panels, strict=True):
        style_axes(one, theme, grid=None)
        one.set_facecolor(theme.grid)  # a layer with fewer heads
        layers = list(dict.fromkeys(panel.table["layer"]))
        grid = panel.table.pivot(index="layer", columns="head", values="value").reindex(layers)
        shown = one.imshow(np.ma.masked_invalid(grid), cmap=colours, vmin=low, vmax=high, aspect="auto")
        one.set_xticks(range(0, heads, 1 if heads <= _NUMBERED else 4))
        one.set_xlabel("head", fontsize=9, color=theme.ink)
        one.set_title(panel.title, fontsize=9, color=theme.ink, loc="left")
        _mark_sure(one, panel.table, layers, theme.ink)
        names = drop_shared_start(layers) if one is axes[0] or layers != before else [""] * len(layers)
        one.set_yticks(range(len(layers)), names, fontsize=7.5)
        before = layers
    bar = figure.colorbar(shown, ax=list(axes), shrink=0.8)
    bar.outline.set_edgecolor(theme.faint)
    bar.set_label(label, color=theme.ink, fontsize=8)
    bar.ax.tick_params(colors=theme.faint, labelcolor=theme.ink, labelsize=8)
    figure.suptitle(shorten(title, 80), fontsize=9, color=theme.ink)
    return figure


def _mark_sure(axes: Axes, table: pd.DataFrame, layers: Sequence[str], ink: str) -> None:
    if "sure" not in table.columns:
        return
    sure = table[table["sure"]]
    axes.scatter(sure["head"], [layers.index(layer) for layer in sure["layer"]], s=8, color=ink, linewidth=0)
