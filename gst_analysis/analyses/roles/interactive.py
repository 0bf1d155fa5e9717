"""ROLE_SUMS in plotly: shares of variance by depth, to hover over for intervals, chance and roles."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.roles.counts_interactive import draw_counts_interactive
from gst_analysis.analyses.roles.figure import find_range, list_blocks, list_lines
from gst_analysis.analyses.roles.table import PARTS, PLACE, ROLES, ChannelRoles
from gst_analysis.groups import GROUPS
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import shorten_layers
from gst_analysis.style.screen import SYMBOLS, paint, start_figure

_HEIGHT = 640


def draw_pages(result: ChannelRoles, *, dark: bool = False) -> dict[str, go.Figure]:
    """Shares by depth, and roles by either estimate."""
    return {
        result.stem: draw_shares_interactive(result.sums, dark=dark),
        "role_counts": draw_counts_interactive(result.sums, dark=dark),
    }


def draw_shares_interactive(sums: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """The lines of `draw_shares`; hovering gives the interval, what chance gives, and roles."""
    theme = theme_of(dark=dark)
    blocks = list_blocks(sums)
    figure = start_figure(3, 1, shared_xaxes=True, vertical_spacing=0.06)
    for row, part in enumerate(PARTS, 1):
        for name, rows in list_lines(sums).items():
            if len(rows):
                figure.add_trace(_draw_line(rows, blocks, part, name, theme, show=row == 1), row=row, col=1)
        least, most = find_range(sums, part)
        title = {"text": part, "font": {"size": 12}}
        figure.update_yaxes(title=title, range=[least, most], row=row, col=1)
    names = shorten_layers([f"{block}." for block in blocks])
    figure.update_xaxes(
        tickvals=list(range(len(blocks))),
        ticktext=[name if len(name) <= 20 else f"…{name[-18:]}" for name in names],
        showgrid=False,
        zeroline=False,
    )
    figure.update_xaxes(title={"text": "block", "font": {"size": 12}}, row=3, col=1)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
    paint(figure, theme, height=_HEIGHT, margin=(60, 20, 20, 60))
    figure.update_layout(legend={"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0})
    return figure


def _draw_line(
    rows: pd.DataFrame, blocks: list[str], part: str, name: str, theme: Theme, *, show: bool
) -> go.Scatter:
    group, place = GROUPS[str(rows["group"].iloc[0])], rows["kind"].iloc[0] == PLACE
    colour = theme.faint if place else theme.groups[str(rows["group"].iloc[0])]
    above, below = rows[f"{part}_high"] - rows[part], rows[part] - rows[f"{part}_low"]
    return go.Scatter(
        x=[blocks.index(block) for block in rows["block"]],
        y=rows[part],
        error_y={"type": "data", "array": above, "arrayminus": below, "thickness": 1.2, "width": 0},
        mode="lines+markers" if rows["block"].is_unique else "markers",
        marker={"color": colour, "size": 7, "symbol": "x" if place else SYMBOLS[group.marker]},
        line={"color": colour, "width": 1.2, "dash": "dot" if place else group.dash},
        name=name,
        legendgroup=name,
        showlegend=show,
        text=[_say(row, part) for row in rows.to_dict("records")],
        hovertemplate="%{text}<extra></extra>",
    )


def _say(row: dict[Any, Any], part: str) -> str:
    """What stands beside the mouse."""
    own = ", ".join(f"{row[f'{role}_channels']} {role}" for role in ROLES)
    paired = ", ".join(f"{row[f'pair_{role}_channels']} {role}" for role in ROLES)
    return (
        f"<b>{row['layer']}</b>, {row['group']}: {row['channels']} channels"
        f"<br>{part} {show_real(row[part])}<br>95%: {show_interval(row[f'{part}_low'], row[f'{part}_high'])}"
        f"<br>chance gives less than {show_real(row[f'{part}_null'])} in 95%"
        f"<br>roles: {own}<br>by pairs: {paired}"
    )
