"""JOINT and SHARES -> what groups cost together, beside what they cost alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gst_analysis.analyses.ablation.joint_table import SEVERAL
from gst_analysis.analyses.ablation.words import MEASURES
from gst_analysis.groups import GROUPS, order_groups
from gst_analysis.numbers import how_many
from gst_analysis.style.names import drop_shared_start, shorten
from gst_analysis.style.theme import Theme, add_legend, new_figure, style_axes, theme_of

TOGETHER, PAIRS, GREEDY, OF_ALL = (f"ablation_{part}" for part in ("together", "pairs", "greedy", "shares"))
"""Files of the figures."""
_MARK = "o"
"""Of sets whose units are of several groups."""


def draw_joint(
    joint: pd.DataFrame | None, shares: pd.DataFrame | None, measure: str, *, dark: bool = False
) -> Iterator[tuple[str, Figure]]:
    """Every figure that the tables are enough for, by the name of its file."""
    theme = theme_of(dark=dark)
    draw = {TOGETHER: _draw_sets, PAIRS: _draw_pairs, GREEDY: _draw_greedy, OF_ALL: _draw_shares}
    for name, rows in list_parts(joint, shares):
        yield name, draw[name](rows, measure, theme)


def list_parts(joint: pd.DataFrame | None, shares: pd.DataFrame | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """What there is a figure of, by the name of its file: whole sets, pairs, a sequence, shares."""
    if joint is not None:
        of_one_group = (joint["kind"] == "pair") & (joint["group"] != SEVERAL)
        chosen = {
            TOGETHER: joint["kind"].isin(["network", "stage"]),
            PAIRS: of_one_group,
            GREEDY: joint["kind"] == "greedy",
        }
        yield from ((name, joint[rows]) for name, rows in chosen.items() if rows.any())
    if shares is not None:
        yield OF_ALL, shares


def _draw_sets(sets: pd.DataFrame, measure: str, theme: Theme) -> Figure:
    """A row a set: what it costs together, and the sum of what its units cost alone."""
    figure = new_figure(7.2, 1.9 + 0.3 * len(sets), theme)
    axes = figure.subplots()
    style_axes(axes, theme, grid="x")
    axes.axvline(0, color=theme.faint, linewidth=1)
    for place, (_, row) in enumerate(sets.iterrows()):
        colour, mark = _style(str(row["group"]), theme)
        _draw_interval(axes, row, measure, float(place), colour, mark)
        alone = MEASURES[measure][1] * row[f"{measure}_alone"]
        axes.plot(alone, place, mark, markerfacecolor="none", markeredgecolor=colour, markersize=7)
    axes.set_yticks(range(len(sets)), [str(words) for words in sets["set"]], fontsize=8)
    axes.set_ylim(len(sets) - 0.4, -0.6)
    axes.set_xlabel(MEASURES[measure][0], fontsize=9, color=theme.ink)
    _explain(figure, sets, theme, ["changed together", "sum of each alone"])
    return figure


def _draw_interval(
    axes: Axes, row: pd.Series, measure: str, place: float, colour: str, mark: str, *, upright: bool = False
) -> None:
    scale = MEASURES[measure][1]
    value, low, high = (scale * float(row[f"{measure}{end}"]) for end in ("", "_low", "_high"))
    bars = np.array([[max(0.0, value - low)], [max(0.0, high - value)]])
    x, y = (place, value) if upright else (value, place)
    shown = bars if row["clips"] > 1 else None
    axes.errorbar(
        x,
        y,
        xerr=None if upright else shown,
        yerr=shown if upright else None,
        fmt=mark,
        color=colour,
        markersize=5,
        elinewidth=1.3,
        capsize=2,
        capthick=1.1,
    )


def _draw_pairs(pairs: pd.DataFrame, _: str, theme: Theme) -> Figure:
    """A square a pair of one group, coloured by what both cost beyond the sum of each alone."""
    panels = lay_out_pairs(pairs)
    count = max(len(panel.names) for panel in panels)
    side = max(2.6, 1.3 + 0.24 * count)
    figure = new_figure(1.2 + side * len(panels), 1.0 + side, theme)
    every = figure.subplots(1, len(panels), squeeze=False)[0]
    most = max(1e-9, float(np.abs(pairs["loss_rise_beyond"]).max()))
    image = None
    for axes, panel in zip(every, panels, strict=True):
        image = axes.imshow(panel.square, cmap="PuOr_r", norm=TwoSlopeNorm(0, -most, most))
        axes.set_xticks(range(len(panel.names)), panel.names, rotation=90, fontsize=7)
        axes.set_yticks(range(len(panel.names)), panel.names, fontsize=7)
        axes.tick_params(colors=theme.ink, length=0)
        axes.set_facecolor(theme.panel)
        axes.set_title(GROUPS[panel.group].phrase, fontsize=9, color=theme.ink, loc="left")
        for spine in axes.spines.values():
            spine.set_visible(False)
    assert image is not None  # there are pairs
    bar = figure.colorbar(image, ax=list(every), shrink=0.8, pad=0.02)
    bar.set_label("loss beyond the sum of both alone (nats)", fontsize=8, color=theme.ink)
    bar.ax.tick_params(colors=theme.ink, labelsize=7)
    figure.suptitle(
        f"{_name(pairs)}: two that stand in for each other are orange", fontsize=9, color=theme.ink
    )
    return figure


@dataclass(frozen=True)
class PairSquare:
    """The pairs of one group as a square, of which only the lower half is filled."""

    group: str
    names: list[str]
    """Of its units, without what they share."""
    square: npt.NDArray[np.float64]
    """What both cost beyond the sum of each alone."""
    cells: list[tuple[int, int, dict[Any, Any]]]
    """Row and column of every pair, and its line of the table."""


def lay_out_pairs(pairs: pd.DataFrame) -> list[PairSquare]:
    """A square for every group whose units were changed in pairs."""
    squares = []
    for group, rows in pairs.groupby("group", sort=False):
        members, cells = _list_members(rows), []
        square = np.full((len(members), len(members)), np.nan)
        for row in rows.to_dict("records"):
            one, other = (members.index(name) for name in str(row["added"]).split(" + "))
            square[max(one, other), min(one, other)] = row["loss_rise_beyond"]
            cells.append((max(one, other), min(one, other), row))
        shown = [name.rpartition(" ")[0] if group != SEVERAL else name for name in members]
        squares.append(PairSquare(str(group), drop_shared_start(shown), square, cells))
    return squares


def _list_members(rows: pd.DataFrame) -> list[str]:
    """The units of pairs in the order of the network."""
    return list(dict.fromkeys(name for words in rows["added"] for name in str(words).split(" + ")))


def _draw_greedy(rows: pd.DataFrame, measure: str, theme: Theme) -> Figure:
    """A line a group: what is lost as one unit after another goes, the least missed first."""
    figure = new_figure(7.2, 4.2, theme)
    axes = figure.subplots()
    style_axes(axes, theme)
    axes.axhline(0, color=theme.faint, linewidth=1)
    scale = MEASURES[measure][1]
    for group in order_groups(rows["group"]):
        own = rows[rows["group"] == group]
        colour, mark = _style(group, theme)
        value, low, high = (scale * own[f"{measure}{end}"].to_numpy(float) for end in ("", "_low", "_high"))
        axes.plot(own["step"], value, marker=mark, color=colour, markersize=5, linewidth=1.4)
        if (own["clips"] > 1).all():
            axes.fill_between(own["step"].to_numpy(float), low, high, color=colour, alpha=0.18, linewidth=0)
    axes.set_xticks(range(1, int(rows["step"].max()) + 1))
    axes.set_xlabel("groups of one layer that are gone, the least missed first", fontsize=9, color=theme.ink)
    axes.set_ylabel(MEASURES[measure][0], fontsize=9, color=theme.ink)
    _explain(figure, rows, theme, ["chosen on other clips than those shown"])
    return figure


def _draw_shares(shares: pd.DataFrame, measure: str, theme: Theme) -> Figure:
    """At every block each group's share of what all cost together, and what it costs alone."""
    rows = shares[shares["level"] == "unit"]
    axis = "layer" if rows.duplicated(["block", "group"]).any() else "block"
    places = list(dict.fromkeys(rows[axis]))
    figure = new_figure(max(6.8, 1.6 + 0.34 * len(places)), 4.2, theme)
    axes = figure.subplots()
    style_axes(axes, theme)
    axes.axhline(0, color=theme.faint, linewidth=1)
    groups = order_groups(rows["group"])
    for number, group in enumerate(groups):
        colour, mark = _style(group, theme)
        for _, row in rows[rows["group"] == group].iterrows():
            at = places.index(row[axis]) + 0.16 * (2 * number - len(groups) + 1)
            _draw_interval(axes, row, measure, at, colour, mark, upright=True)
            alone = MEASURES[measure][1] * row[f"{measure}_alone"]
            axes.plot(at, alone, mark, markerfacecolor="none", markeredgecolor=colour, markersize=7)
    names = drop_shared_start(places)
    turned = 90 if len(places) * max(map(len, names)) > 70 else 0
    axes.set_xticks(range(len(places)), names, rotation=turned)
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.set_xlabel("block, from input to output", fontsize=9, color=theme.ink)
    axes.set_ylabel(MEASURES[measure][0], fontsize=9, color=theme.ink)
    _explain(figure, rows, theme, ["share of what all cost together", "alone"])
    return figure


