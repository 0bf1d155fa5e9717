"""Figures -> files, each written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.results import write_whole

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

IMAGE_FORMATS = ("png", "svg", "pdf")
TABLE_FORMATS = ("csv", "parquet", "json")


def save_figures(
    figure: Figure, folder: str | os.PathLike[str], stem: str, kinds: Iterable[str]
) -> dict[str, str]:
    """Write a figure in several formats, each whole or not at all; returns the files by kind."""
    from gst_analysis.style.theme import save_figure

    return {kind: str(save_figure(figure, Path(folder) / f"{stem}.{kind}")) for kind in kinds}


def save_html(figure: go.Figure, folder: str | os.PathLike[str], stem: str) -> dict[str, str]:
    """Write an interactive figure as one self-contained page."""
    page = figure.to_html(include_plotlyjs=True, div_id=stem, auto_play=False)
    page = page.replace("<html>", '<html lang="en">', 1)
    page = page.replace("<head>", f"<head><title>{escape(stem)}</title>", 1)
    page = page.replace("<body>", f'<body style="background: {figure.layout.paper_bgcolor}">', 1)
    path = Path(folder) / f"{stem}.html"
    return {"html": str(write_whole(path, lambda file: file.write(page.encode())))}
