"""A bar."""

from __future__ import annotations

from matplotlib.figure import Figure

from gst_analysis.style.theme import new_figure, theme_of

from .table import Count


def draw_figures(result: Count, *, dark: bool = False) -> dict[str, Figure]:
    """One bar a checkpoint."""
    figure = new_figure(3, 2, theme_of(dark=dark))
    figure.add_subplot().bar(result.table["checkpoint"], result.table["norms"])
    return {result.stem: figure}
