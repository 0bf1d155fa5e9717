"""SIMILARITY in plotly: the matrix of places, to hover over for values and intervals."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.similarity.figure import to_matrix
from gst_analysis.analyses.similarity.frames_interactive import draw_frames_interactive
from gst_analysis.analyses.similarity.table import Similarity
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.style.colours import theme_of
from gst_analysis.style.names import shorten_layers, tell_apart
from gst_analysis.style.screen import paint, start_figure

_CELL, _LEAST, _MOST = 34, 330, 900
"""Pixels of a place's row, and of the whole figure's height."""


def draw_pages(result: Similarity, *, dark: bool = False) -> dict[str, go.Figure]:
    """Places by places, and frames by frames within each."""
    return {
        result.stem: draw_places_interactive(result.table, dark=dark),
        "frame_similarity": draw_frames_interactive(result.frames, dark=dark),
    }


def draw_places_interactive(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """The matrix of `draw_places`; hovering gives both places, the value and its interval."""
    theme = theme_of(dark=dark)
    rows, columns = (list(dict.fromkeys(table[name])) for name in ("first_place", "second_place"))
    told = [_say(row) for row in table.to_dict("records")]
    lines = [told[start : start + len(columns)] for start in range(0, len(told), len(columns))]
    figure = start_figure()
    figure.add_trace(
        go.Heatmap(
            z=to_matrix(table, "first_place", "second_place"),
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            zmin=0,
            zmax=1,
            colorscale=[[0, theme.panel], [1, theme.accent]],
            text=lines,
            hovertemplate="%{text}<extra></extra>",
            colorbar={"title": {"text": "CKA"}, "thickness": 12, "outlinewidth": 0},
        )
    )
    first, second = tell_apart([str(table["first"].iloc[0]), str(table["second"].iloc[0])], 40)
    paint(figure, theme, height=min(_MOST, max(_LEAST, 130 + _CELL * len(rows))), margin=(90, 20, 30, 90))
    figure.update_xaxes(**_name_axis(columns, second), tickangle=-90)
    figure.update_yaxes(**_name_axis(rows, first), autorange="reversed")
    return figure


def _name_axis(places: list[str], network: str) -> dict[str, Any]:
    names = shorten_layers(places)
    return {
        "title": {"text": network, "font": {"size": 12}},
        "tickvals": list(range(len(names))),
        "ticktext": [name if len(name) <= 20 else f"…{name[-18:]}" for name in names],
        "showgrid": False,
        "zeroline": False,
    }


def _say(row: dict[Any, Any]) -> str:
    """What stands beside the mouse."""
    interval = show_interval(row["low"], row["high"])
    return (
        f"<b>{row['first_place']}</b> of {row['first']}<br><b>{row['second_place']}</b> of {row['second']}"
        f"<br>CKA {show_real(row['cka'])}<br>95%: {interval}"
    )
