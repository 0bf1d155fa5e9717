"""ORDER and ORDER_CLASSES -> dots with intervals: a row for each condition, and one for each class."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from gst_analysis.analyses.order.table import IN_ORDER, SHUFFLED, FrameOrder
from gst_analysis.numbers import how_many
from gst_analysis.style.names import shorten
from gst_analysis.style.theme import Theme, add_legend, new_figure, style_axes, theme_of

KIND_NAMES: Mapping[str, str] = {
    "order": "frames in another order",
    "still": "one frame held still",
    "clock": "the clip's ends elsewhere",
}
KIND_MARKERS: Mapping[str, str] = {"order": "o", "still": "s", "clock": "D"}
_MOST_CLASSES, _EITHER_END = 30, 12
"""Up to so many classes are all drawn; of more, those at either end."""


def draw_figures(result: FrameOrder, *, dark: bool = False) -> dict[str, Figure]:
    """Every condition; and every class, where one is told how much of it needs order."""
    drawn = {result.stem: draw_order(result.table, chance=result.summary.chance, dark=dark)}
    if result.classes["temporality"].notna().any():
        drawn["order_classes"] = draw_temporality(result.classes, dark=dark)
    return drawn


def colour_kinds(theme: Theme) -> dict[str, str]:
    """What is about time in time's colour, what is about one frame in that of space."""
    return {"order": theme.groups["temporal"], "still": theme.groups["spatial"], "clock": theme.mark}


def draw_order(table: pd.DataFrame, *, chance: float, dark: bool = False) -> Figure:
    """The accuracy in every condition, with its interval, beside that in order and chance.

    Args:
        table: an ORDER table of one checkpoint.
        chance: the accuracy of a guess.
        dark: draw for a dark background.
    """
    theme = theme_of(dark=dark)
    figure = new_figure(7.4, 1.5 + 0.27 * len(table), theme)
    axes = figure.subplots()
    style_axes(axes, theme, grid="x")
    first = table.iloc[0]
    axes.axvline(float(first["accuracy"]), color=theme.accent, linewidth=1.2)
    axes.axvline(chance, color=theme.faint, linewidth=1.2, linestyle=(0, (4, 3)))
    colours = colour_kinds(theme)
    for place, row in enumerate(table.to_dict("records")):
        own = row["condition"] == IN_ORDER
        _draw_dot(axes, place, row, theme.accent if own else colours[row["kind"]])
        axes.plot(row["probability"], place, "|", color=theme.ink, markersize=8, markeredgewidth=1.3)
    axes.set_yticks(range(len(table)), [shorten(str(words), 52) for words in table["shown"]])
    axes.set_ylim(len(table) - 0.5, -0.5)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("clips that are right (accuracy)", fontsize=9, color=theme.ink)
    _write_accuracies(axes, table, theme)
    add_legend(figure, _list_keys(table, theme), theme, title=name_plot(table).replace("$", r"\$"))
    return figure


def name_plot(table: pd.DataFrame) -> str:
    """The checkpoint, its clips, and what the bars are."""
    clips = int(table["clips"].iloc[0])
    bars = "bars: confidence intervals" if clips > 1 else "one clip"
    return f"{shorten(str(table['checkpoint'].iloc[0]), 44)}: {how_many(clips, 'clip')}; {bars}"


def _draw_dot(axes: Axes, place: int, row: Mapping[Hashable, Any], colour: str) -> None:
    axes.hlines(place, row["accuracy_low"], row["accuracy_high"], color=colour, linewidth=1.6)
    marker = KIND_MARKERS[str(row["kind"])]
    axes.plot(row["accuracy"], place, marker, color=colour, markersize=5.5, zorder=3)


def _write_accuracies(axes: Axes, table: pd.DataFrame, theme: Theme) -> None:
    """Each row's accuracy as a number at the right."""
    for place, accuracy in enumerate(table["accuracy"]):
        axes.annotate(
            f"{accuracy:.1%}",
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=theme.ink,
        )


