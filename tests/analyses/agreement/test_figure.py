"""The figure of score agreement shows what its table says, and names what has no correlation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gst_analysis.analyses.ablation.table import CAUSAL_MEASURES, INTERVENTIONS
from gst_analysis.analyses.agreement.figure import draw_score_agreement
from gst_analysis.analyses.agreement.table import SCORE_AGREEMENT
from gst_analysis.style.theme import DARK, LIGHT
from gst_analysis.tables.schema import check


def make_agreement() -> pd.DataFrame:
    rows = [
        {
            "checkpoint": name,
            "score": score,
            "aggregate": how,
            "intervention": kind,
            "measure": measure,
            "checkpoints": 1,
            "units": 16,
            "spearman": value,
            "low": value - 0.2,
            "high": value + 0.1,
        }
        for name in ("one", "two", "all")
        for score, value in (("gamma", 0.1), ("taylor", 0.8), ("invariant", np.nan))
        for how in ("mean", "sum")
        for kind in INTERVENTIONS
        for measure in CAUSAL_MEASURES
    ]
    return check(pd.DataFrame(rows), SCORE_AGREEMENT)


@pytest.mark.parametrize("dark", [False, True])
def test_agreement_shows_means_and_names_what_is_not_defined(dark: bool) -> None:
    figure = draw_score_agreement(make_agreement(), dark=dark)
    theme = DARK if dark else LIGHT
    for axes in figure.axes:
        marks = [box[0] for box in axes.containers]
        assert [float(mark.get_xdata()[0]) for mark in marks] == [0.1, 0.8]
        assert {mark.get_color() for mark in marks} == {theme.accent}
        assert [text.get_text() for text in axes.texts] == ["not defined"]
