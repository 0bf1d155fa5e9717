"""ROLE_SUMS in plotly: how many channels of every group have which role, by both estimates."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.roles.figure import colour_roles, list_blocks, list_lines
from gst_analysis.analyses.roles.table import ROLES
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import shorten_layers
from gst_analysis.style.screen import dress_figure, say_narrow, start_figure

_ESTIMATES = {"": "by variance", "pair_": "by pairs"}
"""What stands before the columns that count channels; in words short enough for a telephone."""
_PANEL, _TOP, _BOTTOM, _GAP = 150, 84, 56, 26
"""Pixels: a panel's height, the room above and below all of them, and between two."""


def draw_counts_interactive(sums: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """The stacked bars of `draw_counts`; hovering gives how many channels, of how many."""
    theme, blocks = theme_of(dark=dark), list_blocks(sums)
    lines = {name: rows for name, rows in list_lines(sums).items() if len(rows)}
    tall = len(lines) * (_PANEL + _GAP)
    figure = start_figure(
        len(lines),
        2,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=_GAP / tall,
        subplot_titles=[f"{escape(name)}: {kind}" for name in lines for kind in _ESTIMATES.values()],
    )
    for number, rows in enumerate(lines.values(), 1):
        for column, start in enumerate(_ESTIMATES, 1):
            for bar in _build_bars(rows, blocks, start, theme):
                bar.showlegend = number == column == 1
                figure.add_trace(bar, row=number, col=column)
    dress_figure(figure, theme, height=tall + _TOP + _BOTTOM, top=_TOP, bottom=_BOTTOM)
    figure.update_layout(barmode="stack", bargap=0.2)
    names = shorten_layers([f"{block}." for block in blocks])
    ticks = [name if len(name) <= 20 else f"…{name[-18:]}" for name in names]
    figure.update_xaxes(tickvals=list(range(len(blocks))), ticktext=ticks, showgrid=False, zeroline=False)
    figure.update_yaxes(range=[0, 1], tickformat=".0%", tickvals=[0, 0.5, 1])
    _stand_below(figure, len(lines))
    return figure


def _build_bars(rows: pd.DataFrame, blocks: list[str], start: str, theme: Theme) -> list[go.Bar]:
    """One for every role, as parts of all channels of the group at a place."""
    columns = [f"{start}{role}_channels" for role in ROLES]
    counts = rows.groupby("block", sort=False)[columns].sum()
    whole, places = counts.sum(axis=1), [str(block) for block in counts.index]
    bars = []
    for column, (role, colour) in zip(columns, colour_roles(theme).items(), strict=True):
        told = [
            f"<b>{escape(place)}</b><br>{role}: {own} of {every} channels"
            for place, own, every in zip(places, counts[column], whole, strict=True)
        ]
        bars.append(
            go.Bar(
                x=[blocks.index(place) for place in places],
                y=counts[column] / whole,
                name=role,
                legendgroup=role,
                marker={"color": colour, "line": {"color": theme.faint, "width": 0.5}},
                text=told,
                textposition="none",
                hovertemplate="%{text}<extra></extra>",
            )
        )
    return bars


def _stand_below(figure: go.Figure, lines: int) -> None:
    """Keep how the second estimate's panels stand below the first's on a telephone."""
    panels = 2 * lines
    changes: dict[str, Any] = {"height": panels * (_PANEL + _GAP + 14) + _TOP + _BOTTOM}
    part = 1 / panels
    for number in range(panels):
        row, column = divmod(number, 2)
        place = row if column == 0 else lines + row
        top = 1 - place * part
        ends, name = [top - part * 0.76, top], "" if number == 0 else str(number + 1)
        changes[f"xaxis{name}.domain"], changes[f"yaxis{name}.domain"] = [0, 1], ends
        changes[f"xaxis{name}.showticklabels"] = changes[f"yaxis{name}.showticklabels"] = True
        changes[f"annotations[{number}].x"], changes[f"annotations[{number}].y"] = 0.5, top
    say_narrow(figure, changes)
