"""TEMPORAL_USE -> histograms as in Figure 4, rows places, columns checkpoints; and kernels by depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from gst_analysis.analyses.scales.panels import Grid, Panel, count_bins, sort_panels
from gst_analysis.analyses.temporal_use.depth_figure import draw_kernels
from gst_analysis.analyses.temporal_use.table import MEASURES, TemporalUse
from gst_analysis.groups import GROUPS, order_groups
from gst_analysis.style.head_map import HeadPanel, draw_head_map
from gst_analysis.style.names import tell_apart
from gst_analysis.style.theme import DASHES, Theme, add_legend, new_figure, style_axes, theme_of

BINS = 30
_FEW = 6
"""Up to so many columns are drawn wide, and as many rows tall."""


def draw_figures(result: TemporalUse, *, dark: bool = False) -> dict[str, Figure]:
    """Histograms of filters, means of kernels by depth, and a map of heads where there are some."""
    maps = {} if result.heads is None else {"head_use": draw_heads(result.heads, dark=dark)}
    return {
        result.stem: draw_filters(result.table, result.kernels, show=result.show, by=result.by, dark=dark),
        "kernel_use": draw_kernels(result.kernels, dark=dark),
        **maps,
    }


def draw_heads(heads: pd.DataFrame, *, dark: bool = False) -> Figure:
    """HEAD_USE: how much of each head's attention lies on other frames, a panel a checkpoint."""
    names = list(dict.fromkeys(heads["checkpoint"]))
    shown = dict(zip(names, tell_apart(tuple(names), 34), strict=True))
    panels = [
        HeadPanel(shown[str(name)], part.assign(value=100 * part["off_frame"]))
        for name, part in heads.groupby("checkpoint", sort=False)
    ]
    even = sorted({f"{share:.0%}" for share in heads["even"]})
    alike = even[0] if len(even) == 1 else f"{even[0]} to {even[-1]}"
    title = f"heads by layer; if all were read alike: {alike}"
    return draw_head_map(
        panels, label="attention on other frames (%)", title=title, limits=(0, 100), dark=dark
    )


def draw_filters(
    table: pd.DataFrame,
    kernels: pd.DataFrame,
    *,
    show: str = "varying",
    by: str = "block",
    dark: bool = False,
) -> Figure:
    """Histograms on shared bins: filters now, filled; at the start, outlined; chance as an upright line.

    Args:
        table: TEMPORAL_USE.
        kernels: KERNEL_USE of the same.
        show: one of MEASURES.
        by: rows are blocks or stages.
        dark: for a dark background.
    """
    theme = theme_of(dark=dark)
    named = _name_rows(table, by=by)
    now = sort_panels(named.assign(value=named[show]), choose_edges(table[show].to_numpy(), show))
    begun = sort_panels(named.assign(value=named["start"]), now.edges) if show == "varying" else None
    rows, columns = len(now.rows), len(now.columns)
    tall = 1.05 if rows <= _FEW else 0.78
    wide = 2.7 if columns <= _FEW else 1.7
    figure = new_figure(max(5.2, 1.3 + wide * columns), 1.9 + tall * rows, theme)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    axes[0, 0].xaxis.set_major_locator(MaxNLocator(5))
    chance = _find_chance(_name_rows(kernels, by=by), show)
    remarks = _list_remarks(_name_rows(kernels, by=by))
    for r, row in enumerate(now.rows):
        for c, column in enumerate(now.columns):
            place = (row, column)
            style_axes(axes[r, c], theme)
            axes[r, c].tick_params(labelsize=7)
            _draw_chance(axes[r, c], chance.get(place), theme)
            if begun is not None:
                _draw_start(axes[r, c], begun.panels.get(place), begun, theme)
            _draw_panel(axes[r, c], now.panels.get(place), now, remarks.get(place, ""), theme)
    _name_panels(axes, now, theme)
    started = begun is not None and bool(table["start"].notna().any())
    _add_legend(figure, now, show, started=started, theme=theme)
    return figure


def choose_edges(values: np.ndarray, show: str) -> np.ndarray:
    """Bins from 0 to 1 for shares; for shifts as far as they reach either way, one bin about 0."""
    if show != "shift":
        return np.linspace(0, 1, BINS + 1)
    far = max(1.0, float(np.nanmax(np.abs(values), initial=0.0)))
    return np.linspace(-far, far, BINS + 2)


def _name_rows(table: pd.DataFrame, *, by: str) -> pd.DataFrame:
    row = "stage " + table["stage"].astype(str) if by == "stage" else table["block"]
    return table.assign(row=row)


