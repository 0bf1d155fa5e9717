"""ABLATION, JOINT and SHARES in plotly: the drawings of figure.py and joint_figure.py, to hover over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.ablation.figure import choose_axis
from gst_analysis.analyses.ablation.joint_figure import (
    GREEDY,
    OF_ALL,
    PAIRS,
    TOGETHER,
    lay_out_pairs,
    list_parts,
)
from gst_analysis.analyses.ablation.joint_table import SEVERAL
from gst_analysis.analyses.ablation.table import Ablation
from gst_analysis.analyses.ablation.words import MEASURES, TITLES
from gst_analysis.groups import GROUPS, order_groups
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import drop_shared_start, name_block, shorten
from gst_analysis.style.screen import SYMBOLS, break_lines, legend_above, paint, start_figure

_ROW, _CELL = 26, 22
"""Pixels of a line of a list, and of a cell of a matrix."""
_TOP, _BOTTOM = 100, 50
"""Pixels above and below the panels; the legend stands above."""
_APART = 0.16


def draw_pages(result: Ablation, *, dark: bool = False) -> dict[str, go.Figure]:
    """The drop at every block; and what groups cost together, where that was measured."""
    theme, measure = theme_of(dark=dark), result.measure
    drawn = {result.stem: draw_ablation_interactive(result.table, measure=measure, dark=dark)}
    return drawn | dict(_draw_joint(result, measure, theme))


def draw_ablation_interactive(
    table: pd.DataFrame, *, measure: str = "accuracy_drop", dark: bool = False
) -> go.Figure:
    """The panels of `draw_ablation`; hovering gives numbers and intervals, the legend hides a group."""
    theme, axis = theme_of(dark=dark), choose_axis(table)
    places, kinds = list(dict.fromkeys(table[axis])), list(dict.fromkeys(table["intervention"]))
    figure = start_figure(
        len(kinds),
        shared_xaxes=True,
        shared_yaxes="all",
        subplot_titles=[TITLES[kind] for kind in kinds],
        vertical_spacing=0.09,
    )
    groups = order_groups(table["group"])
    for number, kind in enumerate(kinds, start=1):
        rows = table[table["intervention"] == kind]
        for group, own, aside in _set_apart(rows, groups):
            at = own[axis].map({place: index for index, place in enumerate(places)}) + aside
            dots = _build_dots(own, group, measure, theme, upright=at.to_numpy(), words=own[axis])
            figure.add_trace(dots.update(showlegend=number == 1), row=number, col=1)
    _dress(figure, table, theme, height=_TOP + _BOTTOM + 170 * len(kinds))
    figure.update_xaxes(zeroline=False, showgrid=False)
    _name_places(figure, places, row=len(kinds), col=1)
    figure.update_yaxes(
        zeroline=True, zerolinecolor=theme.faint, gridcolor=theme.grid, range=_find_range(table, measure)
    )
    figure.update_yaxes(title={"text": MEASURES[measure][0]}, row=(len(kinds) + 1) // 2, col=1)
    figure.update_annotations(font_size=12, x=0, xanchor="left")
    return figure


def _draw_joint(result: Ablation, measure: str, theme: Theme) -> Iterator[tuple[str, go.Figure]]:
    """Every page that the joint tables are enough for, by the name of its file."""
    draw = {TOGETHER: _draw_sets, PAIRS: _draw_pairs, GREEDY: _draw_greedy, OF_ALL: _draw_shares}
    for name, rows in list_parts(result.joint, result.shares):
        yield name, draw[name](rows, measure, theme)


def _draw_sets(sets: pd.DataFrame, measure: str, theme: Theme) -> go.Figure:
    """A row a set: what it costs together, and beside it the sum of what its units cost alone."""
    figure = start_figure()
    for group in [*order_groups(g for g in sets["group"] if g != SEVERAL), SEVERAL]:
        own = sets[sets["group"] == group]
        if len(own):
            figure.add_trace(_build_dots(own, group, measure, theme, words=own["set"]))
            figure.add_trace(_build_alone(own, group, measure, theme, names=own["set"]))
    _dress(
        figure, sets, theme, height=_TOP + _BOTTOM + _ROW * len(sets), more="hollow: the sum of each alone"
    )
    figure.update_xaxes(title={"text": MEASURES[measure][0]}, zerolinecolor=theme.faint, gridcolor=theme.grid)
    order = {"categoryorder": "array", "categoryarray": list(sets["set"])}
    figure.update_yaxes(**order, autorange="reversed", showgrid=False)
    return figure


def _draw_pairs(pairs: pd.DataFrame, _: str, theme: Theme) -> go.Figure:
    """A square a pair of one group, coloured by what both cost beyond the sum of each alone."""
    panels = lay_out_pairs(pairs)
    most = max(1e-9, float(np.abs(pairs["loss_rise_beyond"]).max()))
    figure = start_figure(
        len(panels),
        shared_xaxes=True,
        subplot_titles=[GROUPS[panel.group].phrase for panel in panels],
        vertical_spacing=0.1,
    )
    for number, panel in enumerate(panels, start=1):
        said = [[""] * len(panel.names) for _ in panel.names]
        for upper, left, row in panel.cells:
            interval = show_interval(row["loss_rise_beyond_low"], row["loss_rise_beyond_high"])
            said[upper][left] = (
                f"<b>{escape(str(row['set']))}</b><br>together {show_real(row['loss_rise'])} nats, alone "
                f"{show_real(row['loss_rise_alone'])}<br>beyond that {show_real(row['loss_rise_beyond'])} "
                f"({interval})"
            )
        heat = go.Heatmap(
            z=panel.square,
            x=panel.names,
            y=panel.names,
            zmin=-most,
            zmax=most,
            colorscale="PuOr",
            reversescale=True,
            text=said,
            hovertemplate="%{text}<extra></extra>",
            hoverongaps=False,
            showscale=number == len(panels),
            colorbar={"title": {"text": "nats"}, "thickness": 12, "outlinewidth": 0},
        )
        figure.add_trace(heat, row=number, col=1)
    rows = sum(len(panel.names) + 2 for panel in panels)
    _dress(
        figure,
        pairs,
        theme,
        height=_TOP + _BOTTOM + _CELL * rows,
        more="loss beyond the sum of both alone; two that stand in for each other are orange",
    )
    figure.update_xaxes(tickangle=-90, showgrid=False, tickfont_size=10, type="category")
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont_size=10, type="category")
    figure.update_annotations(font_size=12)
    return figure


def _draw_greedy(rows: pd.DataFrame, measure: str, theme: Theme) -> go.Figure:
    """A line a group: what is lost as one unit after another goes, the least missed first."""
    figure = start_figure()
    for group in [*order_groups(g for g in rows["group"] if g != SEVERAL), SEVERAL]:
        own = rows[rows["group"] == group]
        if len(own):
            words = [f"{step}: {added} went" for step, added in zip(own["step"], own["added"], strict=True)]
            dots = _build_dots(own, group, measure, theme, upright=own["step"].to_numpy(), words=words)
            figure.add_trace(dots.update(mode="lines+markers", line={"color": _colour(group, theme)}))
    _dress(figure, rows, theme, height=420, more="chosen on other clips than those shown")
    figure.update_xaxes(title={"text": "groups of one layer that are gone"}, dtick=1, showgrid=False)
    figure.update_yaxes(title={"text": MEASURES[measure][0]}, zerolinecolor=theme.faint, gridcolor=theme.grid)
    return figure


def _draw_shares(shares: pd.DataFrame, measure: str, theme: Theme) -> go.Figure:
    """At every block each group's share of what all cost together, and what it costs alone."""
    rows = shares[shares["level"] == "unit"]
    axis = choose_axis(rows)
    places = list(dict.fromkeys(rows[axis]))
    figure, groups = start_figure(), order_groups(rows["group"])
    for group, own, aside in _set_apart(rows, groups):
        at = (own[axis].map({place: index for index, place in enumerate(places)}) + aside).to_numpy()
        figure.add_trace(_build_dots(own, group, measure, theme, upright=at, words=own[axis]))
        figure.add_trace(_build_alone(own, group, measure, theme, upright=at))
    _dress(figure, rows, theme, height=440, more="hollow: what each costs alone")
    figure.update_xaxes(zeroline=False, showgrid=False)
    _name_places(figure, places)
    figure.update_yaxes(title={"text": MEASURES[measure][0]}, zerolinecolor=theme.faint, gridcolor=theme.grid)
    return figure


