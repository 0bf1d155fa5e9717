"""Cost on paper: COMPLEXITY -> bars by stage and group, PUBLISHED_COSTS -> accuracy over cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from gst_analysis.analyses.cost.labels import Room, place_labels
from gst_analysis.analyses.cost.panels import (
    COSTS,
    Points,
    Stacks,
    choose_points,
    describe_design,
    list_ticks,
    mark_label,
    stack_by_stage,
)
from gst_analysis.analyses.cost.table import Cost, PlacedDesign, PublishedPlacing
from gst_analysis.style.colours import HATCHED
from gst_analysis.style.theme import Theme, add_legend, new_figure, style_axes, style_legend, theme_of

_MARK, _STAR = 7.0, 13.0
_FONT = 7.5
_DASHES = (0, (5, 2))


def draw_figures(result: Cost | PublishedPlacing, *, dark: bool = False) -> dict[str, Figure]:
    """The bars of a network's cost, or published accuracies over cost."""
    if isinstance(result, Cost):
        return {result.stem: draw_cost_bars(result.table, quantity=result.quantity, dark=dark)}
    drawn = draw_accuracy_over_cost(
        result.table, design=PlacedDesign(*result.design), dataset=result.dataset, cost=result.cost, dark=dark
    )
    return {result.stem: drawn}


def draw_cost_bars(table: pd.DataFrame, *, quantity: str = "macs", dark: bool = False) -> Figure:
    """One bar a stage, stacked by whose cost it is: spatial kernels, temporal kernels, shared.

    Args:
        table: a COMPLEXITY table of one network.
        quantity: `macs` or `params`.
        dark: draw for a dark background.
    """
    theme = theme_of(dark=dark)
    stacks = stack_by_stage(table, quantity=quantity)
    figure = new_figure(max(6.4, 0.85 * len(stacks.stages)), 4.2, theme)
    axes = figure.subplots()
    style_axes(axes, theme)
    _draw_stacks(axes, stacks, theme)
    axes.set_title(stacks.title, fontsize=10, color=theme.ink, loc="left")
    axes.set_ylabel(stacks.axis, fontsize=9, color=theme.ink)
    style_legend(figure.legend(loc="outside lower left", fontsize=8), theme)
    return figure


def draw_accuracy_over_cost(
    published: pd.DataFrame,
    *,
    design: PlacedDesign | None = None,
    dataset: str = "something-v1",
    cost: str = "gmacs",
    dark: bool = False,
) -> Figure:
    """Published top-1 accuracy over cost, a design as a star, or a line at its cost.

    Args:
        published: a PUBLISHED_COSTS table.
        design: its name, its cost in GMACs or million parameters as `cost` says, and its accuracy if known.
        dataset: one of the table's.
        cost: `gmacs` or `params_m`.
        dark: draw for a dark background.
    """
    theme = theme_of(dark=dark)
    points = choose_points(published, dataset=dataset, cost=cost, design=design)
    figure = new_figure(7.6, 5.4, theme)
    axes = figure.subplots()
    style_axes(axes, theme, grid="both")
    _scale(axes, points)
    axes.set_xlabel(f"{COSTS[cost]} (logarithmic)", fontsize=9, color=theme.ink)
    axes.set_ylabel("top-1 accuracy (%)", fontsize=9, color=theme.ink)
    axes.set_title(points.title, fontsize=10, color=theme.ink, loc="left")
    _draw_points(axes, points, theme)
    if design:
        _draw_design(axes, design.cost, points, theme)
    _explain(figure, points, theme, describe_design(design, cost, points) if design else "")
    _label_points(figure, axes, points, theme, own=design.cost if design else None)
    return figure


def _draw_stacks(axes: Axes, stacks: Stacks, theme: Theme) -> None:
    places = np.arange(len(stacks.stages))
    base, top = np.zeros(len(places)), float(stacks.totals.max())
    for group, heights in stacks.heights.items():
        colour = theme.groups[group]
        hatched: dict[str, Any] = (
            {"hatch": "//", "edgecolor": theme.paper, "linewidth": 0.0} if group == HATCHED else {}
        )
        axes.bar(places, heights, 0.72, bottom=base, color=colour, label=stacks.describe(group), **hatched)
        for place, height, below in zip(places, heights, base, strict=True):
            if height > 0.055 * top:
                axes.text(
                    float(place),
                    below + height / 2,
                    stacks.show(height),
                    ha="center",
                    va="center",
                    fontsize=7.5,
                    color=theme.paper,
                    bbox={"facecolor": colour, "edgecolor": "none", "pad": 2},  # no hatch behind a number
                )
        base = base + heights
    for place, total in zip(places, stacks.totals, strict=True):
        text = stacks.show(total)
        axes.text(
            float(place),
            total + 0.012 * top,
            text,
            ha="center",
            va="bottom",
            fontsize=8.5,
            color=theme.ink,
            fontweight="bold",
        )
    axes.set_xticks(places, stacks.stages)
    axes.set_ylim(0, 1.09 * top)