def _find_chance(kernels: pd.DataFrame, show: str) -> dict[tuple[str, str], list[float]]:
    """Where independent taps would lie, of kernels with weights."""
    if show == "shift":
        return {}
    found: dict[tuple[str, str], list[float]] = {}
    learned = kernels[kernels["independent"].notna()]
    for (row, name), part in learned.groupby(["row", "checkpoint"], sort=False):
        taps = part["taps"].drop_duplicates().to_numpy()
        chance = (taps // 2) / taps if show == "ordered" else 1 - 1 / taps
        found[str(row), str(name)] = [float(one) for one in chance]
    return found


def _list_remarks(kernels: pd.DataFrame) -> dict[tuple[str, str], str]:
    """What is said of shifts and attention, which have no share that varies."""
    words = {
        "shift": "of channels\nmove by a frame",
        "moved by clip": "of channels\nmove by a frame",
        "attention": "of attention\non other frames",
    }
    told = kernels[kernels["kind"].isin(words)]
    return {
        (str(row), str(name)): f"{part['off_frame'].mean():.0%} {words[part['kind'].iloc[0]]}"
        for (row, name), part in told.groupby(["row", "checkpoint"], sort=False)
    }


def _draw_chance(axes: Axes, chance: list[float] | None, theme: Theme) -> None:
    for place in chance or ():
        axes.axvline(place, color=theme.faint, linewidth=0.9, linestyle=(0, (1, 1.5)))


def _draw_start(axes: Axes, panel: Panel | None, grid: Grid, theme: Theme) -> None:
    known = keep_finite(panel) if panel else None
    for heights in count_bins(known, grid.edges).values() if known and known.values else ():
        axes.stairs(heights, grid.edges, color=theme.ink, linewidth=0.8, alpha=0.75)


def _draw_panel(axes: Axes, panel: Panel | None, grid: Grid, remark: str, theme: Theme) -> None:
    if panel is None:
        _write(axes, "no such place", theme)
        return
    known = keep_finite(panel)
    for group, heights in count_bins(known, grid.edges).items():
        colour = theme.groups[group]
        axes.stairs(heights, grid.edges, fill=True, alpha=0.45, color=colour)
        axes.stairs(heights, grid.edges, color=colour, linewidth=0.8)
        median = float(np.median(known.values[group]))
        axes.axvline(median, color=colour, linewidth=1.6, linestyle=DASHES[GROUPS[group].dash])
    _write(axes, known.counts if known.values else remark, theme)


def keep_finite(panel: Panel) -> Panel:
    """The panel without what is not defined, and without groups of which nothing is."""
    finite = {group: values[np.isfinite(values)] for group, values in panel.values.items()}
    return Panel({group: values for group, values in finite.items() if len(values)})


def _write(axes: Axes, text: str, theme: Theme) -> None:
    """A remark at the left edge, where shares seldom lie."""
    place: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "top"}
    axes.text(0.02, 0.93, text, fontsize=6.5, color=theme.ink, zorder=5, **place)


def _name_panels(axes: np.ndarray, grid: Grid, theme: Theme) -> None:
    names = tell_apart(grid.columns, 34 if len(grid.columns) <= _FEW else 22)
    for c, name in enumerate(names):
        axes[0, c].set_title(name, fontsize=9 if len(names) <= _FEW else 8, color=theme.ink)
    for r, row in enumerate(grid.rows):
        axes[r, 0].set_ylabel(row, rotation=0, ha="right", va="center", fontsize=8)


def _add_legend(figure: Figure, grid: Grid, show: str, *, started: bool, theme: Theme) -> None:
    figure.supxlabel(MEASURES[show], fontsize=9, color=theme.ink)
    figure.supylabel("filters of the group (%)", fontsize=8, color=theme.ink)
    handles: list[Patch | Line2D] = [
        Patch(facecolor=theme.groups[group], alpha=0.6, label=GROUPS[group].phrase)
        for group in order_groups(grid.groups)
    ]
    if show != "shift":
        chance = Line2D([], [], color=theme.faint, linestyle=(0, (1, 1.5)), label="independent taps")
        handles.append(chance)
    if started:
        handles.append(Line2D([], [], color=theme.ink, linewidth=0.8, label="at the start"))
    columns = 4 if len(grid.columns) > 2 else 2  # as many as find room side by side
    title = "upright lines: medians; n: filters"
    add_legend(figure, handles, theme, title=title, columns=columns)
