"""CONFUSION in plotly: the matrix of figure.py, to hover over and zoom."""

from __future__ import annotations

from html import escape
from textwrap import wrap

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.evaluation.pairs import TICKS, ClassPairs, mask_matrix, pair_classes
from gst_analysis.analyses.evaluation.table import ModelEvaluation
from gst_analysis.numbers import show_class
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.screen import paint, start_figure
from gst_analysis.style.theme import choose_ink

_MOST_COLUMNS = 20
"""Columns that are numbered; hovering names them all."""
_LARGE = 8
"""Classes up to which cells are large. What is drawn here can't know how wide it will be shown: a telephone
has no room for names beside a matrix, so that few classes are numbered, too, and named in a list below it.
"""
_LISTED, _BESIDE, _HOVERED = 42, 20, 44
"""Letters of a name in that list, beside a row of many, and in a line of what hovering tells."""
_LINE = 18
"""Pixels of a line of the list."""


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
    ticks = TICKS if pairs.few else TICKS[::2]
    key = {
        "title": {"text": name, "side": "top"},
        "orientation": "h",
        "tickvals": [tick**0.5 for tick in ticks],
        "ticktext": [f"{tick:.0%}" for tick in ticks],
        "tickangle": 0,
        "x": 0.58 * place,
        "xanchor": "left",
        "xpad": 0,
        "y": 1,
        "yanchor": "bottom",
        "len": 0.42,
        "thickness": 10,
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
    """The share in every cell that holds a clip, where there is room; without %, for want of it."""
    shares, names = pairs.shares, _categories(pairs)
    cells = list(zip(*np.nonzero(pairs.counts), strict=True)) if pairs.few else []
    size = 12 if len(names) <= _LARGE else 10
    notes = []
    for row, column in cells:
        share, colour = shares[row, column], theme.accent if row == column else theme.mark
        font = {"color": choose_ink(share, colour, theme), "size": size}
        notes.append(
            go.layout.Annotation(
                x=names[column], y=names[row], text=f"{100 * share:.0f}", showarrow=False, font=font
            )
        )
    return notes


def _list_names(pairs: ClassPairs, left: int) -> go.layout.Annotation:
    """Which class has which number, below the matrix, from the figure's left edge on."""
    names = pairs.name_rows(_LISTED)
    lines = [
        escape(name if label == show_class(number) else f"{number}  {name}")
        for number, (label, name) in enumerate(zip(pairs.labels, names, strict=True))
    ]
    return go.layout.Annotation(
        text="<br>".join(["number, class (clips)", *lines]),
        x=0,
        xref="paper",
        xanchor="left",
        xshift=8 - left,
        y=0,
        yref="paper",
        yanchor="top",
        yshift=-54,
        align="left",
        showarrow=False,
    )


def _categories(pairs: ClassPairs) -> list[str]:
    """The classes as hovering shows them, each different from all others."""
    told = [
        label if label == show_class(number) else f"{number} {label}"
        for number, label in enumerate(pairs.labels)
    ]
    return ["<br>".join(escape(line) for line in wrap(name, _HOVERED)) for name in told]


def _dress(figure: go.Figure, pairs: ClassPairs, theme: Theme) -> None:
    left, notes = 64, _write_shares(pairs, theme)
    below = _LINE * (len(pairs.labels) + 1) + 10 if pairs.few else 0
    if pairs.few:
        notes.append(_list_names(pairs, left))
    step = (48 if len(pairs.labels) <= _LARGE else 28) if pairs.few else 13
    height = 190 + step * len(pairs.labels) + below
    paint(figure, theme, height=height, margin=(left, 24, 130, 60 + below))
    figure.update_layout(
        title={
            "text": _title(pairs),
            "font": {"size": 15},
            "x": 0,
            "xref": "container",
            "pad": {"l": 8, "b": 68},
        }
        | {"y": 1, "yref": "paper", "yanchor": "bottom"},
        hoverlabel={"namelength": -1, "align": "left"},
        annotations=notes,
    )
    _name_axes(figure, pairs)


def _title(pairs: ClassPairs) -> str:
    """In two lines where one would not fit on a telephone."""
    name, score = pairs.title.rsplit(":", 1)
    name, score = name.strip(), score.strip()
    return f"{escape(name)}:{'<br>' if len(name + score) > _HOVERED else ' '}{escape(score)}"


def _name_axes(figure: go.Figure, pairs: ClassPairs) -> None:
    names, count = _categories(pairs), len(pairs.labels)
    numbers = [str(number) for number in range(count)]
    rows = numbers if pairs.few else [escape(name) for name in pairs.name_rows(_BESIDE)]
    columns = numbers
    every = 1 if pairs.few else -(-count // _MOST_COLUMNS)
    shared = {"tickfont": {"size": 12 if pairs.few else 9}, "showgrid": False, "zeroline": False}
    figure.update_yaxes(
        title="true class" if pairs.few else "true class (clips)",
        tickvals=names,
        range=[count - 0.5, -0.5],
        ticktext=rows,
        automargin=not pairs.few,  # the list below counts on the margins
        **shared,
    )
    figure.update_xaxes(
        title={"text": "taken for (% of the true class)" if pairs.few else "taken for", "standoff": 8},
        tickvals=names[::every],
        ticktext=columns[::every],
        automargin=not pairs.few,
        range=[-0.5, count - 0.5],
        tickangle=0 if pairs.few else -90,
        **shared,
    )
