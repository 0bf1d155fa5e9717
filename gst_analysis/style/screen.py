"""What every figure in plotly starts from, whatever its process has made plotly's default.

Apart from theme.py, so that to draw with matplotlib is not to import plotly.
"""

from __future__ import annotations

import math
import textwrap
import threading
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import plotly.io as pio
from plotly.subplots import make_subplots

from gst_analysis.style.colours import Theme

SYMBOLS = {
    "o": "circle",
    "D": "diamond",
    "s": "square",
    ">": "triangle-right",
    "<": "triangle-left",
    "^": "triangle-up",
}
"""Plotly's words for the marks of groups."""
TEMPLATE = "plotly"
"""Plotly's own. Streamlit, for one, makes another the default, whose colours only its pages can resolve."""
_DEFAULT = threading.Lock()
"""The default is that of all threads while it lasts."""


def start_figure(rows: int = 0, columns: int = 1, **panels: Any) -> go.Figure:
    """An empty figure; with rows, one of panels, for which plotly's make_subplots takes the rest.

    Its template is made the default for a moment, since one that is set later is written in another order.
    """
    with _DEFAULT:
        before, pio.templates.default = pio.templates.default, TEMPLATE
        try:
            return make_subplots(rows, columns, **panels) if rows else go.Figure()
        finally:
            pio.templates.default = before


def start_grid(titles: Sequence[str], *, most: int = 4) -> tuple[go.Figure, int, int]:
    """An empty figure of panels on the same axes, a title each, with how many rows and columns they stand in.

    Args:
        titles: one for every panel.
        most: columns at most.
    """
    columns = min(most, len(titles))
    rows = math.ceil(len(titles) / columns)
    figure = start_figure(
        rows,
        columns,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.02,
        vertical_spacing=0.3 / max(3, rows),
        subplot_titles=list(titles),
    )
    return figure, rows, columns


def number_feet(figure: go.Figure, panels: int, columns: int) -> None:
    """Give the last panel of every column its numbers, where the last row of panels is not full.

    With shared axes plotly numbers the last row alone, and draws no axes there for panels that are none.
    """
    for number in range(max(0, panels - columns), panels):
        figure.update_xaxes(showticklabels=True, row=number // columns + 1, col=number % columns + 1)


def break_lines(text: str, width: int) -> str:
    """Text in lines of at most so many characters where words allow, as plotly breaks them."""
    return "<br>".join(textwrap.wrap(text, width, break_long_words=False))


def paint(figure: go.Figure, theme: Theme, *, height: float, margin: tuple[int, int, int, int]) -> None:
    """Ink, paper and size of type of the page; the margins left, right, above and below, in pixels."""
    left, right, above, below = margin
    figure.update_layout(
        height=height,
        paper_bgcolor=theme.paper,
        plot_bgcolor=theme.panel,
        font={"color": theme.ink, "size": 12},
        margin={"l": left, "r": right, "t": above, "b": below},
    )


def say_narrow(figure: go.Figure, changes: dict[str, object]) -> None:
    """Keep what a page no wider than a telephone changes in the layout, by plotly's names of its parts.

    A report's page reads it (reporting/page.js); nobody else needs to know that it is there.
    """
    figure.update_layout(meta={"narrow": changes})


def legend_above(title: str | None = None) -> dict[str, object]:
    """A legend in one row, if it can, at the top of the figure."""
    said = {"title": {"text": title, "side": "top center", "font": {"size": 12}}} if title else {}
    place = {"y": 1, "yref": "container", "yanchor": "top", "x": 0.5, "xanchor": "center"}
    return {"orientation": "h", **place, **said}


def dress_figure(figure: go.Figure, theme: Theme, *, height: int, top: int = 90, bottom: int = 50) -> None:
    """Ink, paper, size of type, and a legend above: alike in every figure that a page shows.

    Args:
        figure: what is drawn; titles of panels become as large as its numbers.
        theme: of the page.
        height: in pixels; as wide as the page.
        top: pixels above the panels, where the legend stands.
        bottom: pixels below them.
    """
    figure.update_annotations(font_size=12)
    paint(figure, theme, height=height, margin=(64, 16, top, bottom))
    figure.update_layout(hoverlabel={"namelength": -1}, legend=legend_above())
    figure.update_xaxes(gridcolor=theme.grid, zerolinecolor=theme.faint)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.faint)
