"""Figures of many checkpoints: every number of the table is drawn, and nothing that is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gst_analysis.analyses.comparison.figure import draw_overlays, draw_ridgelines, estimate_density
from gst_analysis.style.colours import GROUP_COLOURS
from tests.analyses.scales.test_gap_figure import drawn_numbers
from tests.untyped import untyped


def make_scales(names: tuple[str, ...] = ("one", "two"), group: str | None = None) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = [
        {
            "checkpoint": name,
            "stage": s,
            "block": f"layer{s}.0",
            "layer": f"layer{s}.0.bn2",
            "group": group or ("spatial" if c < 12 else "temporal"),
            "channel": c,
            "gamma": rng.normal(1, 0.3),
        }
        for name in names
        for s in (1, 2)
        for c in range(16)
    ]
    table = pd.DataFrame(rows)
    return table.assign(share=1.0, importance=table["gamma"].abs())


def test_overlays_are_cumulative_shares() -> None:
    table = make_scales()
    figure = draw_overlays(table, by="stage")
    axes = figure.axes[1]  # stage 1, temporal
    values = table[(table["stage"] == 1) & (table["group"] == "temporal") & (table["checkpoint"] == "two")]
    x, y = untyped(axes.lines[1].get_data())
    np.testing.assert_allclose(np.sort(values["gamma"]), x[1:])
    np.testing.assert_allclose(y[1:], [0.25, 0.5, 0.75, 1])
    colours = [axes.title.get_color() for axes in figure.axes[:2]]
    assert colours == [GROUP_COLOURS["spatial"], GROUP_COLOURS["temporal"]]


def test_a_density_has_an_area_of_one_and_a_peak_where_all_are_equal() -> None:
    at = np.linspace(-3, 5, 240)
    rng = np.random.default_rng(0)
    for values in (rng.normal(1, 0.4, 500), np.full(8, 1.0), np.array([1.0])):
        density = estimate_density(values, at)
        assert density.sum() * (at[1] - at[0]) == pytest.approx(1, abs=0.01)
        assert at[density.argmax()] == pytest.approx(1.0, abs=0.25)


def test_ridges_stand_in_order_with_their_medians() -> None:
    table = make_scales(("first", "second", "third"))
    axes = draw_ridgelines(table).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == ["third", "second", "first"]
    rows = table[(table["checkpoint"] == "first") & (table["stage"] == 1) & (table["group"] == "temporal")]
    ticks = [untyped(line.get_xydata()) for line in axes.lines if line.get_linewidth() == 1.8]
    assert any(
        np.allclose(tick[:, 0], rows["gamma"].median()) and tick[0, 1] == pytest.approx(1.88)
        for tick in ticks
    )


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 12, 50])
def test_any_number_of_checkpoints_is_drawn(count: int) -> None:
    names = tuple(f"checkpoint number {i:02d} with quite a long name" for i in range(count))
    figure = draw_overlays(make_scales(names))
    (legend,) = figure.legends
    assert len(legend.get_texts()) == (6 if count > 10 else count)
    assert len(figure.axes[0].lines) == count
    for table in (make_scales(names), make_scales(names, group="all"), make_scales(names).assign(gamma=0.0)):
        figure = draw_ridgelines(table)
        assert np.isfinite(drawn_numbers(figure)).all()
