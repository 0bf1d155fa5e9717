"""CONFUSION in plotly: the matrix of figure.py, to hover over and zoom."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.evaluation.pairs import TICKS, ClassPairs, mask_matrix, pair_classes
from gst_analysis.analyses.evaluation.table import ModelEvaluation
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.screen import paint, start_figure
from gst_analysis.style.theme import choose_ink

_MOST_COLUMNS = 40
"""Columns that are numbered; hovering names them all."""


def draw_pages(result: ModelEvaluation, *, dark: bool = False) -> dict[str, go.Figure]:
    """The confusion matrix."""
    return {"confusion": draw_confusion_interactive(result.confusion, dark=dark)}


def draw_confusion_interactive(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """The matrix of `draw_confusion`; hovering gives both names, clips and share."""
    theme, pairs = theme_of(dark=dark), pair_classes(table)
    figure = start_figure()
    for place, (name, colour) in enumerate((("right", theme.accent), ("wrong", theme.mark))):
        figure.add_trace(_build_cells(pairs, name, [theme.panel, colour], place))
    for row in np.flatnonzero(pairs.totals == 0):
        figure.add_shape(
            type="rect",
            x0=-0.5,
            x1=len(pairs.labels) - 0.5,
            y0=row - 0.5,
            y1=row + 0.5,
            layer="above",
            fillcolor=theme.grid,
            line={"width": 0},
        )
    _dress(figure, pairs, theme)
    return figure


def _build_cells(pairs: ClassPairs, name: str, colours: list[str], place: int) -> go.Heatmap:
    """The right or the wrong answers, coloured by the square root of their share, as in print."""
    shares = mask_matrix(pairs.shares, diagonal=name == "right")
    names = _categories(pairs)
    key = {
        "title": {"text": name},
        "tickvals": [tick**0.5 for tick in TICKS],
        "ticktext": [f"{tick:.0%}" for tick in TICKS],
        "x": 1.01 + 0.09 * place,
        "y": 1,
        "yanchor": "top",
        "lenmode": "pixels",
        "len": 220,
        "thickness": 14,
    }
    return go.Heatmap(
        x=names,
        y=names,
        z=np.sqrt(shares),
        zmin=0,
        zmax=1,
        name=name,
        colorbar=key,
        colorscale=[[0, colours[0]], [1, colours[1]]],
        hoverongaps=False,
        xgap=0.5,
        ygap=0.5,
        customdata=np.dstack([pairs.counts, np.nan_to_num(100 * shares)]),
        hovertemplate="%{y}<br>taken for %{x}<br>"
        "%{customdata[0]} clips, %{customdata[1]:.1f} % of the class<extra></extra>",
    )


def _write_shares(pairs: ClassPairs, theme: Theme) -> list[go.layout.Annotation]:
    """The percentage in every cell that holds a clip, where there is room."""
    shares, names = pairs.shares, _categories(pairs)
    cells = list(zip(*np.nonzero(pairs.counts), strict=True)) if pairs.few else []
    notes = []
    for row, column in cells:
        share, colour = shares[row, column], theme.accent if row == column else theme.mark
        font = {"color": choose_ink(share, colour, theme)}
        notes.append(
            go.layout.Annotation(
                x=names[column], y=names[row], text=f"{share:.0%}", showarrow=False, font=font
            )
        )
    return notes


def _categories(pairs: ClassPairs) -> list[str]:
    """The classes as hovering shows them, each different from all others."""
    return [
        label if label == str(number) else escape(f"{number} {label}")
        for number, label in enumerate(pairs.labels)
    ]


def _dress(figure: go.Figure, pairs: ClassPairs, theme: Theme) -> None:
    names, limit = _categories(pairs), 48
    title = escape(pairs.title).replace("\n", "<br>")
    step, font = (64, 12) if pairs.few else (13, 9)
    paint(figure, theme, height=220 + step * len(names), margin=(20, 20, 70, 20))
    figure.update_layout(
        title={"text": title, "font": {"size": 15}, "x": 0, "xref": "paper"},
        hoverlabel={"namelength": -1},
        annotations=_write_shares(pairs, theme),
    )
    shared = {"tickfont": {"size": font}, "automargin": True, "showgrid": False, "zeroline": False}
    figure.update_yaxes(
        title="true class (clips)",
        tickvals=names,
        range=[len(names) - 0.5, -0.5],
        ticktext=[escape(name) for name in pairs.name_rows(limit)],
        **shared,
    )
    columns = [escape(name) for name in pairs.name_columns(limit)]
    every = 1 if pairs.few else -(-len(names) // _MOST_COLUMNS)
    figure.update_xaxes(
        title="taken for",
        tickvals=names[::every],
        ticktext=columns[::every],
        range=[-0.5, len(names) - 0.5],
        tickangle=-40 if pairs.few else -90,
        **shared,
    )
