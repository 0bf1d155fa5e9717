"""The table of benchmarks.findings -> what is lost, and the temporal share, by depth. No torch here."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gst_analysis.style.names import GROUP_NAMES
from gst_analysis.style.theme import Theme, list_colours, new_figure, style_axes, style_legend, theme_of

WORLD_NAMES = {
    "static": "static world\n(any frame tells)",
    "mixed": "mixed world\n(shape and motion)",
    "temporal": "temporal world\n(order alone)",
    "state-change": "state-change world\n(whether it completes)",
}
_LOSSES = {
    "zero": "silent",
    "mean": "at their mean",
    "shuffle-time": "frames in another order",
    "mean, as many channels": "at their mean, as many\nspatial as temporal channels",
}
_SHARES = {
    ("gamma", "median"): "raw scale |γ|\n(medians)",
    ("invariant", "median"): "invariant score, measured\n(medians)",
    ("mean", "loss"): "ablation: loss risen,\nwhole groups at their mean",
    ("mean, as many channels", "loss"): "ablation: loss risen,\nas many channels of each",
}
_MARKERS = {"static": "o", "mixed": "^", "temporal": "s", "state-change": "D"}


def draw_drops(table: pd.DataFrame, *, dark: bool = False) -> Figure:
    """Accuracy lost at every block for both groups: rows worlds, columns interventions.

    Args:
        table: what `tabulate_blocks` returned, of one network; the first run of a world has intervals and
            a line, further runs are small hollow marks.
        dark: draw for a dark background.
    """
    theme = theme_of(dark=dark)
    worlds, kinds = _worlds(table), list(_LOSSES)
    figure = new_figure(1.6 + 1.95 * len(kinds), 1.2 + 1.6 * len(worlds), theme)
    panels = figure.subplots(len(worlds), len(kinds), sharex=True, sharey=True, squeeze=False)
    rows = table[table["measure"] == "accuracy"]
    for r, world in enumerate(worlds):
        for c, kind in enumerate(kinds):
            axes = panels[r, c]
            _prepare(axes, table, theme)
            axes.axhline(0, color=theme.faint, linewidth=0.8)
            for g, group in enumerate(("spatial", "temporal")):
                part = rows[(rows["world"] == world) & (rows["score"] == kind) & (rows["what"] == group)]
                _draw_runs(axes, part, theme.groups[group], "os"[g], theme, aside=0.2 * g - 0.1)
            if r == 0:
                axes.set_title(_LOSSES[kind], fontsize=8, color=theme.ink)
        panels[r, 0].set_ylabel(WORLD_NAMES[world], fontsize=8, color=theme.ink)
    figure.supylabel("accuracy lost (percentage points)", fontsize=9, color=theme.ink)
    figure.supxlabel("block (stage.index), from input to output", fontsize=9, color=theme.ink)
    handles = [
        Line2D([], [], color=theme.groups[g], marker=m, markersize=4.5, label=GROUP_NAMES[g])
        for g, m in (("spatial", "o"), ("temporal", "s"))
    ]
    _add_legend(figure, handles, table, theme)
    return figure


def draw_shares(table: pd.DataFrame, *, dark: bool = False) -> Figure:
    """The temporal share at every block, a panel for each score, a line for each world."""
    theme = theme_of(dark=dark)
    worlds = _worlds(table)
    colours = dict(zip(worlds, list_colours(len(worlds), theme), strict=True))
    figure = new_figure(1.4 + 1.95 * len(_SHARES), 3.5, theme)
    panels = figure.subplots(1, len(_SHARES), sharey=True, squeeze=False)[0]
    shares = table[table["what"] == "share"]
    for axes, ((score, measure), title) in zip(panels, _SHARES.items(), strict=True):
        _prepare(axes, table, theme)
        axes.axhline(0.5, color=theme.faint, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_title(title, fontsize=8, color=theme.ink)
        axes.set_ylim(-0.03, 1.03)
        for w, world in enumerate(worlds):
            part = shares[
                (shares["world"] == world) & (shares["score"] == score) & (shares["measure"] == measure)
            ]
            aside = 0.18 * (w - (len(worlds) - 1) / 2)
            _draw_runs(axes, part, colours[world], _MARKERS[world], theme, aside=aside)
    panels[0].set_ylabel("temporal / (temporal + spatial)", fontsize=9, color=theme.ink)
    figure.supxlabel("block (stage.index), from input to output", fontsize=9, color=theme.ink)
    handles = [
        Line2D(
            [],
            [],
            color=colours[w],
            marker=_MARKERS[w],
            markersize=4.5,
            label=WORLD_NAMES[w].replace("\n", " "),
        )
        for w in worlds
    ]
    _add_legend(figure, handles, table, theme)
    return figure


def _worlds(table: pd.DataFrame) -> list[str]:
    present = set(table["world"])
    return [world for world in WORLD_NAMES if world in present]


def _prepare(axes: Axes, table: pd.DataFrame, theme: Theme) -> None:
    style_axes(axes, theme)
    blocks = list(dict.fromkeys(table["block"]))
    names = [str(block).removeprefix("layer") for block in blocks]
    axes.set_xticks(range(len(blocks)), names, rotation=90 if len(blocks) > 8 else 0)
    axes.tick_params(labelsize=7)
    axes.set_xlim(-0.6, len(blocks) - 0.4)


def _draw_runs(
    axes: Axes, rows: pd.DataFrame, colour: str, marker: str, theme: Theme, *, aside: float
) -> None:
    """The first run with its intervals; others hollow. What is not defined is left out."""
    for run, part in rows.groupby("run"):
        value = part["value"].to_numpy()
        at = np.arange(len(value)) + aside
        if run:
            axes.plot(
                at,
                value,
                marker,
                markersize=3,
                color=colour,
                markerfacecolor=theme.panel,
                alpha=0.75,
                markeredgewidth=0.8,
            )
            continue
        # a skewed bootstrap can leave the number a hair outside its own interval
        bars = np.maximum(0, [value - part["low"].to_numpy(), part["high"].to_numpy() - value])
        known = ~np.isnan(value)
        axes.errorbar(
            at[known],
            value[known],
            yerr=bars[:, known],
            fmt=f"-{marker}",
            color=colour,
            markersize=4,
            linewidth=1,
            elinewidth=1,
            capsize=1.5,
            zorder=3,
        )


def _add_legend(figure: Figure, handles: list[Line2D], table: pd.DataFrame, theme: Theme) -> None:
    if (table["run"] > 0).any():
        handles = [
            *handles,
            Line2D(
                [],
                [],
                linestyle="",
                marker="o",
                markersize=4,
                color=theme.ink,
                markerfacecolor=theme.panel,
                label="other runs (seeds)",
            ),
        ]
    network = table["network"].iloc[0]
    legend = figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=4,
        fontsize=8,
        alignment="left",
        title_fontsize=8,
        title=f"{network}; bars: 95% bootstrap intervals of the first run",
    )
    style_legend(legend, theme)