def _scale(axes: Axes, points: Points) -> None:
    axes.set_xscale("log")
    axes.set_xlim(*points.x_limits)
    axes.set_ylim(*points.y_limits)
    axes.xaxis.set_major_locator(FixedLocator(list_ticks(points.x_limits)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _draw_points(axes: Axes, points: Points, theme: Theme) -> None:
    for row in points.table.to_dict("records"):
        colour = theme.accent if row["ours"] else theme.faint
        axes.plot(
            row["x"],
            row["y"],
            linestyle="none",
            marker="v" if row["low"] else "o",
            markersize=_MARK,
            markeredgecolor=colour,
            markeredgewidth=1.4,
            zorder=3,
            markerfacecolor=colour if row["source"] == "computed" else theme.panel,
        )


def _draw_design(axes: Axes, cost: float, points: Points, theme: Theme) -> None:
    """One's own: a star at its accuracy, or a line from edge to edge."""
    if points.own is None:
        axes.axvline(cost, color=theme.mark, linewidth=1.8, linestyle=_DASHES, zorder=1.5)
        return
    axes.plot(cost, points.own, linestyle="none", marker="*", markersize=_STAR, color=theme.mark, zorder=5)


def _explain(figure: Figure, points: Points, theme: Theme, design: str) -> None:
    """A legend of what occurs, outside the axes."""

    def sample(label: str, colour: str, *, marker: str = "o", face: str | None = None) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="none",
            marker=marker,
            markersize=_MARK,
            markeredgecolor=colour,
            markerfacecolor=face or colour,
            markeredgewidth=1.4,
            label=label,
        )

    table = points.table
    handles = [sample("GST", theme.accent), sample("other networks", theme.faint)]
    if (table["source"] == "printed").any():
        handles.append(sample("hollow: cost as printed, not computed here", theme.faint, face=theme.panel))
    if table["low"].any():
        handles.append(sample("far below the axis", theme.faint, marker="v"))
    if design:
        line = Line2D([], [], color=theme.mark, linewidth=1.8, linestyle=_DASHES, label=design)
        handles.append(line if points.own is None else sample(design, theme.mark, marker="*"))
    title = f"one clip of {points.usual_frames} frames, one crop, unless a label says otherwise"
    add_legend(figure, handles, theme, title=title, at="outside lower left", columns=2)


def _label_points(figure: Figure, axes: Axes, points: Points, theme: Theme, *, own: float | None) -> None:
    """Write each label where it covers nothing, with a thin line to its point where it stands apart."""
    figure.draw_without_rendering()  # settles the layout, without which nothing has a place
    table, scale = points.table, figure.dpi / 72
    at = axes.transData.transform(table[["x", "y"]].to_numpy(dtype=float))
    notes = [
        axes.annotate(
            mark_label(row),
            (row["x"], row["y"]),
            (0, 0),
            textcoords="offset points",
            ha="center",
            va="center_baseline",
            fontsize=_FONT,
            color=theme.ink,
            zorder=4,
        )
        for row in table.to_dict("records")
    ]
    extents = [note.get_window_extent() for note in notes]
    # print is set a little wider than the screen's whole pixels say
    sizes = np.array([[1.05 * extent.width, extent.height] for extent in extents])
    boxes = place_labels(at, sizes, _find_room(axes, scale, own, points.own))
    for note, box, (x, y), size in zip(notes, boxes, at, sizes / scale, strict=True):
        offset = (float(box[0] - x) / scale, float(box[1] - y) / scale)
        note.set_position(offset)
        note.set_in_layout(False)
        _lead(axes, note, offset, size, theme)


def _find_room(axes: Axes, scale: float, own: float | None, top1: float | None) -> Room:
    """The axes, less the design's line or its star.

    Args:
        axes: where labels go, after the layout is settled.
        scale: pixels of a point.
        own: what the design costs; None if none is shown.
        top1: where its star stands; a line from edge to edge if None.
    """
    frame = axes.get_window_extent()
    area = np.array([(frame.x0 + frame.x1) / 2, (frame.y0 + frame.y1) / 2, frame.width, frame.height])
    room = Room(area, radius=(_MARK / 2 + 1.2) * scale, pad=1.5 * scale)
    if own is None:
        return room
    x, y = axes.transData.transform((own, axes.get_ylim()[0] if top1 is None else top1))
    line, star = [x, area[1], 2 * scale, area[3]], [x, y, _STAR * scale, _STAR * scale]
    return replace(room, obstacles=np.array([line if top1 is None else star]))


def _lead(axes: Axes, note: Annotation, offset: tuple[float, float], size: np.ndarray, theme: Theme) -> None:
    """A thin line from a point to the nearest edge of its label, if that is not right beside it."""
    dx, dy = (float(np.sign(o) * max(0.0, abs(o) - s / 2)) for o, s in zip(offset, size, strict=True))
    if np.hypot(dx, dy) < _MARK + 1:
        return
    line = axes.annotate(
        "",
        note.xy,
        (dx, dy),
        textcoords="offset points",
        zorder=2,
        arrowprops={"arrowstyle": "-", "color": theme.faint, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3},
    )
    line.set_in_layout(False)
