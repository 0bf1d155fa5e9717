"""One look for every figure: two colours for space and time, ink and paper.

Nothing here touches matplotlib's global settings, so figures can be drawn from several threads at once.
What plotly needs too, and needs without matplotlib, is in colours.py.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.category import StrCategoryFormatter
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, Formatter, FuncFormatter
from matplotlib.typing import LineStyleType

from gst_analysis.errors import spell_controls
from gst_analysis.style.colours import DARK, LIGHT, Theme, theme_of

__all__ = [
    "DARK",
    "DASHES",
    "LIGHT",
    "NotebookFigure",
    "Theme",
    "add_legend",
    "choose_ink",
    "count_columns",
    "new_figure",
    "style_axes",
    "style_legend",
    "theme_of",
]

Grid = Literal["x", "y", "both"]
LegendPlace = Literal["outside upper center", "outside upper left", "outside lower left"]

DASHES: Mapping[str, LineStyleType] = {
    "solid": "-",
    "dash": (0, (3, 1.2)),
    "dot": (0, (1, 1.2)),
    "dashdot": (0, (3, 1.2, 1, 1.2)),
}
"""Lines of groups, as matplotlib wants them."""


_LEGEND_MARK, _LEGEND_LETTER = 0.6, 0.066
"""Inches, of a mark with the room around it and of a letter."""


class NotebookFigure(Figure):
    """A figure that shows itself in Jupyter without pyplot, and whose text is text, whatever stands in it."""

    def draw(self, renderer: Any) -> None:
        """Draw it, all text as it is."""
        self.take_text_plainly()
        super().draw(renderer)

    def take_text_plainly(self) -> None:
        """Make text of all its text, before that is measured or drawn.

        Names and labels come from strangers' files, and a `$` in one is no formula.
        """
        for axes in self.axes:
            for axis in (axes.xaxis, axes.yaxis):
                _name_ticks_plainly(axis)
        for text in self.findobj(Text):
            assert isinstance(text, Text)
            _take_as_it_is(text)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=110, facecolor=self.get_facecolor())
        return buffer.getvalue()


class _PlainNames(Formatter):
    """What stands at ticks that have names, without what a terminal obeys and no font draws."""

    def __init__(self, names: Formatter) -> None:
        self._names = names

    def __call__(self, x: float, pos: int | None = None) -> str:
        return spell_controls(self._names(x, pos))

    def set_locs(self, locs: Any) -> None:
        self._names.set_locs(locs)

    def get_offset(self) -> str:
        return self._names.get_offset()


def _name_ticks_plainly(axis: Axis) -> None:
    """Numbers are left to matplotlib, which writes powers as formulas."""
    names = axis.get_major_formatter()
    if isinstance(names, (FixedFormatter, FuncFormatter, StrCategoryFormatter)):
        axis.set_major_formatter(_PlainNames(names))
    elif not isinstance(names, _PlainNames):
        return
    for tick in axis.get_major_ticks():
        tick.label1.set_parse_math(False)


def _take_as_it_is(text: Text) -> None:
    told = text.get_text()
    if "$" in told and not told.startswith("$\\mathdefault{"):  # what matplotlib writes at an axis of powers
        text.set_parse_math(False)
    shown = spell_controls(told)  # no font draws half a character
    if shown != told:
        text.set_text(shown)


def new_figure(width: float, height: float, theme: Theme) -> Figure:
    """An empty figure of a size in inches, laid out so that nothing overlaps."""
    figure = NotebookFigure(figsize=(width, height), facecolor=theme.paper, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def style_axes(axes: Axes, theme: Theme, *, grid: Grid | None = "y") -> None:
    """Give axes the theme's ink, and only the lines that help reading."""
    axes.set_facecolor(theme.panel)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(theme.faint)
    axes.tick_params(colors=theme.faint, labelcolor=theme.ink, labelsize=8)
    for text in (axes.xaxis.label, axes.yaxis.label, axes.title):
        text.set_color(theme.ink)
    axes.set_axisbelow(True)
    if grid is not None:
        axes.grid(axis=grid, color=theme.grid, linewidth=0.7)


def style_legend(legend: Any, theme: Theme) -> None:
    """Give a legend the theme's ink and no box."""
    legend.set_frame_on(False)
    for text in [*legend.get_texts(), legend.get_title()]:
        text.set_color(theme.ink)


def add_legend(
    figure: Figure,
    handles: Sequence[Line2D | Patch],
    theme: Theme,
    *,
    title: str | None = None,
    at: LegendPlace = "outside upper center",
    columns: int | None = None,
) -> None:
    """A legend outside of the axes, in as few rows as fit its width; its title begins where it does."""
    legend = figure.legend(
        handles=list(handles),
        loc=at,
        ncols=columns or count_columns(figure, handles),
        fontsize=8,
        title=title,
        title_fontsize=8,
        alignment="left" if at.endswith("left") else "center",
    )
    style_legend(legend, theme)


def count_columns(figure: Figure, handles: Sequence[Line2D | Patch]) -> int:
    """How many entries of a legend stand side by side in a figure."""
    widest = max(len(str(handle.get_label())) for handle in handles)
    fitting = int(figure.get_figwidth() / (_LEGEND_MARK + widest * _LEGEND_LETTER))
    most = len(handles) if len(handles) <= 4 else 3
    return max(1, min(most, fitting))


def choose_ink(share: float, colour: str, theme: Theme) -> str:
    """Black or white, whichever stands out more (by WCAG's contrast) from a cell of this share."""
    paper, full = np.array(to_rgb(theme.panel)), np.array(to_rgb(colour))
    ground = paper + share**0.5 * (full - paper)
    linear = np.where(ground <= 0.04045, ground / 12.92, ((ground + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#FFFFFF"
