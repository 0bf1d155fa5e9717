"""PROFILE of several networks in plotly: the figures of `draw_figures`, to hover over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import plotly.graph_objects as go

from gst_analysis.analyses.profile.table import MEASURES
from gst_analysis.analyses.profile_comparison.figure import MOST_BANDED, Curves
from gst_analysis.analyses.profile_comparison.layout import (
    LONGEST,
    Depth,
    Strand,
    lay_out_map,
    list_costed,
    list_lines,
    list_shared,
    list_strands,
    name_line,
    name_map,
)
from gst_analysis.analyses.profile_comparison.maps import MACS, choose_colours
from gst_analysis.analyses.profile_comparison.table import ProfileComparison
from gst_analysis.numbers import show_count, show_share, show_share_interval
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import tell_apart
from gst_analysis.style.palette import LONGEST_NAME, MARKERS, SYMBOLS, list_looks
from gst_analysis.style.screen import dress_figure, legend_above, start_figure

_LEGEND_ROW = 20
_PANEL = 170
_ABOVE_PANELS = 26
"""Pixels, in which the title of the first panel stands."""
_BAR = {"len": 150, "lenmode": "pixels", "y": 1, "yanchor": "top", "thickness": 12}


def draw_pages(result: ProfileComparison, *, dark: bool = False) -> dict[str, go.Figure]:
    """The figures of `draw_figures`, under the names that they have in print."""
    drawn: dict[str, Callable[..., go.Figure]] = {
        "profiles": draw_over_interactive,
        "profiles_apart": draw_apart_interactive,
        "profile_differences": draw_differences_interactive,
        "profile_map": draw_map_interactive,
        "profile_costs": draw_costs_interactive,
    }
    return {name: draw(result, dark=dark) for name, draw in drawn.items()}


def draw_over_interactive(result: ProfileComparison, *, dark: bool = False) -> go.Figure:
    """A panel a line, a curve a network; the legend takes networks away."""
    curves = Curves.of(result, dark=dark)
    lines = list_lines(result.table)
    strands = {line: list_strands(result.table, line, curves.depth, curves.names) for line in lines}
    return _draw_panels(strands, curves, zero=False)


def draw_differences_interactive(result: ProfileComparison, *, dark: bool = False) -> go.Figure:
    """A panel a line: each network's share less the reference's."""
    curves, table = Curves.of(result, dark=dark), result.differences
    strands = {
        line: list_strands(table, line, curves.depth, curves.names, "difference")
        for line in list_lines(table)
    }
    return _draw_panels(strands, curves, zero=True)


def _draw_panels(panels: Mapping[str, list[Strand]], curves: Curves, *, zero: bool) -> go.Figure:
    rows = max(1, len(panels))
    figure = start_figure(
        rows, 1, shared_xaxes=True, vertical_spacing=0.22 / rows, subplot_titles=[*map(name_line, panels)]
    )
    named: set[str] = set()
    shown = dict(zip(curves.names, tell_apart(curves.names, LONGEST_NAME), strict=True))
    for row, strands in enumerate(panels.values(), start=1):
        for strand in strands:
            for trace in _draw_strand(strand, shown[strand.name], curves):
                if trace.name:
                    trace.showlegend = strand.name not in named
                    named.add(strand.name)
                figure.add_trace(trace, row=row, col=1)
        if zero:
            figure.add_hline(0, line={"color": curves.theme.ink, "width": 1}, row=row, col=1)
    _dress(figure, curves.theme, height=_PANEL * rows, names=len(curves.names))
    figure.update_yaxes(tickformat="+.0%" if zero else ".0%")
    name_depth(figure, curves.depth, curves.theme)
    return figure


def _draw_strand(strand: Strand, shown: str, curves: Curves) -> list[go.Scatter]:
    look = curves.looks[strand.name]
    line = go.Scatter(
        x=strand.x,
        y=strand.value,
        mode="lines+markers",
        name=escape(shown),
        legendgroup=strand.name,
        line={"color": look.colour, "dash": look.dash, "width": 1.6},
        marker={"color": look.colour, "symbol": look.symbol, "size": 7},
        text=[_say(strand, shown, i) for i in range(len(strand.x))],
        hovertemplate="%{text}<extra></extra>",
    )
    if len(curves.names) <= MOST_BANDED:
        # Filled bands would hide each other's points: an upright line at each does not.
        above = [high - value for high, value in zip(strand.high, strand.value, strict=True)]
        below = [value - low for low, value in zip(strand.low, strand.value, strict=True)]
        line.error_y = {"array": above, "arrayminus": below, "width": 0, "thickness": 1}
    even = go.Scatter(
        x=strand.x,
        y=strand.even,
        mode="lines",
        legendgroup=strand.name,
        showlegend=False,
        line={"color": look.colour, "width": 1, "dash": "dot"},
        opacity=0.7,
        hoverinfo="skip",
    )
    return [line, even]


def _say(strand: Strand, shown: str, i: int) -> str:
    share = show_share_interval(strand.value[i], strand.low[i], strand.high[i])
    even = (
        f"<br>by channels or chance: {show_share(strand.even[i])}" if strand.even[i] == strand.even[i] else ""
    )
    return f"<b>{escape(strand.where[i])}</b>, {escape(shown)}<br>{share}{even}"


def name_depth(figure: go.Figure, depth: Depth, theme: Theme) -> None:
    """Ticks of places, or of stages, and lines between stages."""
    ticks = list(depth.ticks)
    every = max(1, -(-len(ticks) // 16))
    figure.update_xaxes(
        tickvals=ticks[::every],
        ticktext=[depth.ticks[x] for x in ticks[::every]],
        range=[-0.5, max(0.5, len(depth.stages) - 0.5)],
        showgrid=False,
        zeroline=False,
    )
    for border in range(1, len(depth.stages)):
        figure.add_vline(x=border - 0.5, line={"color": theme.faint, "width": 0.7}, opacity=0.6)


def draw_apart_interactive(result: ProfileComparison, *, dark: bool = False) -> go.Figure:
    """A panel a network, a curve a line; the legend takes lines away."""
    curves, count = Curves.of(result, dark=dark), max(1, len(result.names))
    columns = 1 if count == 1 else 2
    rows = -(-count // columns)
    figure = start_figure(
        rows,
        columns,
        shared_xaxes="all",
        shared_yaxes="all",
        vertical_spacing=0.25 / rows,
        horizontal_spacing=0.03,
        subplot_titles=[escape(name) for name in tell_apart(result.names, LONGEST)],
    )
    lines = list_lines(result.table)
    named: set[str] = set()
    for number, name in enumerate(result.names):
        for measure in lines:
            for strand in list_strands(result.table, measure, curves.depth, [name]):
                trace = _draw_line(strand, measure, curves.theme)
                trace.showlegend = measure not in named
                named.add(measure)
                figure.add_trace(trace, row=number // columns + 1, col=number % columns + 1)
    _dress(figure, curves.theme, height=190 * rows, names=len(lines))
    figure.update_yaxes(tickformat=".0%", range=[-0.04, 1.04])
    name_depth(figure, curves.depth, curves.theme)
    return figure


def _draw_line(strand: Strand, measure: str, theme: Theme) -> go.Scatter:
    one = MEASURES[measure]
    colour = one.choose_colour(theme)
    return go.Scatter(
        x=strand.x,
        y=strand.value,
        mode="lines+markers",
        name=one.phrase,
        legendgroup=measure,
        line={"color": colour, "width": 1.4},
        marker={"color": colour, "symbol": SYMBOLS[MARKERS.index(one.marker)], "size": 6},
        text=[f"{one.phrase}<br>{_say(strand, strand.name, i)}" for i in range(len(strand.x))],
        hovertemplate="%{text}<extra></extra>",
    )


def draw_map_interactive(result: ProfileComparison, *, dark: bool = False) -> go.Figure:
    """A panel a line, a row a network, a column a place; colour is what lies above its part."""
    theme, lines = theme_of(dark=dark), list_shared(result.table, list(MEASURES))
    maps = {measure: lay_out_map(result, measure) for measure in lines}
    rows, tall = max(1, len(lines)), 54 + 24 * len(result.names)
    figure = start_figure(
        rows,
        1,
        shared_xaxes=True,
        vertical_spacing=38 / (tall * rows),
        subplot_titles=[name_map(measure, cells) for measure, cells in maps.items()],
    )
    colours = [[i / 2, colour] for i, colour in enumerate(choose_colours(theme))]
    for row, (measure, cells) in enumerate(maps.items(), start=1):
        heat = go.Heatmap(
            z=cells.excess / cells.reach,
            x=list(cells.columns),
            y=[escape(name) for name in cells.rows],
            customdata=[[show_share(value) for value in one] for one in cells.share],
            text=[["•" if sure else "" for sure in one] for one in cells.sure],
            texttemplate="%{text}",
            colorscale=colours,
            zmin=-1,
            zmax=1,
            xgap=1,
            ygap=1,
            showscale=row == 1,
            colorbar={"tickvals": [-1, 0, 1], "ticktext": ["less", "its part", "more"], **_BAR},
            hovertemplate=f"<b>%{{x}}</b>, %{{y}}<br>{name_line(measure)}: %{{customdata}}<extra></extra>",
        )
        figure.add_trace(heat, row=row, col=1)
    dress_figure(figure, theme, height=60 + tall * rows, top=40)
    figure.update_layout(plot_bgcolor=theme.grid)  # what is not defined shows through
    figure.update_yaxes(autorange="reversed", showgrid=False, automargin=True)
    figure.update_xaxes(showgrid=False, type="category")
    return figure


def draw_costs_interactive(result: ProfileComparison, *, dark: bool = False) -> go.Figure:
    """A panel a line: each network as a whole, against its multiply-adds."""
    theme, lines = theme_of(dark=dark), list_costed(result)
    rows = max(1, len(lines))
    figure = start_figure(
        rows, 1, shared_xaxes=True, vertical_spacing=0.22 / rows, subplot_titles=[*map(name_line, lines)]
    )
    shown = dict(zip(result.names, tell_apart(result.names, LONGEST_NAME), strict=True))
    named: set[str] = set()
    for row, measure in enumerate(lines, start=1):
        for name, look in zip(result.names, list_looks(len(result.names), theme), strict=True):
            own = result.networks[
                (result.networks["measure"] == measure) & (result.networks["checkpoint"] == name)
            ]
            for one in own[own["macs"].notna()].to_dict("records"):
                trace = _draw_cost(one, shown[name])
                trace.marker = {"color": look.colour, "symbol": look.symbol, "size": 10}
                trace.showlegend = name not in named
                named.add(name)
                figure.add_trace(trace, row=row, col=1)
    _dress(figure, theme, height=_PANEL * rows, names=len(shown))
    figure.update_yaxes(tickformat=".0%")
    figure.update_xaxes(title={"text": MACS}, row=rows)
    return figure


def _draw_cost(row: Mapping[object, float], shown: str) -> go.Scatter:
    share = show_share_interval(row["value"], row["low"], row["high"])
    even = f"<br>by channels or chance: {show_share(row['even'])}" if row["even"] == row["even"] else ""
    return go.Scatter(
        x=[row["macs"]],
        y=[row["value"]],
        error_y={
            "array": [row["high"] - row["value"]],
            "arrayminus": [row["value"] - row["low"]],
            "width": 0,
        },
        mode="markers",
        name=escape(shown),
        legendgroup=shown,
        text=[f"<b>{escape(shown)}</b>, {show_count(row['macs'])} multiply-adds<br>{share}{even}"],
        hovertemplate="%{text}<extra></extra>",
    )


def _dress(figure: go.Figure, theme: Theme, *, height: int, names: int) -> None:
    # On a telephone the legend has one or two entries a line. Tied to the panels it takes as many lines as it
    # has at that width, and panels get what it leaves.
    lines = _LEGEND_ROW * -(-names // 2)
    dress_figure(figure, theme, height=height + lines + 96, top=40)
    above = {"yref": "paper", "y": 1 + _ABOVE_PANELS / height, "yanchor": "bottom"}
    figure.update_layout(legend={**legend_above(), **above})
