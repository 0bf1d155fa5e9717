"""Importance to hover over: ratios on one axis, medians on axes that checkpoints share."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gst_analysis.analyses.importance.interactive import draw_importance_interactive, draw_ratios_interactive
from gst_analysis.analyses.importance.words import say_where_scores_part


def make_ratios() -> pd.DataFrame:
    """Two checkpoints of three blocks; in the last block of the second γ and the score part."""
    ratios = {("a", "abs_gamma"): (1, 1, 1), ("a", "invariant"): (2, 0.5, 1)}
    ratios |= {("b", "abs_gamma"): (1, 1, 1), ("b", "invariant"): (1, 1, -1)}
    rows = [
        {"checkpoint": name, "stage": n + 1, "block": f"layer{n + 1}.0", "layer": f"layer{n + 1}.0.bn2"}
        | {"score": score, "source": "closed form", "group": "temporal", "against": "spatial"}
        | {"median": 2.0**value, "against_median": 1.0, "log2_ratio": float(value), "undefined": ""}
        for (name, score), values in ratios.items()
        for n, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def make_scores() -> pd.DataFrame:
    """Two checkpoints of one norm with eight channels."""
    rng = np.random.default_rng(0)
    rows = [
        {"checkpoint": name, "stage": 1, "block": "layer1.0", "layer": "layer1.0.bn2", "group": group}
        | {"channel": channel, "abs_gamma": rng.random(), "invariant": rng.random(), "source": "closed form"}
        for name in ("a", "b")
        for group, channels in (("spatial", range(5)), ("temporal", range(5, 8)))
        for channel in channels
    ]
    return pd.DataFrame(rows)


def test_ratios_of_all_checkpoints_stand_on_one_axis_and_are_told() -> None:
    figure = draw_ratios_interactive(make_ratios())
    assert [trace.y.tolist() for trace in figure.data][1::2] == [[2, 0.5, 1], [1, 1, -1]]
    assert {figure.layout.yaxis.matches, figure.layout.yaxis2.matches} == {None, "y2"}
    assert "4.00 times as much" in figure.data[1].text[0]
    told = say_where_scores_part(make_ratios())
    assert told["b"].endswith(
        "temporal channels stand higher in 2 of 3 blocks; raw γ puts the same side higher in 2 of the 3"
    )
    assert "3 of 3 blocks" in told["a"]
    assert not say_where_scores_part(make_ratios().assign(log2_ratio=np.nan))


def test_columns_share_an_axis_and_marks_are_medians() -> None:
    table = make_scores()
    figure = draw_importance_interactive(table)
    assert (figure.layout.yaxis3.matches, figure.layout.yaxis4.matches) == ("y", "y2")
    own = table[(table["checkpoint"] == "b") & (table["group"] == "temporal")]
    assert [t.y[0] for t in figure.data if t.yaxis == "y4"][1] == own["invariant"].median()