def _style(group: str, theme: Theme) -> tuple[str, str]:
    if group == SEVERAL:
        return theme.ink, _MARK
    return theme.groups[group], GROUPS[group].marker


def _name(rows: pd.DataFrame) -> str:
    return shorten(str(rows["checkpoint"].iloc[0]), 40)


def _explain(figure: Figure, rows: pd.DataFrame, theme: Theme, kinds: list[str]) -> None:
    groups = [group for group in order_groups(rows["group"]) if group != SEVERAL]
    handles = [_mark(*_style(g, theme), GROUPS[g].phrase) for g in groups]
    if (rows["group"] == SEVERAL).any():
        handles.append(_mark(*_style(SEVERAL, theme), "all groups"))
    if len(kinds) > 1:
        handles += [_mark(theme.faint, _MARK, kinds[0]), _mark(theme.faint, _MARK, kinds[1], filled=False)]
    clips = int(rows["clips"].iloc[0])
    title = f"{_name(rows)}, {how_many(clips, 'clip')}, {rows['intervention'].iloc[0]}"
    title += f"; {kinds[0]}" if len(kinds) == 1 else "; bars: confidence intervals" if clips > 1 else ""
    add_legend(figure, handles, theme, title=title, at="outside upper left", columns=3)


def _mark(colour: str, mark: str, words: str, *, filled: bool = True) -> Line2D:
    face = colour if filled else "none"
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=mark,
        color=colour,
        markerfacecolor=face,
        markeredgecolor=colour,
        label=words,
    )
