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

from gst_analysis.errors import one_line
from gst_analysis.files import STAMP, Writer, require_epoch, write_whole
from gst_analysis.style.theme import NotebookFigure

_DPI = 200
_SALT = threading.Lock()
"""rc_context changes settings for all threads while it lasts."""


def render_figure(figure: Figure, kind: str, stamp: str = "", alt: str = "") -> bytes:
    """The figure as a png, svg or pdf; the same figure gives the same bytes, whatever it was saved as before.

    Its layout stays from then on.

    Args:
        figure: the figure.
        kind: which of them.
        stamp: where it came from; it is kept in the file's description, in a pdf its subject.
        alt: what it shows, for those who do not see it; an svg's name that a screen reader says.

    Raises:
        OutputError: SOURCE_DATE_EPOCH, which matplotlib reads, is no time.
    """
    require_epoch()
    undated = {"png": {"Software": None}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    metadata = undated | ({"Subject" if kind == "pdf" else "Description": stamp} if stamp else {})
    buffer = io.BytesIO()
    with _SALT, rc_context({"svg.hashsalt": "gst-analysis"}):  # element ids would be random without it
        _lay_out(figure)
        figure.savefig(buffer, format=kind, dpi=_DPI, facecolor=figure.get_facecolor(), metadata=metadata)
    return _name_svg(buffer.getvalue(), alt) if kind == "svg" and alt else buffer.getvalue()


def _name_svg(svg: bytes, alt: str) -> bytes:
    """An svg that says what it shows in its title, as one picture rather than as parts."""
    head, mark, rest = svg.partition(b"<svg ")
    inside, end, body = rest.partition(b">")
    title = f"<title>{escape(one_line(alt))}</title>".encode()
    return head + mark + b'role="img" ' + inside + end + title + body


def _lay_out(figure: Figure) -> None:
    """Lay a figure out once, as a png is.

    matplotlib would do so for every file, which takes as long as drawing it; and as a layout begins where
    the last one ended, an svg would differ by a hair from the svg after a png.
    """
    engine = figure.get_layout_engine()
    if engine is None:
        return
    if isinstance(figure, NotebookFigure):
        figure.take_text_plainly()  # an engine measures text, and would take a `$` for a formula
    before = figure.get_dpi()
    figure.set_dpi(_DPI)
    engine.execute(figure)  # alone: to draw the figure without rendering would take as long again
    figure.set_dpi(before)
    with rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # without those settings None would stand for another engine


def image_writer(figure: Figure, kind: str, stamp: str = "", alt: str = "") -> Writer:
    """What writes a figure as png, svg or pdf, with a word of where it came from, and what it shows."""
    return lambda file: file.write(render_figure(figure, kind, stamp, alt))


def page_writer(figure: go.Figure, title: str, stamp: str = "", alt: str = "") -> Writer:
    """What writes an interactive figure as one self-contained page: where it came from, and what it shows."""
    page = figure.to_html(include_plotlyjs=True, div_id=title, auto_play=False)
    told = f'<meta name="{STAMP}" content="{escape(stamp)}">' if stamp else ""
    page = page.replace("<html>", '<html lang="en">', 1)
    page = page.replace("<head>", f"<head><title>{escape(title)}</title>{told}", 1)
    body = f'<body style="background: {figure.layout.paper_bgcolor}">'
    if alt:
        body += f'<div role="group" aria-label="{escape(one_line(alt))}">'
        page = page.replace("</body>", "</div></body>", 1)
    page = page.replace("<body>", body, 1)
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
