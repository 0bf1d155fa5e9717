"""One method's matrix of INFLUENCE in plotly, small enough to stand beside a clip."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from gst_analysis.figures.influence import TITLES
from gst_analysis.figures.interactive_influence import draw_influence_interactive


def draw_evidence_interactive(
    table: pd.DataFrame, *, method: str = "gradient", dark: bool = False
) -> go.Figure:
    """Which input frames each frame's logit is made of, by one method.

    Args:
        table: INFLUENCE of one checkpoint.
        method: one of the table's.
        dark: for a dark background.
    """
    figure = draw_influence_interactive(table[table["method"] == method], dark=dark)
    figure.update_layout(
        title={"text": f"share of each input frame,<br>by the {TITLES[method]}", "font": {"size": 13}},
        height=400, margin={"l": 60, "r": 10, "t": 60, "b": 50},
    )  # fmt: skip
    figure.layout.annotations = ()  # the method's name, which the title says
    figure.update_yaxes(title="whose logit: output frame")
    return figure
