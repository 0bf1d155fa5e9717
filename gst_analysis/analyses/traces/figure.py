"""Figure 5: one clip's trace and its frames -> a strip of pictures with label and confidence under each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from textwrap import wrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gst_analysis.analyses.traces.evidence_figure import draw_panel, measure_panel
from gst_analysis.analyses.traces.result import Traces
from gst_analysis.analyses.traces.story import ClipStory, Moment, choose_moments, say_when
from gst_analysis.analyses.traces.tints import pick_tint, pick_tints
from gst_analysis.style.names import shorten
from gst_analysis.style.theme import Theme, new_figure, theme_of

SHOWN = 12
"""Rows of a longer trace that are shown."""
_PER_LINE = 8
_CELL, _GAP, _EDGE = 1.42, 0.16, 0.25  # inches
_BAR, _HEAD, _FOOT = 0.13, 0.78, 0.62
_FONT = 7.5

Pictures = Mapping[int, np.ndarray]
"""Thumbnails (H, W, 3) by their place in the video."""


@dataclass(frozen=True)
class _Layout:
    """Where things are, in inches from the lower left."""

    columns: int
    lines: int
    picture: float
    """The height that is left for a picture."""
    text: float
    """The height of the longest label."""
    panel: float = 0.0
    """The width of the matrix beside the strip, if there is one."""
    least: float = 0.0
    """The height that it needs."""

    @classmethod
    def of(cls, story: ClipStory, pictures: Pictures, moments: list[Moment]) -> _Layout:
        lines = -(-len(moments) // _PER_LINE)
        columns = -(-len(moments) // lines)
        shapes = [pictures[m.source_frame].shape for m in moments if m.source_frame in pictures]
        tallest = max((height / width for height, width, *_ in shapes), default=0.75)
        longest = max(len(_list_words(story, moment)) for moment in moments)
        layout = cls(columns, lines, _CELL * min(tallest, 1.3), 0.125 * longest)
        panel, least = measure_panel(story, layout.size[1])
        return replace(layout, panel=panel, least=least)

    @property
    def line(self) -> float:
        """The height of one line of pictures with all that stands below them."""
        return self.picture + _BAR + self.text + 0.48

    @property
    def size(self) -> tuple[float, float]:
        width = 2 * _EDGE + self.columns * (_CELL + _GAP) - _GAP
        return max(width, 6.4) + self.panel, max(_HEAD + _FOOT + self.lines * self.line, self.least)

    def corner(self, place: int) -> tuple[float, float]:
        """The upper left of the place-th picture."""
        line, column = divmod(place, self.columns)
        return _EDGE + column * (_CELL + _GAP), self.size[1] - _HEAD - line * self.line


def draw_figures(result: Traces, *, dark: bool = False) -> dict[str, Figure]:
    """The strip of the paper, of every clip that is drawn."""
    drawn = {}
    for clip in result.drawn:
        story = result.story(clip)
        places = [moment.source_frame for moment in choose_moments(story, SHOWN)]
        drawn[result.name_file(clip)] = draw_frame_traces(
            story, result.load_pictures(clip, places), dark=dark
        )
    return drawn


def draw_frame_traces(story: ClipStory, pictures: Pictures, *, dark: bool = False) -> Figure:
    """The strip of the paper: pictures, under each the label and its bar, changes of state marked.

    Beside it, where that was measured, which frames its logits are made of.

    Args:
        story: what read_story made of the clip's tables.
        pictures: thumbnails by their place in the video; a grey box stands for one that is missing.
        dark: for a dark background.
    """
    theme, moments = theme_of(dark=dark), choose_moments(story, SHOWN)
    layout = _Layout.of(story, pictures, moments)
    width, height = layout.size
    figure = new_figure(width, height, theme)
    figure.set_layout_engine("none")  # every length is given
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    for place, moment in enumerate(moments):
        x, y = layout.corner(place)
        _draw_picture(axes, (x, y), layout.picture, pictures.get(moment.source_frame), theme)
        _draw_verdict(axes, (x, y - layout.picture), story, moment, theme)
    _mark_changes(axes, story, moments, layout, theme)
    _write_head(axes, story, layout, theme)
    _write_foot(axes, story, len(moments), layout, theme)
    if story.evidence is not None:
        draw_panel(figure, story.evidence, width=layout.panel, theme=theme)
    return figure


def _draw_picture(
    axes: Axes, corner: tuple[float, float], room: float, picture: np.ndarray | None, theme: Theme
) -> None:
    """A picture in its own proportions, centred in its cell."""
    x, y = corner
    if picture is None:
        axes.add_patch(Rectangle((x, y - room), _CELL, room, facecolor=theme.grid, edgecolor="none"))
        return
    tall, wide = picture.shape[:2]
    scale = min(_CELL / wide, room / tall)
    left, top = x + (_CELL - wide * scale) / 2, y - (room - tall * scale) / 2
    extent = (left, left + wide * scale, top - tall * scale, top)
    axes.imshow(picture, extent=extent, aspect="auto", interpolation="antialiased", zorder=2)


def _draw_verdict(
    axes: Axes, corner: tuple[float, float], story: ClipStory, moment: Moment, theme: Theme
) -> None:
    """Time, bar, mark and label below a picture whose lower left corner is given."""
    x, y = corner
    colour = pick_tint(story, moment, theme)
    share = story.share(moment)
    low = y - 0.2 - _BAR
    axes.text(x, y - 0.05, say_when(story, moment), fontsize=6.5, color=theme.faint, va="top")
    axes.add_patch(Rectangle((x, low), _CELL, _BAR, facecolor=theme.grid, edgecolor="none"))
    axes.add_patch(Rectangle((x, low), _CELL * share, _BAR, facecolor=colour, edgecolor="none"))
    told = story.say_share(moment)
    axes.text(
        x + _CELL, y - 0.05, told, fontsize=_FONT, color=colour, fontweight="bold", va="top", ha="right"
    )
    axes.text(
        x,
        low - 0.05,
        "\n".join(_list_words(story, moment)),
        fontsize=_FONT,
        color=theme.ink,
        va="top",
        linespacing=1.15,
        parse_math=False,
    )


def _list_words(story: ClipStory, moment: Moment, *, width: int = 25, lines: int = 4) -> list[str]:
    """The label in a few short lines; what is too long loses its middle."""
    label = moment.label
    if story.mode == "leave-one-out":
        label = "" if label == story.label else f"without it: {label}"
    return wrap(shorten(label, width * lines - 8), width)[:lines]


def _mark_changes(axes: Axes, story: ClipStory, moments: list[Moment], layout: _Layout, theme: Theme) -> None:
    """A dashed line and a triangle before the first frame of every new state."""
    turns = {turn.frame: turn for turn in story.turns}
    for place, moment in enumerate(moments):
        turn = turns.get(moment.frame)
        if turn is None:
            continue
        x, y = layout.corner(place)
        line, foot = x - _GAP / 2, y - layout.picture - 0.2 - _BAR
        axes.plot(
            [line, line], [foot, y + 0.04], color=theme.ink, linewidth=1.3, linestyle=(0, (3, 2)), zorder=4
        )
        axes.plot([line], [y + 0.06], marker="v", color=theme.ink, markersize=6, zorder=4)
        axes.text(
            line + 0.08,
            y + 0.035,
            f"change, {turn.confidence:.0%} sure",
            fontsize=6.5,
            color=theme.ink,
            va="bottom",
        )


def _write_head(axes: Axes, story: ClipStory, layout: _Layout, theme: Theme) -> None:
    width, height = layout.size
    letters = int((width - layout.panel - 2 * _EDGE) * 72 / (0.54 * 10))
    title = shorten(f"{story.clip}  ·  {story.checkpoint}", letters)
    axes.text(
        _EDGE,
        height - 0.12,
        title,
        fontsize=10,
        color=theme.ink,
        va="top",
        fontweight="bold",
        parse_math=False,
    )
    axes.text(
        _EDGE,
        height - 0.34,
        shorten(story.verdict, int(letters * 1.2)),
        fontsize=8.5,
        color=theme.ink,
        va="top",
        parse_math=False,
    )


def _write_foot(axes: Axes, story: ClipStory, shown: int, layout: _Layout, theme: Theme) -> None:
    """The legend and what a bar is."""
    right, wrong = story.legend
    x = _EDGE
    colours = pick_tints(story, theme)
    for mark, text, colour in zip(story.marks, (right, wrong), colours, strict=True):
        axes.add_patch(Rectangle((x, 0.4), 0.16, 0.1, facecolor=colour, edgecolor="none"))
        axes.text(x + 0.22, 0.45, f"{mark} {text}", fontsize=_FONT, color=theme.ink, va="center")
        x += 0.5 + 0.062 * (len(text) + 2)
    if story.turns:
        axes.plot([x, x], [0.38, 0.52], color=theme.ink, linewidth=1.3, linestyle=(0, (2, 1.2)))
        axes.text(x + 0.1, 0.45, "change of state", fontsize=_FONT, color=theme.ink, va="center")
    rest = f"; {shown} of {len(story.moments)} shown" if shown < len(story.moments) else ""
    axes.text(_EDGE, 0.17, f"Bars: {story.meaning}{rest}.", fontsize=_FONT, color=theme.faint, va="center")
