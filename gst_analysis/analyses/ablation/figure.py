"""ABLATION -> the drop at every block, for both groups of channels."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gst_analysis.analyses.ablation.joint_figure import draw_joint
from gst_analysis.analyses.ablation.table import Ablation
from gst_analysis.analyses.ablation.words import MEASURES, TITLES
from gst_analysis.groups import GROUPS
from gst_analysis.numbers import how_many
from gst_analysis.style.head_map import HeadPanel, draw_head_map
from gst_analysis.style.names import drop_shared_start, shorten
from gst_analysis.style.theme import Theme, add_legend, new_figure, style_axes, theme_of
from gst_analysis.tables.schema import check_choices

_OVER = {"temporal": "over time", "spatial": "over space", "all": "over both"}
_APART, _SPREAD = 0.16, 0.3
"""Half the room between two groups at one block, and the most on either side of it; blocks are 1 apart."""


def draw_figures(result: Ablation, *, dark: bool = False) -> dict[str, Figure]:
    """The drop at every block, by the result's own measure; and what groups cost together, where measured."""
    own = draw_ablation(result.table, measure=result.measure, dark=dark)
    drawn = {result.stem: own, **dict(draw_joint(result.joint, result.shares, result.measure, dark=dark))}
    if result.heads is not None:
        drawn["ablation_heads"] = draw_heads(result.heads, measure=result.measure, dark=dark)
    return drawn


def draw_heads(table: pd.DataFrame, *, measure: str = "accuracy_drop", dark: bool = False) -> Figure:
    """HEADS: what each head costs, a panel for each intervention and, where attention is divided, each kind.

    A dot stands where the interval leaves out 0; of one clip there is none.
    """
    axis, scale = MEASURES[measure]
    values = table.assign(
        value=scale * table[measure],
        sure=((table[f"{measure}_low"] > 0) | (table[f"{measure}_high"] < 0)) & (table["clips"] > 1),
    )
    divided = table["group"].nunique() > 1
    panels = [
        HeadPanel(f"{kind}, {_OVER[str(group)]}" if divided else str(kind), part)
        for (group, kind), part in values.groupby(["group", "intervention"], sort=False)
    ]
    name, clips = shorten(str(table["checkpoint"].iloc[0]), 40), int(table["clips"].iloc[0])
    dots = "dots: the interval leaves out 0" if clips > 1 else "one clip: no confidence intervals"
    return draw_head_map(panels, label=axis, title=f"{name}, {how_many(clips, 'clip')}; {dots}", dark=dark)


def draw_ablation(table: pd.DataFrame, *, measure: str = "accuracy_drop", dark: bool = False) -> Figure:
    """A panel for each intervention: the drop at every block, with its confidence interval.

    One clip has none: its interval would have no width, whatever other clips may do.

    Args:
        table: an ABLATION table of one checkpoint.
        measure: accuracy_drop, logit_drop or loss_rise.
        dark: draw for a dark background.
    """
    check_choices("measure", [measure], tuple(MEASURES))
    theme = theme_of(dark=dark)
    layers = list(dict.fromkeys(table[choose_axis(table)]))
    kinds = list(dict.fromkeys(table["intervention"]))
    figure = new_figure(max(6.8, 1.6 + 0.34 * len(layers)), 1.7 + 1.75 * len(kinds), theme)
    panels = figure.subplots(len(kinds), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, kind in zip(panels, kinds, strict=True):
        style_axes(axes, theme)
        _draw_drops(axes, table[table["intervention"] == kind], layers, measure, theme)
        axes.set_title(f"{kind}: {TITLES[kind]}", fontsize=9, color=theme.ink, loc="left")
    names = drop_shared_start(layers)
    panels[-1].set_xticks(
        range(len(layers)), names, rotation=90 if len(layers) * max(map(len, names)) > 70 else 0
    )
    panels[-1].set_xlim(-0.6, len(layers) - 0.4)
    panels[-1].set_xlabel("block, from input to output", fontsize=9, color=theme.ink)
    figure.supylabel(MEASURES[measure][0], fontsize=9, color=theme.ink)
    groups = list(dict.fromkeys(table["group"]))
    clips = int(table["clips"].iloc[0])
    name = shorten(str(table["checkpoint"].iloc[0]), 40)
    bars = f"{clips} clips; bars: confidence intervals" if clips > 1 else "one clip: no confidence intervals"
    _explain(figure, groups, f"{name}, {bars}", theme)
    return figure


def _draw_drops(axes: Axes, rows: pd.DataFrame, layers: list[str], measure: str, theme: Theme) -> None:
    axes.axhline(0, color=theme.faint, linewidth=1)
    groups = list(dict.fromkeys(rows["group"]))
    places = {layer: place for place, layer in enumerate(layers)}
    aside = min(_APART, _SPREAD / max(1, len(groups) - 1))
    for number, group in enumerate(groups):
        own, scale = rows[rows["group"] == group], MEASURES[measure][1]
        value, low, high = (scale * own[f"{measure}{end}"].to_numpy() for end in ("", "_low", "_high"))
        at = own[choose_axis(rows)].map(places).to_numpy() + aside * (2 * number - len(groups) + 1)
        # a skewed bootstrap can leave the mean a hair outside its own interval
        bars = np.maximum(0, np.stack([value - low, high - value]))
        several = bool((own["clips"] > 1).all())
        axes.errorbar(
            at,
            value,
            yerr=bars if several else None,
            fmt=GROUPS[group].marker,
            color=theme.groups[group],
            markersize=4.5,
            elinewidth=1.3,
            capsize=2,
            capthick=1.1,
        )


def choose_axis(table: pd.DataFrame) -> str:
    """Blocks, where each has a group once; where a block has two operators, its layers."""
    pairs = table[["block", "layer", "group"]].drop_duplicates()
    return "layer" if pairs.duplicated(["block", "group"]).any() else "block"


def _explain(figure: Figure, groups: list[str], title: str, theme: Theme) -> None:
    handles = [
        Line2D(
            [], [], linestyle="none", marker=GROUPS[g].marker, color=theme.groups[g], label=GROUPS[g].phrase
        )
        for g in groups
    ]
    add_legend(figure, handles, theme, title=title, at="outside upper left")
