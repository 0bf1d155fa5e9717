"""ROLE_SUMS -> shares of variance by depth, and how many channels have which role by either estimate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from gst_analysis.analyses.roles.table import (
    DYNAMIC,
    JOINT,
    NEITHER,
    PARTS,
    PLACE,
    ROLES,
    STATIC,
    ChannelRoles,
)
from gst_analysis.groups import GROUPS, order_groups
from gst_analysis.style.names import GROUP_NAMES, shorten, shorten_layers
from gst_analysis.style.theme import DASHES, Theme, add_legend, new_figure, style_axes, theme_of

_MOST_NAMED = 40
"""Layers that find room for their names."""
_SPREAD = 0.36
"""From the first to the last group of a block; blocks are 1 apart."""
ESTIMATES = {"": "by shares of variance", "pair_": "by correlations of pairs (published)"}
"""What stands before the columns that count channels, and how panels call it."""


def draw_figures(result: ChannelRoles, *, dark: bool = False) -> dict[str, Figure]:
    """Shares by depth, and roles by either estimate."""
    return {
        result.stem: draw_shares(result.sums, dark=dark),
        "role_counts": draw_counts(result.sums, dark=dark),
    }


def list_lines(sums: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What a legend calls each line, and its rows: the groups behind norms, then all that leaves a place."""
    units, places = sums[sums["kind"] != PLACE], sums[sums["kind"] == PLACE]
    lines = {GROUP_NAMES[group]: units[units["group"] == group] for group in order_groups(units["group"])}
    return lines | {"all that leaves a block": places}


def list_blocks(sums: pd.DataFrame) -> list[str]:
    """Places in the order of the network, with those that hold groups and are none themselves."""
    return list(dict.fromkeys([*sums.loc[sums["kind"] == PLACE, "block"], *sums["block"]]))


def draw_shares(sums: pd.DataFrame, *, dark: bool = False) -> Figure:
    """Mean shares over the channels of each group, block by block, with intervals over scenes and chance."""
    theme = theme_of(dark=dark)
    blocks, lines = list_blocks(sums), list_lines(sums)
    figure = new_figure(max(6.8, min(15.0, 2.4 + 0.5 * len(blocks))), 7.4, theme)
    panels = figure.subplots(3, 1, sharex=True)
    for axes, part in zip(panels, PARTS, strict=True):
        style_axes(axes, theme)
        axes.set_ylabel(f"{part}\n{PARTS[part].replace(' from', chr(10) + 'from')}", fontsize=8.5)
        for number, rows in enumerate(lines.values()):
            if len(rows):
                aside = _SPREAD * (number / max(1, len(lines) - 1) - 0.5)
                _draw_line(axes, rows, blocks, part, theme, aside)
        axes.set_ylim(*find_range(sums, part))
    figure.align_ylabels(panels)
    _name_blocks(panels[-1], blocks)
    marks = [_mark(name, rows, theme) for name, rows in lines.items() if len(rows)]
    chance = Line2D([], [], linestyle="", marker="_", color=theme.faint, label="chance gives less in 95%")
    add_legend(figure, [*marks, chance], theme)
    return figure


def find_range(sums: pd.DataFrame, part: str) -> tuple[float, float]:
    """From where to where an axis goes: from 0 to 1, but for what both do together, which is little."""
    top = max(0.1, float(sums[f"{part}_high"].fillna(0).max())) if part == JOINT else 1.0
    return min(-0.04 * top, float(sums[part].fillna(0).min())), 1.04 * top


def _draw_line(
    axes: Axes, rows: pd.DataFrame, blocks: list[str], part: str, theme: Theme, aside: float
) -> None:
    group = str(rows["group"].iloc[0])
    colour = _colour(rows, theme)
    x = np.array([blocks.index(block) for block in rows["block"]]) + aside
    values = rows[part].to_numpy()
    dash = DASHES[GROUPS[group].dash] if rows["kind"].iloc[0] != PLACE else DASHES["dot"]
    if rows["block"].is_unique:
        axes.plot(x, values, color=colour, linewidth=0.9, alpha=0.7, linestyle=dash)
    axes.vlines(x, rows[f"{part}_low"], rows[f"{part}_high"], color=colour, linewidth=1.3, alpha=0.75)
    axes.scatter(x, values, s=20, marker=_marker(rows), color=colour, zorder=3)
    axes.scatter(x, rows[f"{part}_null"], s=24, marker="_", color=theme.faint, linewidth=0.9, zorder=2)


def _colour(rows: pd.DataFrame, theme: Theme) -> str:
    return theme.faint if rows["kind"].iloc[0] == PLACE else theme.groups[str(rows["group"].iloc[0])]


def _marker(rows: pd.DataFrame) -> str:
    return "x" if rows["kind"].iloc[0] == PLACE else GROUPS[str(rows["group"].iloc[0])].marker


def _mark(name: str, rows: pd.DataFrame, theme: Theme) -> Line2D:
    return Line2D([], [], color=_colour(rows, theme), marker=_marker(rows), markersize=4.5, label=name)


def _name_blocks(axes: Axes, blocks: list[str]) -> None:
    names = [shorten(name, 20) for name in shorten_layers([f"{block}." for block in blocks])]
    if len(names) <= _MOST_NAMED:
        axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 4 else 0)
    axes.set_xlabel("block" if len(names) <= _MOST_NAMED else "block, by depth", fontsize=9)


def colour_roles(theme: Theme) -> dict[str, str]:
    """Colours of roles, which differ in lightness, too."""
    return {STATIC: theme.accent, DYNAMIC: theme.mark, JOINT: theme.ink, NEITHER: theme.grid}


def draw_counts(sums: pd.DataFrame, *, dark: bool = False) -> Figure:
    """How the channels of each group are shared among the roles, block by block, by both estimates."""
    theme = theme_of(dark=dark)
    blocks, lines = list_blocks(sums), {k: rows for k, rows in list_lines(sums).items() if len(rows)}
    figure = new_figure(max(7.6, min(17.0, 2.4 + 0.6 * len(blocks))), 1.0 + 1.55 * len(lines), theme)
    grid = figure.subplots(len(lines), 2, sharex=True, sharey=True, squeeze=False)
    for row, (name, rows) in zip(grid, lines.items(), strict=True):
        for axes, start in zip(row, ESTIMATES, strict=True):
            style_axes(axes, theme)
            _stack_bars(axes, rows, blocks, start, theme)
            axes.set_ylim(0, 1)
        row[0].set_ylabel(shorten(name, 24), fontsize=8.5)
    for axes, title in zip(grid[0], ESTIMATES.values(), strict=True):
        axes.set_title(title, fontsize=9, color=theme.ink)
    for axes in grid[-1]:
        _name_blocks(axes, blocks)
    patches = [
        Patch(facecolor=colour, edgecolor=theme.faint, linewidth=0.5, label=role)
        for role, colour in colour_roles(theme).items()
    ]
    add_legend(figure, patches, theme)
    return figure


def _stack_bars(axes: Axes, rows: pd.DataFrame, blocks: list[str], start: str, theme: Theme) -> None:
    counts = rows.groupby("block", sort=False)[[f"{start}{role}_channels" for role in ROLES]].sum()
    x = [blocks.index(str(block)) for block in counts.index]
    shares = counts.div(counts.sum(axis=1), axis=0).to_numpy()
    bottom = np.zeros(len(x))
    for height, colour in zip(shares.T, colour_roles(theme).values(), strict=True):
        axes.bar(x, height, bottom=bottom, width=0.8, color=colour, edgecolor=theme.faint, linewidth=0.4)
        bottom += height
