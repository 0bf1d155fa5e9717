"""IMPORTANCE and GROUP_IMPORTANCE in plotly: time against space by γ, and by the score γ cannot move."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.importance.table import Importance
from gst_analysis.analyses.scales.meetings import find_meetings
from gst_analysis.groups import GROUPS, order_groups
from gst_analysis.numbers import show_real
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import GROUP_NAMES, name_block, shorten_layers, tell_apart
from gst_analysis.style.screen import SYMBOLS, break_lines, dress_figure, start_figure

SCORES: Mapping[str, str] = {"abs_gamma": "raw scale |γ|", "invariant": "invariant score"}
_PANEL = 210
_LONGEST = 44
"""Letters of a panel's title that find room on a telephone."""


def draw_pages(result: Importance, *, dark: bool = False) -> dict[str, go.Figure]:
    """The scores of both groups side by side; and how many times one is the other, where that is defined."""
    drawn = {result.stem: draw_importance_interactive(result.table, dark=dark)}
    known = result.groups[result.groups["log2_ratio"].notna() & result.groups["score"].isin(list(SCORES))]
    if len(known):
        drawn["importance_ratio"] = draw_ratios_interactive(known, dark=dark)
    return drawn


def draw_ratios_interactive(groups: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """A panel a checkpoint: log2 of the one group's median over the other's, by γ and by the invariant score.

    Both are on one axis, which is that of all checkpoints: 1 is twice as much, -1 is half as much.

    Args:
        groups: rows of GROUP_IMPORTANCE that have a ratio.
        dark: draw for a dark background.
    """
    theme, rows = theme_of(dark=dark), _prefer_measured(groups)
    names = list(dict.fromkeys(rows["checkpoint"]))
    once = not rows.duplicated(["checkpoint", "score", "block"]).any()
    rows = rows.assign(place=rows["block"] if once else rows["layer"])
    places = list(dict.fromkeys(rows["place"]))
    titles = [escape(name) for name in tell_apart(names, _LONGEST)]
    figure = start_figure(
        len(names),
        1,
        shared_xaxes="all",
        shared_yaxes="all",
        subplot_titles=titles,
        vertical_spacing=0.3 / max(3, len(names)),
    )
    for row, name in enumerate(names, start=1):
        for score in SCORES:
            own = rows[(rows["checkpoint"] == name) & (rows["score"] == score)]
            trace = _build_ratios(own, score, [places.index(place) for place in own["place"]], theme)
            figure.add_trace(trace.update(showlegend=row == 1), row=row, col=1)
    dress_figure(figure, theme, height=130 + _PANEL * len(names))
    group, against = rows["group"].iloc[0], rows["against"].iloc[0]
    figure.update_yaxes(title=f"log₂ {group} ⁄ {against}", zerolinewidth=1.5)
    figure.update_xaxes(tickvals=list(range(len(places))), ticktext=shorten_layers(places))
    figure.update_xaxes(showgrid=False, zeroline=False)
    figure.update_xaxes(title="block", row=len(names))
    return figure


def _build_ratios(rows: pd.DataFrame, score: str, at: list[int], theme: Theme) -> go.Scatter:
    told = [
        f"<b>{escape(name_block(str(row['place'])))}</b>, {SCORES[score]}<br>{row['group']}: median "
        f"{show_real(row['median'])}<br>{row['against']}: {show_real(row['against_median'])}<br>"
        f"{2 ** row['log2_ratio']:.2f} times as much"
        for row in rows.to_dict("records")
    ]
    raw = score == "abs_gamma"
    return go.Scatter(
        x=at,
        y=rows["log2_ratio"],
        mode="lines+markers",
        name=f"{SCORES[score]}{', movable by a rescaling' if raw else ', which no rescaling moves'}",
        legendgroup=score,
        line={
            "color": theme.faint if raw else theme.accent,
            "dash": "dot" if raw else "solid",
            "width": 1.5 if raw else 2.5,
        },
        marker={"size": 8, "symbol": "circle-open" if raw else "circle"},
        text=told,
        hovertemplate="%{text}<extra></extra>",
    )


def draw_importance_interactive(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """The panels of `draw_importance`: a column's axis is that of all checkpoints, as far as marks reach."""
    theme, shown = theme_of(dark=dark), _prefer_measured(table)
    names = list(dict.fromkeys(shown["checkpoint"]))
    short = tell_apart(names, _LONGEST // 2)
    figure = start_figure(
        len(names),
        2,
        column_titles=list(SCORES.values()),
        vertical_spacing=0.3 / max(3, len(names)),
        horizontal_spacing=0.12,
    )
    listed: set[str] = set()
    for r, name in enumerate(names, start=1):
        rows = shown[shown["checkpoint"] == name]
        rows = rows.assign(place=find_meetings(rows).place)
        places = list(dict.fromkeys(rows["place"]))
        for c, score in enumerate(SCORES, start=1):
            for group in order_groups(rows["group"]):
                trace = _build_medians(rows[rows["group"] == group], score, group, theme, places)
                if trace is not None:
                    trace.showlegend = group not in listed
                    listed.add(group)
                    figure.add_trace(trace, row=r, col=c)
        figure.update_xaxes(tickvals=list(range(len(places))), ticktext=shorten_layers(places), row=r)
        title = {"text": break_lines(escape(short[r - 1]), 18), "font": {"size": 11}}
        figure.update_yaxes(title=title, row=r, col=1)
    dress_figure(figure, theme, height=150 + _PANEL * len(names), top=100)
    for r in range(2, len(names) + 1):  # the first row's own axes cannot follow themselves
        figure.update_yaxes(matches="y", row=r, col=1)
        figure.update_yaxes(matches="y2", row=r, col=2)
    figure.update_xaxes(showgrid=False, zeroline=False, autotickangles=[0, -90], tickfont_size=10)
    figure.update_yaxes(zeroline=False)
    return figure


def _build_medians(
    rows: pd.DataFrame, score: str, group: str, theme: Theme, places: list[str]
) -> go.Scatter | None:
    """A group's medians with its middle half as bars; None where the score is not defined for it."""
    known = rows[np.isfinite(rows[score])]
    if known.empty:
        return None
    middle = known.groupby("place", sort=False)[score].quantile([0.25, 0.5, 0.75]).unstack()
    aside = 0.14 * (1 if GROUPS[group].dash == "dash" else -1)
    told = [
        f"<b>{escape(name_block(str(place)))}</b><br>{GROUP_NAMES[group]}: median {show_real(row[0.5])}<br>"
        f"middle half {show_real(row[0.25])} to {show_real(row[0.75])}"
        for place, row in middle.iterrows()
    ]
    return go.Scatter(
        x=[places.index(str(place)) + aside for place in middle.index],
        y=middle[0.5],
        error_y={
            "array": middle[0.75] - middle[0.5],
            "arrayminus": middle[0.5] - middle[0.25],
            "width": 0,
            "thickness": 2.5,
        },
        mode="markers",
        name=GROUP_NAMES[group],
        legendgroup=group,
        marker={"color": theme.groups[group], "size": 8, "symbol": SYMBOLS[GROUPS[group].marker]},
        text=told,
        hovertemplate="%{text}<extra></extra>",
    )


def _prefer_measured(table: pd.DataFrame) -> pd.DataFrame:
    """Scores measured on clips where there are any, else the closed form."""
    measured = table["source"] == "measured"
    return table[measured] if measured.any() else table
