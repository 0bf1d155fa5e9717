"""Measured runs and answers -> time's share by depth and world, and differences. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.findings_answers import SCORES, USE, WORLDS, Answer, Run, find_parts
from benchmarks.findings_statistics import Number, find_mean, share_of_time
from gst_analysis.style.palette import list_colours
from gst_analysis.style.theme import Theme, new_figure, style_axes, style_legend, theme_of

WORLD_NAMES = {
    "temporal": "temporal world (the class is in the order of frames)",
    "static": "static world (the class is in what is seen)",
}
SCORE_NAMES = {
    "joint": "ablation, a half at once:\ncross entropy",
    "joint_accuracy": "ablation, a half at once:\naccuracy",
    "alone": "ablation, block by block:\ncross entropy",
    "alone_accuracy": "ablation, block by block:\naccuracy",
    "taylor": "Taylor's score",
    "invariant": "invariant score\n(medians)",
    "gamma": "raw scale γ\n(medians of its size)",
    "temporal_use": "temporal use:\nenergy that varies",
}
_MARKERS = {"temporal": "s", "static": "o"}
_LINES: dict[str, Any] = {"temporal": "-", "static": (0, (4, 2))}
_BY_BLOCK = ("alone", "taylor", "invariant", "gamma", USE)


def draw_halves(runs: Sequence[Run], *, dark: bool = False) -> Figure:
    """Time's share of the shallow and of the deep half, a panel a score: runs thin, means with intervals."""
    theme = theme_of(dark=dark)
    figure = new_figure(9.6, 5.4, theme)
    panels = figure.subplots(2, len(SCORES) // 2).ravel()
    for axes, score in zip(panels, SCORES, strict=True):
        _prepare(axes, theme, SCORE_NAMES[score], ("shallow\nhalf", "deep\nhalf"))
        for world, colour in _colour_worlds(theme).items():
            parts = [find_parts(run, score) for run in runs if run["world"] == world]
            rows = np.array([[one["shallow"], one["deep"]] for one in parts]).reshape(-1, 2)
            _draw_world(axes, rows, world, colour)
        _mark_half(axes, score, theme)
    figure.supylabel("time's share: temporal / (temporal + spatial)", fontsize=9, color=theme.ink)
    _add_legend(figure, runs, theme)
    return figure


def draw_blocks(runs: Sequence[Run], *, dark: bool = False) -> Figure:
    """Time's share block by block, a panel a score that is measured so."""
    theme = theme_of(dark=dark)
    figure = new_figure(11.2, 3.6, theme)
    panels = figure.subplots(1, len(_BY_BLOCK))
    names = [str(block).removeprefix("layer") for block in runs[0]["blocks"]]
    for axes, score in zip(panels, _BY_BLOCK, strict=True):
        _prepare(axes, theme, SCORE_NAMES[score], names)
        for world, colour in _colour_worlds(theme).items():
            own = [run[score] for run in runs if run["world"] == world]
            _draw_world(
                axes, np.array([_list_blocks(one) for one in own]).reshape(-1, len(names)), world, colour
            )
        _mark_half(axes, score, theme)
    panels[0].set_ylabel("time's share", fontsize=9, color=theme.ink)
    figure.supxlabel("block (stage.index), from input to output", fontsize=9, color=theme.ink)
    _add_legend(figure, runs, theme)
    return figure


def draw_answers(answers: Sequence[Answer], least: float, *, dark: bool = False) -> Figure:
    """Differences between worlds by every score: the interaction, and the level of each half."""
    theme = theme_of(dark=dark)
    asked = {
        ("interaction", ""): "interaction: does the share\nrise more where order matters?",
        ("level", "deep"): "level of the deep half:\ntemporal − static",
        ("level", "shallow"): "level of the shallow half:\ntemporal − static",
    }
    figure = new_figure(9.6, 3.4, theme)
    panels = figure.subplots(1, len(asked), sharex=True, sharey=True)
    names = [SCORE_NAMES[score].replace("\n", " ") for score in SCORES]
    for axes, (key, title) in zip(panels, asked.items(), strict=True):
        style_axes(axes, theme)
        axes.set_title(title, fontsize=8, color=theme.ink)
        axes.axvspan(0, least, color=theme.faint, alpha=0.25, linewidth=0)
        axes.axvline(0, color=theme.faint, linewidth=0.8)
        for place, score in enumerate(SCORES):
            found = [one for one in answers if (one.question, one.about) == key and one.score == score]
            if found:
                _draw_number(axes, place, found[0], theme)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(labelsize=7)
    panels[0].invert_yaxis()
    figure.supxlabel(
        "difference of shares, 95% over seeds; filled: yes, crossed: no, hollow: undecided",
        fontsize=8,
        color=theme.ink,
    )
    return figure


def _draw_number(axes: Axes, place: int, answer: Answer, theme: Theme) -> None:
    number, colour = answer.number, theme.groups["temporal"]
    if number.value is None:
        return
    if number.low is not None and number.high is not None:
        axes.plot([number.low, number.high], [place, place], color=colour, linewidth=1.2)
    marker = "X" if answer.verdict == "no" else "s"
    face = theme.panel if answer.verdict == "undecided" else colour
    axes.plot([number.value], [place], marker, color=colour, markerfacecolor=face, markersize=5)


def _list_blocks(values: Sequence[Sequence[float]] | Sequence[float]) -> list[float]:
    found = np.array(values, dtype=float)
    return found.tolist() if found.ndim == 1 else [share_of_time(*pair) for pair in found.T]


def _colour_worlds(theme: Theme) -> dict[str, str]:
    return dict(zip(WORLDS, list_colours(len(WORLDS), theme), strict=True))


def _prepare(axes: Axes, theme: Theme, title: str, names: Sequence[str]) -> None:
    style_axes(axes, theme)
    axes.set_title(title, fontsize=8, color=theme.ink)
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.4, len(names) - 0.6)
    axes.tick_params(labelsize=7)


