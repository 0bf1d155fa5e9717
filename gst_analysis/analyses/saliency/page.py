"""SALIENCY and the frames behind it -> the overlays of figure.py as HTML, whose words stay words.

Frames are pictures by nature. Everything else, what each row is, when a frame was and what a colour stands
for, is text and colour of the page: it stays sharp, wraps where the page is narrow, and can be read aloud.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from html import escape

import numpy as np
from PIL import Image

from gst_analysis.analyses.saliency.figure import Overlays, Pixels, blend_heat, colour_of, name_row, sees_all
from gst_analysis.style.theme import Theme, theme_of

QUALITY = 88
_CARDS = "display:grid;grid-template-columns:repeat(auto-fill,minmax(max(104px,11%),1fr));gap:14px 10px"
_LEGEND = (
    "display:flex;flex-wrap:wrap;gap:4px 20px;margin:6px 0 12px;padding:0;list-style:none;font-size:14px"
)
_PICTURE = "display:block;width:100%;height:auto;margin:0 0 3px;box-sizing:border-box;border-left:4px solid"


def draw_saliency_page(overlays: Overlays, *, alt: str, dark: bool = False) -> str:
    """A card for every frame, with the frame and an overlay for every group; as many abreast as fit.

    Args:
        overlays: what is drawn.
        alt: what it shows, in words.
        dark: for a dark background.
    """
    theme, title = theme_of(dark=dark), overlays.title.split("\n")
    cards = "".join(_draw_card(overlays, frame, theme) for frame in range(len(overlays.pictures)))
    outside = "" if sees_all(overlays.window) else " Dark: outside what the network sees."
    return (
        f'<div role="img" aria-label="{escape(alt)}" style="color:{theme.ink}">'
        f'<div style="font-weight:600;overflow-wrap:anywhere">{escape(title[0])}</div>'
        f'<div style="font-size:14px;overflow-wrap:anywhere">{escape(" ".join(title[1:]))}</div>'
        f'<ul style="{_LEGEND}">{_draw_legend(overlays, theme)}</ul>'
        f'<div style="{_CARDS}">{cards}</div>'
        '<div style="font-size:14px;margin-top:8px">The deepest colour is the evidence of one cell, in '
        f"units of the class’s logit.{outside}</div></div>"
    )


def list_cards(overlays: Overlays, frame: int, *, dark: bool = False) -> Iterator[tuple[str, Pixels]]:
    """What stands in a frame's card: the frame, then each group's overlay, by the name of its row."""
    theme, picture = theme_of(dark=dark), overlays.pictures[frame]
    yield "frame", picture
    for group, heat in overlays.heat.items():
        yield group, blend_heat(picture, heat[frame], overlays.window, colour_of(group, theme))


def _draw_legend(overlays: Overlays, theme: Theme) -> str:
    """Each row's name, and from which grey to which colour its heat goes."""
    swatch = (
        "display:inline-block;width:44px;height:12px;border-radius:2px;margin-right:7px;vertical-align:-1px"
    )
    drawn = f'<li><span style="{swatch};background:{theme.faint}"></span>frame</li>'
    for group, top in overlays.tops.items():
        shade = f"linear-gradient(to right,{theme.grid},{colour_of(group, theme)})"
        upto = f"0 to {top:.2g}" if top else "no evidence"
        drawn += (
            f'<li><span style="{swatch};background:{shade}"></span>'
            f"{escape(name_row(group, overlays))}: {upto}</li>"
        )
    return drawn


def _draw_card(overlays: Overlays, frame: int, theme: Theme) -> str:
    seconds = overlays.seconds[frame]
    when = f"{frame}" if np.isnan(seconds) else f"{frame}: {seconds:.2f} s"
    pictures = "".join(
        f'<img alt="" src="{_encode(pixels)}" style="{_PICTURE} '
        f'{theme.faint if name == "frame" else colour_of(name, theme)}">'
        for name, pixels in list_cards(overlays, frame, dark=theme is theme_of(dark=True))
    )
    return f'<div><div style="font-size:14px;margin-bottom:2px">{when}</div>{pictures}</div>'


def _encode(pixels: Pixels) -> str:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "WEBP", quality=QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(written.getvalue()).decode()}"
