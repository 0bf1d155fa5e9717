"""On screen drift shows what it shows in print, from the same tables."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from gst_analysis.analyses.drift.figure import draw_drift, draw_figures, draw_start_against_now
from gst_analysis.analyses.drift.interactive import draw_pages
from gst_analysis.analyses.drift.measure import summarise_layers
from gst_analysis.analyses.drift.starts_interactive import (
    draw_drift_interactive,
    draw_start_against_now_interactive,
)
from tests.untyped import untyped


def make_drift() -> pd.DataFrame:
    """DRIFT of two layers with eight channels of each group; every second channel moved."""
    rows = [
        {"checkpoint": "one", "position": 3.0, "stage": stage, "block": f"layer{stage}.0"}
        | {"layer": f"layer{stage}.0.bn2", "group": group, "channel": channel}
        | {"start": 1 + 0.1 * channel, "inherited": group == "spatial"}
        | {"change": move * (channel % 2), "unmoved": not channel % 2}
        for stage in (1, 2)
        for group, move in (("spatial", -0.2 * stage), ("temporal", 0.3))
        for channel in range(8)
    ]
    table = pd.DataFrame(rows)
    return table.assign(gamma=table["start"] + table["change"])


def make_layers() -> pd.DataFrame:
    return summarise_layers(make_drift())


@pytest.mark.parametrize("dark", [False, True])
def test_medians_and_shares_on_screen_are_those_in_print(dark: bool) -> None:
    left, right = draw_drift(make_drift(), make_layers(), tolerance=0.05, dark=dark).axes[:2]
    figure = draw_drift_interactive(make_drift(), make_layers(), tolerance=0.05, dark=dark)
    marks = [c for c in left.collections if isinstance(c, PathCollection)]
    drawn = [one for one in figure.data if one.type == "scatter"]
    printed = [untyped(one.get_offsets()) for one in marks]
    assert len(printed) == len(drawn) == 2
    for one, other in zip(drawn, printed, strict=True):
        np.testing.assert_allclose(np.stack([one.x, one.y], axis=1), other)
        reach = zip(one.error_y["arrayminus"], one.error_y["array"], strict=True)
        assert all(low >= 0 and high >= 0 and low + high > 0 for low, high in reach)
    bars = [bar.get_height() for box in right.containers for bar in box]
    assert [y for one in figure.data if one.type == "bar" for y in one.y] == pytest.approx(bars)
    assert "1.0" in figure.layout.xaxis2.ticktext[0]


def test_every_channel_stands_where_it_does_in_print() -> None:
    figure = draw_start_against_now_interactive(make_drift(), origin="weights <b>of</b> before")
    panels = draw_start_against_now(make_drift()).axes[:2]
    printed = [untyped(c.get_offsets()) for axes in panels for c in axes.collections]
    shown = [np.stack([one.x, one.y], axis=1) for one in figure.data if one.mode == "markers"]
    rows = [sorted(map(tuple, np.round(np.concatenate(part), 6).tolist())) for part in (shown, printed)]
    assert rows[0] == rows[1]
    assert any("-open" in mark for one in figure.data if one.mode == "markers" for mark in one.marker.symbol)
    assert "<b>of" not in figure.layout.legend.title.text


def test_each_printed_figure_has_one_on_screen() -> None:
    summary = SimpleNamespace(origin="x", axis="epoch", tolerance=0.05)
    result: Any = SimpleNamespace(table=make_drift(), layers=make_layers(), summary=summary)
    assert set(draw_pages(result)) == set(draw_figures(result)) == {"drift", "start_against_now"}