def _find_range(table: pd.DataFrame, measure: str) -> tuple[float, float]:
    """From the least end of any interval to the most, with some room."""
    ends = MEASURES[measure][1] * table[[f"{measure}_low", f"{measure}_high", measure]].to_numpy(float)
    least, most = min(0.0, float(ends.min())), max(0.0, float(ends.max()))
    room = 0.06 * ((most - least) or 1.0)
    return least - room, most + room


def _set_apart(rows: pd.DataFrame, groups: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame, float]]:
    """Every group's rows, and how far aside of their place they stand."""
    for number, group in enumerate(groups):
        own = rows[rows["group"] == group]
        if len(own):
            yield group, own, _APART * (number - (len(groups) - 1) / 2) * 2 / max(1, len(groups) - 1)


def _build_dots(
    rows: pd.DataFrame,
    group: str,
    measure: str,
    theme: Theme,
    *,
    words: Iterable[object],
    upright: Any = None,
) -> go.Scatter:
    """Values with their intervals: along x at the words, or above the places `upright`."""
    named = [str(word) for word in words]
    scale = MEASURES[measure][1]
    value, low, high = (scale * rows[f"{measure}{end}"].to_numpy(float) for end in ("", "_low", "_high"))
    bars = {
        "type": "data",
        "symmetric": False,
        "array": np.maximum(0, high - value),
        "arrayminus": np.maximum(0, value - low),
        "color": _colour(group, theme),
        "thickness": 1.6,
        "width": 2,
        "visible": bool((rows["clips"] > 1).all()),
    }
    ends = [show_interval(*pair) for pair in zip(low, high, strict=True)]
    told = np.array(
        [[escape(name_block(word)), end] for word, end in zip(named, ends, strict=True)], dtype=object
    )
    number = "%{x:.3~f}" if upright is None else "%{y:.3~f}"
    return go.Scatter(
        x=value if upright is None else upright,
        y=named if upright is None else value,
        error_x=bars if upright is None else None,
        error_y=None if upright is None else bars,
        mode="markers",
        name=_phrase(group),
        legendgroup=group,
        marker={"color": _colour(group, theme), "size": 8, "symbol": _symbol(group)},
        customdata=told,
        hovertemplate=f"<b>%{{customdata[0]}}</b><br>{_phrase(group)}: {number} (%{{customdata[1]}})"
        "<extra></extra>",
    )


