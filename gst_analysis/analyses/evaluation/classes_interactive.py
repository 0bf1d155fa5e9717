"""CLASS_ACCURACY in plotly: a dot with its interval for every class, the worst first."""

from __future__ import annotations

from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.evaluation.table import CLASS_ACCURACY
from gst_analysis.style.colours import Theme, theme_of
from gst_analysis.style.names import shorten
from gst_analysis.style.screen import break_lines, paint, start_figure
from gst_analysis.tables.schema import check

_FEW = 24
"""Classes that stand in lines of full height."""


def draw_classes_interactive(table: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Every class that has clips, from the least to the most often right, with its 95% interval.

    The upright line is the mean over classes; hovering names class, clips and interval.
    """
    theme, figure = theme_of(dark=dark), start_figure()
    seen = check(table, CLASS_ACCURACY)
    seen = seen[seen["clips"] > 0].sort_values(["accuracy", "class_id"], kind="stable")
    few = len(seen) <= _FEW
    figure.add_trace(_build_dots(seen, theme, size=9 if few else 5))
    mean = float(seen["accuracy"].mean())
    figure.add_vline(mean, line={"color": theme.faint, "width": 1.2, "dash": "dash"}, layer="below")
    lines = [break_lines(escape(shorten(str(name), 60)), 26) for name in seen["label"]]
    short = [escape(shorten(str(name), 26)) for name in seen["label"]]
    step = 16 + 14 * max(1 + name.count("<br>") for name in lines) if few else 13
    paint(figure, theme, height=110 + step * len(seen), margin=(20, 20, 30, 60))
    figure.update_xaxes(
        title="clips that are right<br>dashed: mean over classes",
        range=[-0.02, 1.02],
        tickformat=".0%",
        gridcolor=theme.grid,
        zeroline=False,
    )
    figure.update_yaxes(
        tickvals=np.arange(len(seen)),
        ticktext=lines if few else short,
        tickfont={"size": 12 if few else 9},
        range=[len(seen) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
        automargin=True,
    )
    return figure


def _build_dots(seen: pd.DataFrame, theme: Theme, *, size: int) -> go.Scatter:
    told = seen[["correct", "clips", "accuracy_low", "accuracy_high", "predicted"]]
    labels = [escape(str(label)) for label in seen["label"]]
    return go.Scatter(
        x=seen["accuracy"],
        y=np.arange(len(seen)),
        mode="markers",
        showlegend=False,
        marker={"color": theme.accent, "size": size},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": (seen["accuracy_high"] - seen["accuracy"]).to_numpy(),
            "arrayminus": (seen["accuracy"] - seen["accuracy_low"]).to_numpy(),
            "color": theme.accent,
            "thickness": 1.5,
            "width": 0,
        },
        customdata=told.assign(label=labels).to_numpy(dtype=object),
        hovertemplate="<b>%{customdata[5]}</b><br>%{customdata[0]} of %{customdata[1]} right: %{x:.0%} "
        "(%{customdata[2]:.0%} to %{customdata[3]:.0%})<br>%{customdata[4]} clips were taken for it"
        "<extra></extra>",
    )