def _list_keys(table: pd.DataFrame, theme: Theme) -> list[Line2D]:
    kinds = [kind for kind in KIND_NAMES if kind in set(table["kind"][1:])]
    colours = colour_kinds(theme)
    keys = [
        Line2D([], [], color=colours[k], marker=KIND_MARKERS[k], markersize=5.5, label=KIND_NAMES[k])
        for k in kinds
    ]
    return [
        *keys,
        Line2D([], [], color=theme.accent, label="in order"),
        Line2D([], [], color=theme.faint, linestyle=(0, (4, 3)), label="chance"),
        Line2D(
            [], [], color=theme.ink, linestyle="", marker="|", markersize=8, label="true class's probability"
        ),
    ]


@dataclass(frozen=True)
class ClassRows:
    """Classes from most to least temporality, and how many were left out."""

    told: pd.DataFrame
    between: int
    """Classes between both ends that are not drawn; the first half of `told` stands before them."""
    withheld: int
    """Classes with clips of which nothing is told."""


def choose_classes(table: pd.DataFrame) -> ClassRows:
    """All classes of which temporality is told, or of many those at either end."""
    told = table[table["temporality"].notna()].sort_values(
        ["temporality", "class_id"], ascending=[False, True], kind="stable"
    )
    withheld = int(((table["clips"] > 0) & table["temporality"].isna()).sum())
    if len(told) <= _MOST_CLASSES:
        return ClassRows(told, 0, withheld)
    kept = pd.concat([told.head(_EITHER_END), told.tail(_EITHER_END)])
    return ClassRows(kept, len(told) - len(kept), withheld)


def say_left_out(rows: ClassRows) -> str:
    """How many classes are not drawn, and why; empty where all are."""
    parts = [f"{rows.between} between those at either end"] if rows.between else []
    parts += [f"{rows.withheld} that may be at chance in order"] if rows.withheld else []
    return f"not drawn: {' and '.join(parts)}" if parts else ""


def place_classes(rows: ClassRows) -> np.ndarray:
    """Where each class stands, from the top; a gap is left for those that are not drawn."""
    places = np.arange(len(rows.told), dtype=float)
    return places + np.where(places >= _EITHER_END, 1.0, 0.0) if rows.between else places


def limit_scores(told: pd.DataFrame) -> tuple[float, float]:
    """The axis of temporality: from nothing to all of it, and a little beyond where intervals reach."""
    low, high = float(told["temporality_low"].min()), float(told["temporality_high"].max())
    return max(-0.6, min(-0.06, low - 0.03)), min(1.6, max(1.06, high + 0.03))


def draw_temporality(table: pd.DataFrame, *, dark: bool = False) -> Figure:
    """The share of each class's above-chance accuracy that needs order, with its interval.

    Args:
        table: an ORDER_CLASSES table of one checkpoint.
        dark: draw for a dark background.
    """
    theme, rows = theme_of(dark=dark), choose_classes(table)
    told, places = rows.told, place_classes(rows)
    names = [
        fill(f"{shorten(str(label), 84)} ({clips})", 46).replace("$", r"\$")
        for label, clips in zip(told["label"], told["clips"], strict=True)
    ]
    row = 0.24 if not any("\n" in name for name in names) else 0.31
    figure = new_figure(7.4, 1.35 + row * (len(told) + bool(rows.between)), theme)
    axes = figure.subplots()
    style_axes(axes, theme, grid="x")
    for share in (0, 1):
        axes.axvline(share, color=theme.faint, linewidth=1)
    colour = theme.groups["temporal"]
    axes.hlines(places, told["temporality_low"], told["temporality_high"], color=colour, linewidth=1.6)
    axes.plot(told["temporality"], places, "o", color=colour, markersize=5, zorder=3)
    axes.set_yticks(places, names, linespacing=1.0)
    if rows.between:
        axes.text(0.5, _EITHER_END, "⋮", ha="center", va="center", color=theme.faint, fontsize=11)
    axes.set_ylim(places[-1] + 0.6, -0.6)
    axes.set_xlim(*limit_scores(told))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    lines = ["share of above-chance accuracy that needs order", "(clips in brackets)", say_left_out(rows)]
    axes.set_xlabel("\n".join(fill(line, 52) for line in lines if line), fontsize=9, color=theme.ink)
    name = shorten(str(table["checkpoint"].iloc[0]), 44)
    title = f"{name}: in order against {SHUFFLED}; bars: confidence intervals"
    figure.suptitle(title, fontsize=9, color=theme.ink, parse_math=False)
    return figure
