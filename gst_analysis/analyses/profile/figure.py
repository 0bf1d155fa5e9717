"""PROFILE -> the depth profile: lines of time by place with their bands, and where the measures agree."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from gst_analysis.analyses.profile.layout import SHARE, Curve, Sheet, lay_out
from gst_analysis.analyses.profile.table import AGREE, DISAGREE, MEASURES, Profile
from gst_analysis.style.theme import Theme, add_legend, new_figure, style_axes, theme_of

_MOST_NAMED = 20
"""Places that find room for their names."""
_DOTS = (0, (1, 1.6))
_NOTHING = "no line is defined for this network"


def draw_figures(result: Profile, *, dark: bool = False) -> dict[str, Figure]:
    """The one picture of a network."""
    return {result.stem: draw_profile(result, dark=dark)}


def draw_profile(result: Profile, *, dark: bool = False) -> Figure:
    """Above how much of each place is time's, and where the measures agree; below what is about time."""
    theme, sheet = theme_of(dark=dark), lay_out(result.table, result.agreement)
    agreed = bool(sheet.verdicts)
    heights = [3.0 if name == SHARE else 2.2 for name in sheet.panels] or [2.0]
    ratios = [heights[0], 0.28, *heights[1:]] if agreed else heights
    wide = max(6.8, min(13.0, 3.0 + 0.34 * max(1, len(sheet.names))))
    figure = new_figure(wide, 2.0 + sum(ratios), theme)
    axes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    panels = [axes[0], *axes[2:]] if agreed else list(axes)
    for panel, name in zip(panels, sheet.panels, strict=False):
        _draw_panel(panel, name, sheet, theme)
    if agreed:
        _draw_agreement(axes[1], sheet, theme)
    if not sheet.panels:
        style_axes(axes[0], theme, grid=None)
        axes[0].text(
            0.5, 0.5, _NOTHING, ha="center", va="center", color=theme.ink, transform=axes[0].transAxes
        )
    _name_places(axes[0], axes[-1], sheet, theme)
    title = "\n".join(textwrap.wrap(result.verdict, int(15 * (wide - 0.9))))
    axes[0].set_title(title, fontsize=8.5, color=theme.ink, loc="left", pad=18)
    if marks := _list_marks(sheet, theme):
        add_legend(figure, marks, theme)
    return figure


def _draw_panel(axes: Axes, name: str, sheet: Sheet, theme: Theme) -> None:
    style_axes(axes, theme)
    for curve in sheet.panels[name]:
        _draw_curve(axes, curve, theme)
    if name == SHARE:  # every line's even value is the number of channels: drawn once
        first = sheet.panels[name][0]
        axes.plot(first.x, first.even, color=theme.ink, linewidth=1.0, linestyle=_DOTS)
    axes.set_ylabel(name, fontsize=9)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    low, high = axes.get_ylim()
    axes.set_ylim(max(-0.02, low), min(1.02, high))


def _draw_curve(axes: Axes, curve: Curve, theme: Theme) -> None:
    measure = MEASURES[curve.measure]
    colour = measure.choose_colour(theme)
    axes.plot(
        curve.x, curve.value, color=colour, linewidth=1.3, marker=measure.marker, markersize=4.5, zorder=3
    )
    axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.13, linewidth=0)
    # A band of one place between two that have none has no area: an upright line shows it.
    axes.vlines(curve.x, curve.low, curve.high, color=colour, linewidth=0.9, alpha=0.55)
    if not measure.compared:
        axes.plot(curve.x, curve.even, color=colour, linewidth=0.9, linestyle=_DOTS)


def _draw_agreement(axes: Axes, sheet: Sheet, theme: Theme) -> None:
    """A cell a place: filled where measures agree, hatched where they do not, else empty."""
    style_axes(axes, theme, grid=None)
    for number, verdict in sheet.verdicts.items():
        left, right = number - 0.5, number + 0.5
        if verdict == AGREE:
            axes.axvspan(left, right, color=theme.accent, alpha=0.55, linewidth=0)
        elif verdict == DISAGREE:
            axes.axvspan(left, right, facecolor="none", edgecolor=theme.mark, hatch="////", linewidth=0)
    axes.set_yticks([])
    axes.set_ylabel("agree", fontsize=7, rotation=0, ha="right", va="center")


def _name_places(top: Axes, bottom: Axes, sheet: Sheet, theme: Theme) -> None:
    count = max(1, len(sheet.names) or len(sheet.stages))
    top.set_xlim(-0.5, count - 0.5)
    if sheet.names and count <= _MOST_NAMED:
        bottom.set_xticks(range(count), sheet.names, rotation=90 if max(map(len, sheet.names)) > 4 else 0)
    elif sheet.names:
        every = int(np.ceil(count / _MOST_NAMED))
        bottom.set_xticks(range(0, count, every), sheet.names[::every], rotation=90)
    else:
        bottom.set_xticks([])
    for stage, (left, right) in sheet.stages.items():
        top.annotate(
            f"stage {stage}" if right - left > 0.06 * count else str(stage),
            ((left + right) / 2, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=theme.faint,
        )
        for axes in top.figure.axes:
            if left > 0:
                axes.axvline(left, color=theme.faint, linewidth=0.7, alpha=0.6)
    bottom.set_xlabel("place, in order of depth" if sheet.names else "stage", fontsize=9)


def _list_marks(sheet: Sheet, theme: Theme) -> list[Line2D | Patch]:
    marks: list[Line2D | Patch] = []
    for curves in sheet.panels.values():
        for curve in curves:
            one = MEASURES[curve.measure]
            colour = one.choose_colour(theme)
            marks.append(Line2D([], [], color=colour, marker=one.marker, markersize=4.5, label=one.phrase))
    if marks:
        dotted = Line2D(
            [], [], color=theme.ink, linewidth=1.0, linestyle=_DOTS, label="by number, or by chance"
        )
        marks.append(dotted)
    if AGREE in sheet.verdicts.values():
        marks.append(Patch(facecolor=theme.accent, alpha=0.55, label="measures agree"))
    if DISAGREE in sheet.verdicts.values():
        marks.append(Patch(facecolor="none", edgecolor=theme.mark, hatch="////", label="measures disagree"))
    return marks
