"""What a report says -> one self-contained HTML page. Words, tables and figures enter; no torch, no files.

The page asks for nothing from a network and is not allowed to (its own policy forbids it): the drawing
library is in it once, some five megabytes. Interactive figures have a still beside them, for paper and for
readers without scripts. The same parts give the same bytes: nothing here knows the time. Names come from
files that anybody may have written, so every one is escaped.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from gst_analysis.errors import one_line, spell_controls
from gst_analysis.progress import Progress, no_progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section
from gst_analysis.style.files import render_figure
from gst_analysis.style.theme import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; base-uri 'none'; form-action 'none'"
)
_WIDER = 125
"""Pixels to an inch of a still: its small letters are as large as the page's."""
_QUALITY = 90


@dataclass(frozen=True)
class Page:
    """A title, a line below it, sections, and what they come to, at the top."""

    title: str
    lead: str
    sections: Sequence[Section]

    @property
    def headlines(self) -> list[str]:
        """What sections have to say before all others."""
        return [section.headline for section in self.sections if section.headline]


def build_page(page: Page, progress: Progress = no_progress) -> str:
    """The whole page as text; progress counts sections that are drawn."""
    live = any(figure.live for section in page.sections for figure in section.figures)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{_say(page.title)}</title>",
        f"<style>{_list_colours()}{_read('page.css')}</style>",
        '</head><body><div class="page">',
        f'<header><h1>{_say(page.title)}</h1><p class="lead">{_say(page.lead)}</p>',
        *(f'<p class="verdict">{_say(words)}</p>' for words in page.headlines),
        f"{_list_sections(page.sections)}</header><main>",
        *_show_sections(page.sections, progress),
        "</main></div>",
        *([f"<script>{_load_plotly()}</script>"] if live else []),
        f"<script>{_read('page.js')}</script>",
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _show_sections(sections: Sequence[Section], progress: Progress) -> Iterator[str]:
    for number, section in enumerate(sections):
        progress(number, len(sections), section.title)
        yield from _show_section(section)


def _show_section(section: Section) -> Iterator[str]:
    yield f'<section id="{_say(section.name)}"><h2>{_say(section.title)}</h2>'
    if section.shows:
        yield f'<p class="shows">{_say(section.shows)}</p>'
    if section.missing:
        yield f'<p class="missing">Not for this checkpoint: {_say(section.missing)}.</p>'
    if section.facts:
        rows = (f"<tr><th>{_say(k)}</th><td>{_say(v)}</td></tr>" for k, v in section.facts.items())
        yield f'<table class="facts">{"".join(rows)}</table>'
    yield from (f"<p>{_say(words)}</p>" for words in section.text)
    yield from (_show_figure(figure) for figure in section.figures)
    yield from (_show_table(table) for table in section.tables)
    yield _list_notes("Notes", section.notes)
    yield _list_notes("Limits", section.limits)
    if section.command:
        yield f'<p class="alone">{_say(section.command_makes)}:</p>'
        lines = "\n".join(_say(line) for line in section.command.split("\n"))
        yield f'<pre class="command">{lines}</pre>'
    for title, text in section.folded.items():
        yield f"<details><summary>{_say(title)}</summary><pre>{escape(spell_controls(text))}</pre></details>"
    yield "</section>"


def _list_notes(title: str, notes: Sequence[str]) -> str:
    if not notes:
        return ""
    return (
        f'<div class="notes"><h3>{title}</h3><ul>{"".join(f"<li>{_say(n)}</li>" for n in notes)}</ul></div>'
    )


def _show_figure(figure: PageFigure) -> str:
    caption = f"<figcaption>{_say(figure.caption)}</figcaption>"
    if figure.html:
        cards = (f'<div class="still {theme}">{drawn}</div>' for theme, drawn in figure.html.items())
        return f"<figure>{''.join(cards)}{caption}</figure>"
    stills = "".join(
        f'<img class="still {theme}" alt="{_say(figure.alt)}" '
        f'width="{round(_WIDER * drawn.get_figwidth())}" src="{_encode(drawn, figure.kind)}">'
        for theme, drawn in figure.stills.items()
    )
    if not figure.live:
        return f'<figure><div class="scroll">{stills}</div>{caption}</figure>'
    name = f"figure-{_say(figure.name)}"
    drawings = ", ".join(f'"{theme}": {drawn.to_json()}' for theme, drawn in figure.live.items())
    # inside a script element nothing but this would end it
    drawings = drawings.replace("<", "\\u003c")
    return (
        f'<figure class="has-live"><div class="live" data-figure="{name}" '
        f'role="group" aria-label="{_say(figure.alt)}" tabindex="0"></div>'
        f'<div class="scroll">{stills}</div>{caption}'
        f'<script type="application/json" id="{name}">{{{drawings}}}</script></figure>'
    )


def _show_table(table: PageTable) -> str:
    kinds = [' class="number"' if place in table.numbers else "" for place in range(len(table.columns))]
    heading = "".join(f"<th{kind}>{_say(name)}</th>" for kind, name in zip(kinds, table.columns, strict=True))
    rows = "".join(
        f"<tr>{''.join(f'<td{k}>{_say(cell)}</td>' for k, cell in zip(kinds, row, strict=True))}</tr>"
        for row in table.rows
    )
    caption = f"<caption>{_say(table.caption)}</caption>" if table.caption else ""
    body = f"{caption}<thead><tr>{heading}</tr></thead><tbody>{rows}</tbody>"
    shown = f'<div class="scroll"><table>{body}</table></div>'
    if not table.csv:
        return shown
    data = base64.b64encode(table.csv.encode()).decode()
    name = _say(table.name)
    link = f'<a download="{name}.csv" href="data:text/csv;base64,{data}">all numbers as {name}.csv</a>'
    return f'{shown}<p class="download">{link}</p>'


def _list_sections(sections: Iterable[Section]) -> str:
    links = (f'<li><a href="#{_say(s.name)}">{_say(s.title)}</a></li>' for s in sections)
    return f"<nav><ul>{''.join(links)}</ul></nav>"


def _list_colours() -> str:
    """The theme's inks and papers as CSS variables."""

    def name(theme: Theme) -> str:
        inks = {"paper": theme.paper, "panel": theme.panel, "ink": theme.ink, "faint": theme.faint}
        colours = {**inks, "grid": theme.grid, "link": theme.groups["spatial"]}
        return "".join(f"--{key}:{value};" for key, value in colours.items())

    dark = name(DARK)
    return f":root{{{name(LIGHT)}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _encode(figure: Figure, kind: str) -> str:
    """A still as it stands in a page: an image of its own, so that no two share the names of their parts."""
    mime = {"svg": "image/svg+xml", "webp": "image/webp"}[kind]
    drawn = render_figure(figure, kind) if kind == "svg" else _shrink(render_figure(figure, "png"))
    return f"data:{mime};base64,{base64.b64encode(drawn).decode()}"


def _shrink(png: bytes) -> bytes:
    """A picture in a quarter of the bytes or less, for what is made of photographs."""
    from PIL import Image

    whole = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(whole, "WEBP", quality=_QUALITY)
    return whole.getvalue()


def _say(text: str) -> str:
    return escape(one_line(text))


@cache
def _read(name: str) -> str:
    return (resources.files("gst_analysis.reporting") / name).read_text(encoding="utf-8")


@cache
def _load_plotly() -> str:
    """The drawing library, as it comes with its Python package."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs()).replace("</script", "<\\/script")
