"""What hovers over checkpoints side by side: numbers where they belong, each in its own look."""

from __future__ import annotations

import numpy as np

from gst_analysis.analyses.comparison.interactive import (
    draw_overlays_interactive,
    draw_ridgelines_interactive,
)
from gst_analysis.analyses.scales.gaps_interactive import draw_gaps_interactive
from gst_analysis.style.colours import DARK, LIGHT
from gst_analysis.style.palette import list_looks
from tests.analyses.comparison.test_figure import make_scales
from tests.analyses.scales.test_gap_figure import make_gaps


def test_gaps_stand_at_their_blocks_with_their_intervals_and_say_if_they_may_be_chance() -> None:
    table = make_gaps(("one", "two"))
    figure = draw_gaps_interactive(table)
    for trace, look, (name, rows) in zip(
        figure.data, list_looks(2, LIGHT), table.groupby("checkpoint", sort=False), strict=True
    ):
        assert trace.name == name
        np.testing.assert_allclose(trace.y, rows["gap"])
        np.testing.assert_allclose(np.round(trace.x), range(len(rows)))
        known = np.isfinite(rows["gap_high"])
        np.testing.assert_allclose(
            (trace.y + trace.error_y.array)[known], np.maximum(rows["gap"], rows["gap_high"])[known]
        )
        assert (trace.line.color, trace.line.dash) == (look.colour, look.dash)
        filled = [colour == look.colour for colour in trace.marker.color]
        assert filled == [p < 0.05 for p in rows["auc_p_holm"]]
        assert ["more than chance" in text for text in trace.text] == filled


def test_overlays_are_shares_of_the_same_channels_and_ridges_mark_the_medians() -> None:
    table = make_scales(("one", "<two>"))
    figure = draw_overlays_interactive(table, by="stage", dark=True)
    part = table[(table["checkpoint"] == "one") & (table["stage"] == 1) & (table["group"] == "temporal")]
    (curve,) = [t for t in figure.data if t.name == "one" and t.xaxis == "x2"]
    np.testing.assert_allclose(curve.x[1:], np.sort(part["gamma"]))
    np.testing.assert_allclose(curve.y, [0, 25, 50, 75, 100])
    assert curve.line.color == list_looks(2, DARK)[0].colour
    assert sum(bool(trace.showlegend) for trace in figure.data) == 2
    assert {trace.name for trace in figure.data} == {"one", "&lt;two&gt;"}
    ridges = draw_ridgelines_interactive(table)
    marks = [trace for trace in ridges.data if trace.mode == "markers"]
    assert float(part["gamma"].median()) in [trace.x[0] for trace in marks]
    assert len(marks) == 8
