"""Figures and pages as files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from matplotlib.figure import Figure

from gst_analysis.files import Writer, write_whole
from gst_analysis.style.theme import render_figure


def image_writer(figure: Figure, kind: str) -> Writer:
    """What writes a figure as png, svg or pdf."""
    return lambda file: file.write(render_figure(figure, kind))


def page_writer(figure: go.Figure, title: str) -> Writer:
    """What writes an interactive figure as one self-contained page."""
    page = figure.to_html(include_plotlyjs=True, div_id=title, auto_play=False)
    page = page.replace("<html>", '<html lang="en">', 1)
    page = page.replace("<head>", f"<head><title>{escape(title)}</title>", 1)
    page = page.replace("<body>", f'<body style="background: {figure.layout.paper_bgcolor}">', 1)
    return lambda file: file.write(page.encode())


def save_figures(
    figure: Figure, folder: str | os.PathLike[str], stem: str, kinds: Iterable[str]
) -> dict[str, str]:
    """Write a figure in several formats, each whole or not at all; returns the files by kind."""
    where = Path(folder)
    return {kind: str(write_whole(where / f"{stem}.{kind}", image_writer(figure, kind))) for kind in kinds}


def save_html(figure: go.Figure, folder: str | os.PathLike[str], stem: str) -> dict[str, str]:
    """Write an interactive figure as one self-contained page."""
    return {"html": str(write_whole(Path(folder) / f"{stem}.html", page_writer(figure, stem)))}
