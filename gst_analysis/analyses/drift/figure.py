"""DRIFT and DRIFT_LAYERS -> how far γ moved by block, now against the start, and γ over training."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gst_analysis.analyses.drift.table import Drift
from gst_analysis.groups import GROUPS
from gst_analysis.style.names import GROUP_NAMES, shorten, shorten_layers
from gst_analysis.style.theme import DASHES, Theme, add_legend, new_figure, style_axes, theme_of


def draw_figures(result: Drift, *, dark: bool = False) -> dict[str, Figure]:
    """How far the last checkpoint moved; now against the start; of a series, γ over training."""
    last, summary = result.table["checkpoint"].iloc[-1], result.summary
    now, layers = (t[t["checkpoint"] == last] for t in (result.table, result.layers))
    origin = summary.origin
    drawn = {"drift": draw_drift(now, layers, tolerance=summary.tolerance, origin=origin, dark=dark)}
    if now["start"].nunique() > 1:
        drawn["start_against_now"] = draw_start_against_now(now, origin=origin, dark=dark)
    if result.layers["position"].nunique() > 1:
        drawn["gamma_over_training"] = draw_gamma_over_training(result.layers, axis=summary.axis, dark=dark)
    return drawn


def draw_drift(
    table: pd.DataFrame, layers: pd.DataFrame, *, tolerance: float, origin: str = "", dark: bool = False
) -> Figure:
    """One checkpoint by block: the change of γ, and the share of channels that still hold their start.

    Left: median and middle half of a group's changes. Right: filled, the share that carries an inherited
    2-D value; hollow, the share unmoved from any start. `origin` says what the start was.
    """
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(table["layer"]))
    figure = new_figure(max(8.5, 3.0 + 0.55 * len(names)), 4.2, theme)
    left, right = figure.subplots(1, 2)
    for axes in (left, right):
        style_axes(axes, theme)
        axes.set_xticks(range(len(names)), shorten_layers(names), rotation=90 if len(names) > 8 else 0)
        axes.set_xlabel("block (stage.index)", fontsize=8)
        axes.set_xlim(-0.6, len(names) - 0.4)
    left.axhline(0, color=theme.faint, linewidth=0.8)
    left.set_ylabel("γ now minus γ at the start", fontsize=9)
    right.set_ylabel(f"channels within {tolerance:.0%} of their start (%)", fontsize=9)
    right.set_ylim(0, 104)
    groups = _present(table)
    for g, group in enumerate(groups):
        x = np.arange(len(names)) + 0.28 * (g - (len(groups) - 1) / 2)
        _draw_changes(left, x, table[table["group"] == group], names, theme)
        _draw_shares(right, x, layers[layers["group"] == group].set_index("layer"), names, theme)
    some = bool(layers["inherited"].sum())
    those = "filled: those from 2-D weights" if some else "none came from 2-D weights"
    right.set_title(f"outline: all unmoved ones; {those}", fontsize=8)
    left.set_title("mark: median of the group's channels; line: its middle half", fontsize=8)
    add_legend(figure, _name_groups(groups, theme), theme, title=_name_start(table, origin))
    return figure


def draw_start_against_now(table: pd.DataFrame, *, origin: str = "", dark: bool = False) -> Figure:
    """One checkpoint, a panel a layer: every channel's γ now over its γ at the start; hollow marks moved."""
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(table["layer"]))
    panels, figure = _lay_out(names, theme)
    values = np.concatenate([table["start"].to_numpy(), table["gamma"].to_numpy()])
    room = 0.05 * (np.ptp(values) or 1)
    low, high = values.min() - room, values.max() + room
    for axes, name in zip(panels, names, strict=True):
        axes.plot([low, high], [low, high], color=theme.faint, linewidth=0.8)
        _draw_channels(axes, table[table["layer"] == name], theme)
    panels[0].set_xlim(low, high)
    panels[0].set_ylim(low, high)
    figure.supxlabel("γ at the start", fontsize=9, color=theme.ink)
    figure.supylabel("γ now", fontsize=9, color=theme.ink)
    add_legend(figure, _name_marks(_present(table), theme), theme, title=_name_start(table, origin))
    return figure


