"""PROFILE in plotly: the lines to hover over, with what each number is and what it would be by chance."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from gst_analysis.analyses.profile.layout import SHARE, Curve, Sheet, lay_out
from gst_analysis.analyses.profile.table import AGREE, DISAGREE, MEASURES, Profile
from gst_analysis.numbers import show_share, show_share_interval
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.screen import break_lines, legend_above, paint, start_figure

_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "D": "diamond",
    "^": "triangle-up",
    "v": "triangle-down",
    "P": "cross",
    "X": "x",
}
_STRIP = 0.05
_ABOVE_STAGES = 1.07
"""Where the legend begins, in heights of the panels: above the names of stages."""
_WORDS = {AGREE: "the measures agree", DISAGREE: "the measures disagree"}


def draw_pages(result: Profile, *, dark: bool = False) -> dict[str, go.Figure]:
    """The picture of `draw_figures`, under the name that it has in print."""
    return {result.stem: draw_profile_interactive(result, dark=dark)}


def draw_profile_interactive(result: Profile, *, dark: bool = False) -> go.Figure:
    """The lines of `draw_profile`; hovering gives a place's numbers, the legend takes lines away."""
    theme, sheet = theme_of(dark=dark), lay_out(result.table, result.agreement)
    rows = max(1, len(sheet.panels))
    figure = start_figure(rows, 1, shared_xaxes=True, vertical_spacing=0.09)
    for row, (name, curves) in enumerate(sheet.panels.items(), start=1):
        for curve in curves:
            for trace in _draw_curve(curve, theme):
                figure.add_trace(trace, row=row, col=1)
        if name == SHARE:
            figure.add_trace(_draw_even(curves[0], theme.ink, "by number of channels"), row=row, col=1)
        figure.update_yaxes(title={"text": name, "font": {"size": 12}}, tickformat=".0%", row=row)
    _mark_agreement(figure, sheet, theme)
    _name_places(figure, sheet, rows, theme)
    # On a telephone the legend has two entries a line, and panels are as high as is left.
    lines = 60 + 15 * sum(bool(trace.name) for trace in figure.data)
    _dress(figure, theme, height=314 + 180 * (rows - 1) + lines)
    return figure


def _draw_curve(curve: Curve, theme: Theme) -> list[go.Scatter]:
    measure = MEASURES[curve.measure]
    colour = measure.choose_colour(theme)
    known = [i for i, low in enumerate(curve.low) if low == low]
    band = go.Scatter(
        x=[curve.x[i] for i in known] + [curve.x[i] for i in reversed(known)],
        y=[curve.high[i] for i in known] + [curve.low[i] for i in reversed(known)],
        fill="toself",
        fillcolor=_fade(colour, 0.14),
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        legendgroup=curve.measure,
        showlegend=False,
    )
    line = go.Scatter(
        x=curve.x,
        y=curve.value,
        mode="lines+markers",
        name=measure.phrase,
        legendgroup=curve.measure,
        line={"color": colour, "width": 1.6},
        marker={"color": colour, "symbol": _SYMBOLS[measure.marker], "size": 8},
        text=[_say(curve, i) for i in range(len(curve.x))],
        customdata=curve.names,
        hovertemplate="%{text}<extra></extra>",
    )
    drawn = [band, line] if len(known) > 1 else [line]
    return drawn if measure.compared else [*drawn, _draw_even(curve, colour)]


def _draw_even(curve: Curve, colour: str, name: str = "") -> go.Scatter:
    return go.Scatter(
        x=curve.x,
        y=curve.even,
        mode="lines",
        name=name,
        legendgroup="even" if name else curve.measure,
        showlegend=bool(name),
        line={"color": colour, "width": 1, "dash": "dot"},
        hoverinfo="skip",
    )


def _say(curve: Curve, i: int) -> str:
    measure = MEASURES[curve.measure]
    share = show_share_interval(curve.value[i], curve.low[i], curve.high[i])
    lines = [f"<b>{curve.names[i]}</b>", f"{measure.share}: {share}"]
    if curve.even[i] == curve.even[i]:
        lines.append(f"{measure.even}: {show_share(curve.even[i])}")
    return "<br>".join(break_lines(line, 48) for line in lines)


def _fade(colour: str, alpha: float) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def _mark_agreement(figure: go.Figure, sheet: Sheet, theme: Theme) -> None:
    """A strip below the first panel: filled where the measures agree, striped where they do not."""
    for verdict, pattern, colour in ((AGREE, "", theme.accent), (DISAGREE, "/", theme.mark)):
        found = [number for number, one in sheet.verdicts.items() if one == verdict]
        if not found:
            continue
        marker: dict[str, Any] = {"color": _fade(colour, 0.55), "line": {"width": 0}}
        if pattern:
            marker = {
                "pattern": {"shape": pattern, "fgcolor": colour, "bgcolor": theme.panel},
                "line": {"width": 0},
            }
        bars = go.Bar(
            x=found,
            y=[1] * len(found),
            width=1,
            marker=marker,
            name=_WORDS[verdict],
            yaxis="y9",
            hovertemplate=f"{_WORDS[verdict]}<extra></extra>",
        )
        figure.add_trace(bars)
    if sheet.verdicts:
        low = figure.layout.yaxis.domain[0]
        strip = {"domain": [low - _STRIP, low - 0.01], "visible": False, "range": [0, 1], "fixedrange": True}
        figure.update_layout(yaxis9={**strip, "anchor": "x"})


def _name_places(figure: go.Figure, sheet: Sheet, rows: int, theme: Theme) -> None:
    count = max(1, len(sheet.names) or len(sheet.stages))
    every = -(-count // 24)
    ticks = list(range(0, len(sheet.names), every))
    figure.update_xaxes(
        range=[-0.5, count - 0.5],
        tickvals=ticks,
        ticktext=[sheet.names[i] for i in ticks],
        title={"text": "place, in order of depth" if sheet.names else "stage"},
        row=rows,
    )
    for stage, (left, right) in sheet.stages.items():
        figure.add_annotation(
            x=(left + right) / 2,
            y=1,
            yref="y domain",
            yanchor="bottom",
            text=f"stage {stage}",
            showarrow=False,
            font={"size": 11, "color": theme.faint},
        )
        if left > 0:
            figure.add_vline(x=left, line={"color": theme.faint, "width": 0.7}, opacity=0.6)


def _dress(figure: go.Figure, theme: Theme, *, height: int) -> None:
    paint(figure, theme, height=height, margin=(64, 16, 40, 50))
    # Tied to the panels, it takes from the figure as many lines as it has at that width, and no more.
    tied = {"yref": "paper", "y": _ABOVE_STAGES, "yanchor": "bottom"}
    figure.update_layout(bargap=0, legend={**legend_above(), **tied})
    figure.update_xaxes(gridcolor=theme.grid, zeroline=False, showgrid=False)
    figure.update_yaxes(gridcolor=theme.grid, zerolinecolor=theme.grid)
