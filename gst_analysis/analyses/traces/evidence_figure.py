"""What a trace's logits are made of, small enough to stand beside it: shares in, a matrix drawn out."""

from __future__ import annotations

from textwrap import wrap

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from gst_analysis.analyses.traces.evidence import Evidence
from gst_analysis.analyses.traces.story import ClipStory
from gst_analysis.style.share_matrix import draw_shares, list_ticks, say_percent, shows_numbers
from gst_analysis.style.theme import Theme, style_axes

_SIDE, _LARGEST = 1.95, 2.7
"""Inches."""
_LEFT, _RIGHT, _BELOW, _ABOVE = 0.62, 0.2, 0.98, 0.72
_MATRIX, _GAP = 230, 130
"""Pixels of the matrix where it stands below a timeline, and from that down to it."""


def measure_panel(story: ClipStory, height: float) -> tuple[float, float]:
    """The panel's width and the least height of a figure that holds it, in inches; 0 without a panel."""
    if story.evidence is None:
        return 0.0, 0.0
    side = float(np.clip(height - _BELOW - _ABOVE, _SIDE, _LARGEST))
    return _LEFT + side + _RIGHT, side + _BELOW + _ABOVE


def draw_panel(figure: Figure, evidence: Evidence, *, width: float, theme: Theme) -> None:
    """A matrix at the right edge of a strip, below its head.

    Args:
        figure: the strip, which has left room.
        evidence: the story's.
        width: what measure_panel said.
        theme: the figure's.
    """
    wide, tall = figure.get_size_inches()
    side = width - _LEFT - _RIGHT
    left, top = wide - _RIGHT - side, tall - _ABOVE
    axes = figure.add_axes((left / wide, (top - side) / tall, side / wide, side / tall))
    draw_shares(axes, evidence.shares, evidence.reachable, theme, size=5.8)
    style_axes(axes, theme, grid=None)
    ticks = list_ticks(len(evidence.shares))
    axes.set_xticks(ticks)
    axes.set_yticks(ticks)
    axes.tick_params(length=0, labelsize=6.5, pad=2)
    axes.set_xlabel("input frame", fontsize=7, color=theme.ink, labelpad=2)
    axes.set_ylabel(evidence.row, fontsize=7, color=theme.ink, labelpad=2)
    figure.text(
        (left - 0.36) / wide,
        (tall - 0.34) / tall,
        evidence.title,
        fontsize=8.5,
        color=theme.ink,
        va="top",
        fontweight="bold",
    )
    lines = wrap(evidence.words, round(18.5 * (side + 0.36)))
    figure.text(
        (left - 0.36) / wide,
        (top - side - 0.38) / tall,
        "\n".join(lines),
        fontsize=6.5,
        color=theme.ink,
        va="top",
        linespacing=1.2,
    )


def add_matrix(figure: go.Figure, evidence: Evidence, theme: Theme) -> None:
    """Draw the matrix to the right of a timeline of two rows, whose curves make room."""
    figure.update_layout(xaxis_domain=[0, 0.68], xaxis2_domain=[0, 0.68])
    figure.add_trace(_build_heatmap(evidence, theme))
    ticks = {
        "tickvals": list_ticks(len(evidence.shares)),
        "showgrid": False,
        "zeroline": False,
        "constrain": "domain",
    }
    words = "<br>".join(wrap(evidence.words, 52))
    figure.update_layout(
        xaxis3={"domain": [0.76, 1], "anchor": "y3", "title": f"input frame<br><sub>{words}</sub>", **ticks},
        yaxis3={
            "domain": [0.4, 0.96],
            "anchor": "x3",
            "autorange": "reversed",
            "title": evidence.row,
            "scaleanchor": "x3",
            **ticks,
        },
    )
    figure.add_annotation(
        x=0.76,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        text=f"<b>{evidence.title}</b>",
        font={"size": 12, "color": theme.ink},
    )


def move_matrix_below(figure: go.Figure) -> dict[str, object]:
    """What puts the matrix below the timeline, and the legend below both, where a page is narrow.

    Args:
        figure: a timeline with its matrix, which stays as it is.
    """
    whole = figure.layout.height - figure.layout.margin.t - figure.layout.margin.b
    total = whole + _GAP + _MATRIX
    words = 1 + figure.layout.xaxis3.title.text.count("<br>")
    key = sum(
        1 + trace.name.count("<br>") for trace in figure.data if trace.name and trace.showlegend is None
    )
    below = 40 + 16 * words

    def lift(domain: tuple[float, float]) -> list[float]:
        return [1 - (1 - end) * whole / total for end in domain]

    last = len(figure.layout.annotations) - 1  # the matrix's own title came last
    moved: dict[str, object] = {
        "height": figure.layout.height + _GAP + _MATRIX + below + 20 * key - figure.layout.margin.b + 60,
        "margin.b": below + 20 * key + 60,
        "xaxis.domain": [0, 1],
        "xaxis2.domain": [0, 1],
        "xaxis3.domain": [0.12, 0.88],
        "yaxis.domain": lift(figure.layout.yaxis.domain),
        "yaxis2.domain": lift(figure.layout.yaxis2.domain),
        "yaxis3.domain": [0, _MATRIX / total],
        "legend.y": -below / total,
        f"annotations[{last}].x": 0,
        f"annotations[{last}].y": (_MATRIX + 6) / total,
    }
    return moved | {f"shapes[{n}].y0": 1 - whole / total for n in range(len(figure.layout.shapes))}


def _build_heatmap(evidence: Evidence, theme: Theme) -> go.Heatmap:
    """The cells, on axes of their own beside those of the two rows."""
    few = shows_numbers(len(evidence.shares))
    return go.Heatmap(
        z=evidence.shares,
        xaxis="x3",
        yaxis="y3",
        showscale=False,
        zmin=0,
        text=[[say_percent(share) if few else "" for share in row] for row in evidence.shares],
        colorscale=[[0, theme.panel], [1, theme.accent]],
        texttemplate="%{text}",
        customdata=np.where(evidence.reachable, "", "<br>cannot depend on it"),
        hovertemplate="frame %{y}, input frame %{x}<br>%{z:.1%} of what moves the logit%{customdata}"
        "<extra></extra>",
    )