def _mark_half(axes: Axes, score: str, theme: Theme) -> None:
    """Shares of ablation span 0 to 1; others lie close together and have axes of their own."""
    if score != USE:
        axes.axhline(0.5, color=theme.faint, linewidth=0.8, linestyle=(0, (4, 3)))
    if score in SCORES[:5]:
        axes.set_ylim(-0.03, 1.03)


def _draw_world(axes: Axes, rows: np.ndarray, world: str, colour: str) -> None:
    """A thin line a run, and their mean with its interval."""
    aside = 0.05 * (1 if world == "temporal" else -1)
    at = np.arange(rows.shape[1]) + aside
    for row in rows:
        axes.plot(at, row, color=colour, linewidth=0.6, alpha=0.45)
    means = [find_mean(column) for column in rows.T]
    known = [place for place, mean in enumerate(means) if mean.value is not None]
    if not known:
        return
    value = np.array([means[place].value for place in known], dtype=float)
    axes.errorbar(
        at[known],
        value,
        yerr=[[_reach(means[place], side) for place in known] for side in (-1, 1)],
        marker=_MARKERS[world],
        linestyle=_LINES[world],
        color=colour,
        markersize=4.5,
        linewidth=1.4,
        elinewidth=1.2,
        capsize=2,
        zorder=3,
    )


def _reach(number: Number, side: int) -> float:
    end = number.low if side < 0 else number.high
    return 0.0 if end is None or number.value is None else abs(end - number.value)


def _add_legend(figure: Figure, runs: Sequence[Run], theme: Theme) -> None:
    counts = {world: sum(run["world"] == world for run in runs) for world in WORLDS}
    handles = [
        Line2D(
            [],
            [],
            color=colour,
            marker=_MARKERS[world],
            linestyle=_LINES[world],
            markersize=4.5,
            label=f"{WORLD_NAMES[world]}, {counts[world]} runs",
        )
        for world, colour in _colour_worlds(theme).items()
    ]
    legend = figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=2,
        fontsize=8,
        alignment="left",
        title_fontsize=8,
        title="thin: a run each; bars: 95% intervals of the mean over runs",
    )
    style_legend(legend, theme)
