"""Figures and pages as files."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterable
from html import escape
from pathlib import Path

import plotly.graph_objects as go
from matplotlib import rc_context
from matplotlib.figure import Figure

from gst_analysis.files import Writer, write_whole

_SALT = threading.Lock()
"""rc_context changes settings for all threads while it lasts."""


def render_figure(figure: Figure, kind: str) -> bytes:
    """The figure as a png, svg or pdf; the same figure gives the same bytes."""
    metadata = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    buffer = io.BytesIO()
    with _SALT, rc_context({"svg.hashsalt": "gst-analysis"}):  # element ids would be random without it
        figure.savefig(buffer, format=kind, dpi=200, facecolor=figure.get_facecolor(), metadata=metadata)
    return buffer.getvalue()


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
