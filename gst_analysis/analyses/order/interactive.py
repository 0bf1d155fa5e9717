"""ORDER and ORDER_CLASSES in plotly: the rows of figure.py, to hover over."""

from __future__ import annotations

from html import escape

import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.order.figure import (
    KIND_NAMES,
    choose_classes,
    colour_kinds,
    limit_scores,
    name_plot,
    place_classes,
    say_left_out,
)
from gst_analysis.analyses.order.table import IN_ORDER, SHUFFLED, FrameOrder
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import shorten
from gst_analysis.style.screen import break_lines, legend_above, paint, start_figure

_SYMBOLS = {"order": "circle", "still": "square", "clock": "diamond"}


def draw_pages(result: FrameOrder, *, dark: bool = False) -> dict[str, go.Figure]:
    """Every condition; and every class, where one is told how much of it needs order."""
    drawn = {result.stem: draw_order_interactive(result.table, chance=result.summary.chance, dark=dark)}
    if result.classes["temporality"].notna().any():
        drawn["order_classes"] = draw_temporality_interactive(result.classes, dark=dark)
    return drawn


def draw_order_interactive(table: pd.DataFrame, *, chance: float, dark: bool = False) -> go.Figure:
    """The rows of `draw_order`; hovering gives intervals, changes and which frames were shown."""
    theme, figure = theme_of(dark=dark), start_figure()
    names = [break_lines(escape(str(words)), 26) for words in table["shown"]]
    colours = {"in order": theme.accent, **{KIND_NAMES[k]: c for k, c in colour_kinds(theme).items()}}
    groups = ["in order" if row == IN_ORDER else KIND_NAMES[kind] for row, kind in _rows(table)]
    for name, colour in colours.items():
        chosen = [place for place, group in enumerate(groups) if group == name]
        if chosen:
            rows = table.iloc[chosen]
            figure.add_trace(_build_dots(rows, [names[place] for place in chosen], name, colour))
    figure.add_vline(
        float(table["accuracy"].iloc[0]), line={"color": theme.accent, "width": 1.2}, layer="below"
    )
    figure.add_vline(chance, line={"color": theme.faint, "width": 1.2, "dash": "dash"}, layer="below")
    _dress(figure, theme, f"{escape(name_plot(table))}; dashed: chance", len(table))
    figure.update_yaxes(categoryorder="array", categoryarray=names, autorange="reversed")
    figure.update_xaxes(title="clips that are right", range=[-0.02, 1.02])
    return figure


def _rows(table: pd.DataFrame) -> list[tuple[str, str]]:
    return [(str(row), str(kind)) for row, kind in zip(table["condition"], table["kind"], strict=True)]


def _build_dots(rows: pd.DataFrame, names: list[str], name: str, colour: str) -> go.Scatter:
    shown = [f"frames {frames}" if frames else "frames differ from clip to clip" for frames in rows["frames"]]
    told = rows[
        [
            "accuracy_low",
            "accuracy_high",
            "accuracy_change",
            "probability",
            "probability_change",
            "same_answer",
        ]
    ].assign(shown=shown)
    return go.Scatter(
        x=rows["accuracy"],
        y=names,
        name=name,
        mode="markers",
        marker={"color": colour, "size": 9, "symbol": _SYMBOLS[str(rows["kind"].iloc[0])]},
        error_x=_bars(rows, "accuracy", colour),
        customdata=told.to_numpy(dtype=object),
        hovertemplate="<b>%{y}</b><br>%{customdata[6]}<br>"
        "right %{x:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%}), %{customdata[2]:+.1%} in all<br>"
        "true class's probability %{customdata[3]:.3f}, %{customdata[4]:+.3f}<br>"
        "%{customdata[5]:.1%} answered as in order<extra></extra>",
    )


def _bars(rows: pd.DataFrame, column: str, colour: str) -> dict[str, object]:
    """Interval ends as plotly draws them: distances from the dot."""
    return {
        "type": "data",
        "symmetric": False,
        "array": (rows[f"{column}_high"] - rows[column]).to_numpy(),
        "arrayminus": (rows[column] - rows[f"{column}_low"]).to_numpy(),
        "color": colour,
        "thickness": 1.8,
        "width": 0,
    }


def draw_temporality_interactive(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """The rows of `draw_temporality`; hovering gives accuracies and intervals."""
    theme, rows, figure = theme_of(dark=dark), choose_classes(table), start_figure()
    told, places = rows.told, place_classes(rows)
    colour = theme.groups["temporal"]
    numbers = ["in_order", "shuffled", "reversed", "temporality_low", "temporality_high", "clips"]
    figure.add_trace(
        go.Scatter(
            x=told["temporality"],
            y=places,
            mode="markers",
            marker={"color": colour, "size": 8},
            error_x=_bars(told, "temporality", colour),
            customdata=told[numbers].assign(label=[escape(str(label)) for label in told["label"]]).to_numpy(),
            hovertemplate="<b>%{customdata[6]}</b>, %{customdata[5]} clips<br>needs order: %{x:.1%} "
            "(%{customdata[3]:.1%} to %{customdata[4]:.1%})<br>right in order %{customdata[0]:.1%}, "
            "shuffled %{customdata[1]:.1%}, in reverse %{customdata[2]:.1%}<extra></extra>",
        )
    )
    for share in (0, 1):
        figure.add_vline(share, line={"color": theme.faint, "width": 1}, layer="below")
    name = escape(shorten(str(table["checkpoint"].iloc[0]), 44))
    labels = [break_lines(escape(shorten(str(label), 84)), 30) for label in told["label"]]
    lines = max(label.count("<br>") + 1 for label in labels)
    _dress(figure, theme, f"{name}: in order against {SHUFFLED}", len(told) * max(1.0, lines / 2))
    figure.update_yaxes(tickvals=places, ticktext=labels, range=[places[-1] + 0.7, -0.7])
    words = ["above-chance accuracy that needs order", say_left_out(rows)]
    figure.update_xaxes(
        title="<br>".join(break_lines(one, 34) for one in words if one), range=list(limit_scores(told))
    )
    figure.update_layout(margin={"t": 60}, height=figure.layout.height - 20)
    return figure


def _dress(figure: go.Figure, theme: Theme, title: str, rows: float) -> None:
    """Colours, letters and room for so many rows of two lines each."""
    paint(figure, theme, height=165 + 34 * rows, margin=(20, 20, 80, 60))
    words = break_lines(title, 60)
    if len(figure.data) > 1:
        figure.update_layout(legend=legend_above(words))
    else:  # one kind of mark needs no key
        figure.update_layout(title={"text": words, "font": {"size": 13}, "y": 0.98, "yanchor": "top"})
    figure.update_xaxes(tickformat=".0%", gridcolor=theme.grid, zeroline=False, automargin=True)
    figure.update_yaxes(showgrid=False, zeroline=False, automargin=True)
