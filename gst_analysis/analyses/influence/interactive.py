"""INFLUENCE in plotly: the matrices of figure.py and the blocks below, to hover over."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.influence.figure import (
    TITLES,
    is_by_clip,
    name_checkpoint,
    name_question,
    say_reach,
    spread_of,
    to_matrix,
)
from gst_analysis.analyses.influence.table import FrameInfluence
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import name_block, shorten
from gst_analysis.style.screen import break_lines, paint, say_narrow, start_figure
from gst_analysis.style.share_matrix import list_ticks

_NARROW = 14
"""Characters of a line above one of three matrices, which stand beside each other on a telephone, too."""
_PANEL, _ROW, _GAP = 230, 44, 96
"""Pixels of panels that stand below each other: of a matrix, of a row, and from one to the next."""
_ALLOWED = {True: "", False: "<br>cannot depend on it, by arithmetic"}


def draw_pages(result: FrameInfluence, *, dark: bool = False) -> dict[str, go.Figure]:
    """The matrices of all three methods, and the blocks below."""
    return {result.stem: draw_influence_interactive(result.table, result.receptive_fields, dark=dark)}


def draw_influence_interactive(
    table: pd.DataFrame, fields: pd.DataFrame | None = None, *, dark: bool = False
) -> go.Figure:
    """The matrices of `draw_influence`; hovering gives share and size, and says what cannot be."""
    theme, name = theme_of(dark=dark), name_checkpoint(table)
    methods = [method for method in TITLES if (table["method"] == method).any()]
    blocks = 0 if fields is None else fields["block"].nunique()
    below: list[list[dict[str, int] | None]] = [[{"colspan": len(methods)}, *[None] * (len(methods) - 1)]]
    titles = [break_lines(TITLES[method], _NARROW) for method in methods]
    titles += ["the middle frame of each block's output"] * bool(blocks)
    figure = start_figure(
        1 + bool(blocks),
        len(methods),
        specs=[[{}] * len(methods), *(below if blocks else [])],
        subplot_titles=titles,
        row_heights=([0.25, 0.75] if is_by_clip(table) else [0.6, 0.4]) if blocks else [1.0],
        vertical_spacing=0.22 if is_by_clip(table) else 0.14,
        horizontal_spacing=0.06,
    )
    for column, method in enumerate(methods, start=1):
        figure.add_trace(_build_matrix(table[table["method"] == method]), row=1, col=column)
    if fields is not None and blocks:
        figure.add_trace(_build_blocks(fields), row=2, col=1)
    _dress(figure, theme, f"{escape(shorten(name, 40))}: {name_question(table)}", blocks)
    # Without an upper end plotly gives equal shares a scale from below nothing.
    top = max(float(part["share"].max()) for part in (table, fields) if part is not None and len(part))
    figure.update_layout(coloraxis={"cmax": top if top > 0 else 1.0})
    figure.update_annotations(font_size=11)
    _scale_cells(figure, by_clip=is_by_clip(table))
    say_narrow(figure, _stack_panels(figure, len(methods), blocks, by_clip=is_by_clip(table)))
    ticks = list_ticks(int(table["input_frame"].max()) + 1)  # no frame beyond the first and the last
    figure.update_xaxes(tickvals=ticks)
    if not is_by_clip(table):
        figure.update_yaxes(tickvals=ticks, row=1)
    return figure


def draw_apart(
    table: pd.DataFrame, fields: pd.DataFrame | None = None, *, dark: bool = False
) -> dict[str, go.Figure]:
    """The panels of `draw_influence_interactive` as a figure each, by method and "blocks", in one scale.

    A page lets them stand beside each other or below, as it has room.
    """
    methods = [method for method in TITLES if (table["method"] == method).any()]
    figures = {method: draw_evidence_interactive(table, method=method, dark=dark) for method in methods}
    for method, figure in figures.items():
        figure.update_layout(title_text=break_lines(TITLES[method], 24), coloraxis_colorbar_thickness=10)
        figure.update_yaxes(constrain="domain")  # no paper above and below square cells
    shown = [table]
    if fields is not None and len(fields):
        figures["blocks"] = _draw_blocks(fields, theme_of(dark=dark))
        shown.append(fields)
    top = max(float(part["share"].max()) for part in shown)
    for figure in figures.values():
        figure.update_layout(coloraxis_cmax=top if top > 0 else 1.0)
    return figures


def _draw_blocks(fields: pd.DataFrame, theme: Theme) -> go.Figure:
    """How far every block sees, alone."""
    figure = start_figure(1, 1)
    figure.add_trace(_build_blocks(fields))
    _dress(figure, theme, "the middle frame of each block's output", 0)
    figure.update_layout(
        title_font_size=13, height=150 + 24 * fields["block"].nunique(), margin={"l": 70, "t": 50}
    )
    figure.update_xaxes(tickvals=list_ticks(int(fields["input_frame"].max()) + 1))
    names = list(dict.fromkeys(fields["block"]))
    figure.update_yaxes(tickvals=names, ticktext=[name_block(name) for name in names])
    return figure


def _stack_panels(figure: go.Figure, methods: int, blocks: int, *, by_clip: bool) -> dict[str, object]:
    """What puts the panels below each other, and the key of colours above them, where a page is narrow."""
    heights = [_ROW if by_clip else _PANEL] * methods + [24 * blocks] * bool(blocks)
    total = sum(heights) + _GAP * (len(heights) - 1)
    key = {"orientation": "h", "y": 1 + 44 / total, "yanchor": "bottom", "thickness": 10, "x": 0.5, "len": 1}
    moved: dict[str, object] = {f"coloraxis.colorbar.{name}": value for name, value in key.items()}
    moved |= {"height": total + 160, "margin.t": 100, "margin.b": 60, "title.text": ""}  # a page says it
    top = float(total)
    for number, height in enumerate(heights):
        axis = str(number + 1) if number else ""
        moved[f"xaxis{axis}.domain"] = [0, 1]
        moved[f"yaxis{axis}.domain"] = [max(0.0, (top - height) / total), top / total]
        moved[f"annotations[{number}].x"], moved[f"annotations[{number}].y"] = 0.5, top / total
        top -= height + _GAP
    return moved


def _build_matrix(rows: pd.DataFrame) -> go.Heatmap:
    shares, sizes = to_matrix(rows, "share"), to_matrix(rows, "influence")
    remarks = np.vectorize(_ALLOWED.__getitem__, otypes=[object])(to_matrix(rows, "reachable") > 0)
    return go.Heatmap(
        z=shares,
        coloraxis="coloraxis",
        customdata=np.dstack([sizes.astype(object), remarks]),
        hovertemplate="output frame %{y}, input frame %{x}<br>%{z:.1%} of the row"
        "<br>%{customdata[0]:.3g} in units of the logit%{customdata[1]}<extra></extra>",
    )


def _build_blocks(fields: pd.DataFrame) -> go.Heatmap:
    names = list(dict.fromkeys(fields["block"]))
    parts = [fields[fields["block"] == name] for name in names]
    shares = np.stack([part["share"].to_numpy() for part in parts])
    notes = [f"spread ±{spread_of(part):.2f} frames{say_reach(part, fields)}" for part in parts]
    return go.Heatmap(
        z=shares,
        y=names,
        coloraxis="coloraxis",
        customdata=np.repeat(np.array(notes, dtype=object)[:, None], shares.shape[1], axis=1),
        hovertemplate="%{y}, input frame %{x}: %{z:.1%}<br>%{customdata}<extra></extra>",
    )


def _dress(figure: go.Figure, theme: Theme, title: str, blocks: int) -> None:
    paint(figure, theme, height=480 + (120 + 24 * blocks if blocks else 0), margin=(70, 20, 110, 50))
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        coloraxis={
            "colorscale": [[0, theme.panel], [1, theme.accent]],
            "cmin": 0,
            "colorbar": {"title": {"text": "share"}, "tickformat": ".0%"},
        },
    )
    figure.update_xaxes(title="input frame", showgrid=False, zeroline=False, constrain="domain")
    figure.update_yaxes(autorange="reversed", showgrid=False, zeroline=False)


def _scale_cells(figure: go.Figure, *, by_clip: bool) -> None:
    """Square cells of frames by frames; or one row, which is the clip's, as wide as there is room."""
    if by_clip:
        figure.update_yaxes(tickvals=[0], ticktext=["clip"], row=1)
        for column in range(2, 1 + sum(trace.y is None for trace in figure.data)):
            figure.update_yaxes(showticklabels=False, row=1, col=column)  # the first one says it for all
        figure.update_layout(height=figure.layout.height - 160)
        return
    figure.update_yaxes(title="output frame", row=1, col=1)
    for column, _ in enumerate([t for t in figure.data if t.y is None], start=1):
        figure.update_yaxes(scaleanchor=f"x{column if column > 1 else ''}", row=1, col=column)


def draw_evidence_interactive(
    table: pd.DataFrame, *, method: str = "gradient", dark: bool = False
) -> go.Figure:
    """Which input frames each frame's logit is made of, by one method.

    Args:
        table: INFLUENCE of one checkpoint.
        method: one of the table's.
        dark: for a dark background.
    """
    figure = draw_influence_interactive(table[table["method"] == method], dark=dark)
    figure.update_layout(
        title={"text": f"share of each input frame,<br>by the {TITLES[method]}", "font": {"size": 13}},
        height=240 if is_by_clip(table) else 400,
        margin={"l": 60, "r": 10, "t": 60, "b": 50},
    )
    figure.layout.annotations = ()  # the method's name, which the title says
    figure.layout.meta = None  # one panel, which needs no other arrangement
    if not is_by_clip(table):
        figure.update_yaxes(title="whose logit: output frame")
    return figure