def draw_gamma_over_training(layers: pd.DataFrame, *, axis: str, dark: bool = False) -> Figure:
    """A series, a panel a layer: median and middle half of each group's γ over training."""
    theme = theme_of(dark=dark)
    names = list(dict.fromkeys(layers["layer"]))
    panels, figure = _lay_out(names, theme)
    for axes, name in zip(panels, names, strict=True):
        rows = layers[layers["layer"] == name]
        for group in _present(rows):
            part = rows[rows["group"] == group].sort_values("position")
            colour = theme.groups[group]
            axes.fill_between(
                part["position"], part["low"], part["high"], color=colour, alpha=0.22, linewidth=0
            )
            axes.plot(
                part["position"],
                part["median"],
                color=colour,
                linewidth=1.5,
                linestyle=DASHES[GROUPS[group].dash],
            )
    label = "epoch" if axis == "epoch" else "checkpoint, in the order given"
    figure.supxlabel(label, fontsize=9, color=theme.ink)
    figure.supylabel("γ: median and middle half", fontsize=9, color=theme.ink)
    add_legend(figure, _name_groups(_present(layers), theme, marks=False), theme)
    return figure


def _lay_out(names: list[str], theme: Theme) -> tuple[list[Axes], Figure]:
    """A panel for each layer, four to a row, all on the same axes."""
    columns = min(4, len(names))
    rows = math.ceil(len(names) / columns)
    figure = new_figure(1.2 + 2.1 * columns, 1.5 + 1.55 * rows, theme)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for axes, name in zip(grid, shorten_layers(names), strict=False):
        style_axes(axes, theme, grid="both")
        axes.set_title(f"block {name}", fontsize=8)
        axes.tick_params(labelsize=7)
    for axes in grid[len(names) :]:
        axes.set_visible(False)
    return list(grid[: len(names)]), figure


def _draw_changes(axes: Axes, x: np.ndarray, rows: pd.DataFrame, names: list[str], theme: Theme) -> None:
    group = str(rows["group"].iloc[0])
    parts = dict(iter(rows.groupby("layer")["change"]))
    there = [name in parts for name in names]  # a layer may have one group alone
    quartiles = np.array([np.quantile(parts[name], [0.25, 0.5, 0.75]) for name in names if name in parts])
    x = x[there]
    axes.vlines(x, quartiles[:, 0], quartiles[:, 2], color=theme.groups[group], linewidth=2.4, alpha=0.55)
    axes.scatter(x, quartiles[:, 1], s=20, color=theme.groups[group], marker=GROUPS[group].marker, zorder=3)


def _draw_shares(axes: Axes, x: np.ndarray, rows: pd.DataFrame, names: list[str], theme: Theme) -> None:
    colour = theme.groups[str(rows["group"].iloc[0])]
    x = x[[names.index(str(layer)) for layer in rows.index]]
    unmoved, carried = (100 * rows[what] / rows["n"] for what in ("unmoved", "carried"))
    axes.bar(x, carried, width=0.26, color=colour, alpha=0.75)
    axes.bar(x, unmoved, width=0.26, facecolor="none", edgecolor=colour, linewidth=1.1)


def _draw_channels(axes: Axes, rows: pd.DataFrame, theme: Theme) -> None:
    """A layer's channels, now over the start."""
    for group in _present(rows):
        part = rows[rows["group"] == group]
        colour = theme.groups[group]
        for unmoved, face in ((False, "none"), (True, colour)):
            chosen = part[part["unmoved"] == unmoved]
            axes.scatter(
                chosen["start"],
                chosen["gamma"],
                s=9,
                marker=GROUPS[group].marker,
                facecolor=face,
                edgecolor=colour,
                linewidth=0.7,
                alpha=0.8,
            )


def _name_marks(groups: list[str], theme: Theme) -> list[Line2D]:
    """Legend entries of start against now: groups, filled and hollow marks, and the line of no change."""
    dots = _name_groups(groups, theme)
    for dot in dots:
        dot.set_linestyle("")
    shown = [("unmoved", theme.ink), ("moved", "none")]
    faces = [
        Line2D([], [], linestyle="", marker="o", color=theme.ink, markerfacecolor=face, label=what)
        for what, face in shown
    ]
    return [*dots, *faces, Line2D([], [], color=theme.faint, linewidth=0.8, label="as it began")]


def _name_start(table: pd.DataFrame, origin: str) -> str:
    """Which checkpoint, and since when."""
    name = shorten(str(table["checkpoint"].iloc[-1]), 40)
    return f"{name}; start: {shorten(origin, 60)}" if origin else name


def _present(table: pd.DataFrame) -> list[str]:
    """The groups that occur, space first."""
    return [group for group in GROUP_NAMES if (table["group"] == group).any()]


def _name_groups(groups: list[str], theme: Theme, *, marks: bool = True) -> list[Line2D]:
    return [
        Line2D(
            [],
            [],
            color=theme.groups[g],
            marker=GROUPS[g].marker if marks else "",
            linewidth=2,
            label=GROUP_NAMES[g],
            linestyle="-" if marks else DASHES[GROUPS[g].dash],
        )
        for g in groups
    ]