def _build_alone(
    rows: pd.DataFrame,
    group: str,
    measure: str,
    theme: Theme,
    *,
    names: Iterable[object] | None = None,
    upright: Any = None,
) -> go.Scatter:
    """Hollow marks: what units cost alone."""
    value = MEASURES[measure][1] * rows[f"{measure}_alone"].to_numpy(float)
    number = "%{x:.3~f}" if upright is None else "%{y:.3~f}"
    return go.Scatter(
        x=value if upright is None else upright,
        y=list(names) if names is not None else value,
        mode="markers",
        legendgroup=group,
        showlegend=False,
        marker={"color": _colour(group, theme), "size": 10, "symbol": f"{_symbol(group)}-open"},
        hovertemplate=f"alone: {number}<extra></extra>",
    )


def _dress(figure: go.Figure, rows: pd.DataFrame, theme: Theme, *, height: int, more: str = "") -> None:
    clips = int(rows["clips"].iloc[0])
    name = escape(shorten(str(rows["checkpoint"].iloc[0]), 40))
    bars = f"{clips} clips; bars: confidence intervals" if clips > 1 else "one clip: no intervals"
    paint(figure, theme, height=height, margin=(60, 16, _TOP, _BOTTOM))
    words = break_lines(f"{name}, {bars}{f'; {more}' if more else ''}", 62)
    if any(trace.showlegend is not False and trace.type != "heatmap" for trace in figure.data):
        figure.update_layout(legend=legend_above(words))
    else:
        figure.update_layout(
            title={"text": words, "font": {"size": 13}, "y": 1 - 12 / height, "yanchor": "top"}
        )


def _name_places(figure: go.Figure, places: Sequence[str], **where: int) -> None:
    names = [name_block(name).removeprefix("block ") for name in drop_shared_start(list(places))]
    figure.update_xaxes(
        tickvals=list(range(len(names))), ticktext=names, range=[-0.6, len(names) - 0.4], **where
    )


def _colour(group: str, theme: Theme) -> str:
    return theme.ink if group == SEVERAL else theme.groups[group]


def _symbol(group: str) -> str:
    return "circle" if group == SEVERAL else SYMBOLS[GROUPS[group].marker]


def _phrase(group: str) -> str:
    return "all groups" if group == SEVERAL else GROUPS[group].phrase
