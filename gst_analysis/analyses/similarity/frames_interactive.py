"""FRAME_SIMILARITY in plotly: how alike the frames of a clip are within each place, to hover over."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.similarity.figure import to_matrix
from gst_analysis.numbers import show_real
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import shorten_layers, tell_apart
from gst_analysis.style.screen import dress_figure, say_narrow, start_figure

_COLUMNS, _NARROW = 4, 2
"""Places side by side; and on a telephone."""
_PANEL, _TOP, _BOTTOM = 210, 44, 50
"""Pixels: a panel with its title, and the room above and below all of them."""


def draw_frames_interactive(frames: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """The matrices of `draw_frames`, one for every place; hovering gives both frames and the value."""
    theme, panels = theme_of(dark=dark), list(frames.groupby(["checkpoint", "place"], sort=False))
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    figure = start_figure(
        rows,
        columns,
        horizontal_spacing=0.05,
        vertical_spacing=0.24 / rows,
        subplot_titles=_name_panels(frames, [(str(name), str(place)) for (name, place), _ in panels]),
    )
    for number, (_, part) in enumerate(panels):
        row, column = divmod(number, columns)
        figure.add_trace(_build_matrix(part), row=row + 1, col=column + 1)
    dress_figure(figure, theme, height=rows * _PANEL + _TOP + _BOTTOM, top=_TOP, bottom=_BOTTOM)
    figure.update_layout(margin={"l": 44, "r": 70}, coloraxis=_scale_colours(theme))
    figure.update_xaxes(showgrid=False, zeroline=False, nticks=5, constrain="domain")
    figure.update_yaxes(showgrid=False, zeroline=False, nticks=5, autorange="reversed")
    figure.update_xaxes(title={"text": "frame", "font": {"size": 12}}, row=rows, col=1)
    figure.update_yaxes(title={"text": "frame", "font": {"size": 12}}, row=rows, col=1)
    say_narrow(figure, _place_narrow(len(panels)))
    return figure


def _name_panels(frames: pd.DataFrame, keys: list[tuple[str, str]]) -> list[str]:
    """A place each, under its network where there are several, so that it fits a telephone."""
    names = list(dict.fromkeys(frames["checkpoint"]))
    short = dict(zip(names, tell_apart(names, 14), strict=True))
    places = [place.rstrip(".") for place in shorten_layers([f"{place}." for _, place in keys])]
    shown = [escape(place if len(place) <= 18 else f"…{place[-16:]}") for place in places]
    if len(names) == 1:
        return shown
    return [f"{escape(short[name])}<br>{place}" for (name, _), place in zip(keys, shown, strict=True)]


def _build_matrix(part: pd.DataFrame) -> go.Heatmap:
    cells = to_matrix(part, "frame", "other_frame")
    place = escape(str(part["place"].iloc[0]))
    told = [
        [
            f"<b>{place}</b><br>frames {one} and {other}<br>CKA {show_real(value)}"
            for other, value in enumerate(row)
        ]
        for one, row in enumerate(cells)
    ]
    return go.Heatmap(z=cells, text=told, hovertemplate="%{text}<extra></extra>", coloraxis="coloraxis")


def _scale_colours(theme: Theme) -> dict[str, Any]:
    bar = {"title": {"text": "CKA"}, "thickness": 12, "outlinewidth": 0, "len": 1, "y": 0.5}
    return {"cmin": 0, "cmax": 1, "colorscale": [[0, theme.panel], [1, theme.accent]], "colorbar": bar}


def _place_narrow(panels: int) -> dict[str, Any]:
    """Where the panels stand on a telephone: two side by side."""
    columns = min(_NARROW, panels)
    rows = math.ceil(panels / columns)
    changes: dict[str, Any] = {"height": rows * 190 + _TOP + _BOTTOM}
    wide, tall = 1 / columns, 1 / rows
    for number in range(panels):
        row, column = divmod(number, columns)
        top, left = 1 - row * tall, column * wide
        right, name = left + wide * 0.82, "" if number == 0 else str(number + 1)
        changes[f"xaxis{name}.domain"] = [left, right]
        changes[f"yaxis{name}.domain"] = [top - tall * 0.7, top]
        changes[f"annotations[{number}].x"], changes[f"annotations[{number}].y"] = (left + right) / 2, top
        changes[f"xaxis{name}.title.text"] = changes[f"yaxis{name}.title.text"] = ""
    return changes
