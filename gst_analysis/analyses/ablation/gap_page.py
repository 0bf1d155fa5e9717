"""A GapVerdict in plotly: γ's gap above what the groups cost, a column a block, coloured by verdict."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.ablation.verdict import AGREE, DISAGREE, UNDECIDED, GapVerdict, shorten_block
from gst_analysis.analyses.ablation.words import MEASURES
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.style.colours import wrong_colour
from gst_analysis.style.names import name_block
from gst_analysis.style.screen import dress_figure, start_figure
from gst_analysis.style.theme import Theme, theme_of

NAMES = {
    DISAGREE: "they disagree",
    AGREE: "they agree",
    UNDECIDED: "not sure on both sides (hollow: not on this one)",
}
_SYMBOLS = {AGREE: "circle", DISAGREE: "x"}
_ROOM = 1.15
_TICKS = (0.02, 0.1, 0.5, 2, 5, 20, 50, 100)


def draw_gap_against_cost(
    verdict: GapVerdict, *, measure: str = "loss_rise", dark: bool = False
) -> go.Figure:
    """Above 0 is one group, below it the other: where γ and the cost lie on different sides, they disagree.

    Costs stand on a root's scale, since one block often costs as much as all others together.

    Args:
        verdict: what `compare_with_gap` returned.
        measure: the one that it was made of.
        dark: draw for a dark background.
    """
    theme, rows = theme_of(dark=dark), verdict.table.reset_index(drop=True)
    words, scale = MEASURES[measure]
    figure = start_figure(
        2,
        1,
        shared_xaxes=True,
        vertical_spacing=0.1,
        subplot_titles=[
            f"What γ says: {verdict.group} minus {verdict.against}, medians",
            f"What is lost: {words}",
        ],
    )
    colours = {AGREE: theme.accent, DISAGREE: wrong_colour(theme), UNDECIDED: theme.faint}
    for kind, name in NAMES.items():
        own = rows[rows["verdict"] == kind]
        if len(own):
            for row, part in enumerate(("gap", "cost"), start=1):
                unsure = np.where(own[f"{part}_sure"], "circle", "circle-open").tolist()
                mark = {"color": colours[kind], "size": 11, "symbol": _SYMBOLS.get(kind, unsure)}
                trace = _build_marks(own, part, scale, mark)
                figure.add_trace(
                    trace.update(name=name, legendgroup=kind, showlegend=row == 1), row=row, col=1
                )
    for place, kind in enumerate(rows["verdict"]):
        if kind != UNDECIDED:
            _add_band(figure, place, colours[kind])
    dress_figure(figure, theme, height=520, top=84, bottom=56)
    figure.update_annotations(x=0, xanchor="left")
    _name_axes(figure, verdict, rows, scale, theme)
    return figure


def _build_marks(rows: pd.DataFrame, part: str, scale: float, mark: dict[str, object]) -> go.Scatter:
    """Values with their intervals, of costs their roots; numbers beside the mouse stay as they are."""
    factor = scale if part == "cost" else 1.0
    value, low, high = (factor * rows[f"{part}{end}"].to_numpy(float) for end in ("", "_low", "_high"))
    told = [
        f"<b>{escape(name_block(str(block)))}</b><br>{'gap of γ' if part == 'gap' else 'lost'} "
        f"{show_real(one)} ({show_interval(*ends)})"
        for block, one, ends in zip(rows["block"], value, zip(low, high, strict=True), strict=True)
    ]
    if part == "cost":
        value, low, high = (_take_root(one) for one in (value, low, high))
    bars = {"array": np.maximum(0, high - value), "arrayminus": np.maximum(0, value - low)}
    return go.Scatter(
        x=rows.index,
        y=value,
        error_y={**bars, "thickness": 1.6, "width": 3, "color": mark["color"]},
        mode="markers",
        marker=mark,
        text=told,
        hovertemplate="%{text}<extra></extra>",
    )


def _take_root(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def _add_band(figure: go.Figure, place: int, colour: str) -> None:
    figure.add_shape(
        type="rect",
        x0=place - 0.42,
        x1=place + 0.42,
        y0=0,
        y1=1,
        yref="paper",
        fillcolor=colour,
        opacity=0.1,
        line={"width": 0},
        layer="below",
    )


def _name_axes(
    figure: go.Figure, verdict: GapVerdict, rows: pd.DataFrame, scale: float, theme: Theme
) -> None:
    gap, cost = _find_reach(rows, "gap"), scale * _find_reach(rows, "cost")
    names = [shorten_block(block) for block in rows["block"]]
    figure.update_xaxes(showgrid=False, zeroline=False, range=[-0.6, len(rows) - 0.4])
    figure.update_xaxes(tickvals=list(range(len(names))), ticktext=names)
    figure.update_xaxes(title=verdict.level, row=2)
    figure.update_yaxes(zerolinewidth=2, zerolinecolor=theme.ink)
    figure.update_yaxes(range=[-gap, gap], title=f"{verdict.group} ↑", row=1)
    ticks = [sign * tick for tick in (0.0, *_TICKS) for sign in (1, -1) if tick <= cost]
    kept = sorted(set(ticks), key=abs)[:1] + [t for t in sorted(set(ticks)) if abs(t) > 0.05 * cost]
    root = float(np.sqrt(cost))
    figure.update_yaxes(
        range=[-_ROOM * root, _ROOM * root],
        tickvals=_take_root(np.array(kept)).tolist(),
        ticktext=[f"{tick:g}".replace("-", "−") for tick in kept],
        title=f"{verdict.group} ↑",
        row=2,
    )


def _find_reach(rows: pd.DataFrame, part: str) -> float:
    """How far any mark or end of an interval lies from 0, with some room; 1 where all are 0."""
    ends = rows[[part, f"{part}_low", f"{part}_high"]].to_numpy(float)
    return _ROOM * float(np.nanmax(np.abs(ends), initial=0)) or 1.0
