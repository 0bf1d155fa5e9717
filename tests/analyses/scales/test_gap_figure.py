"""Figures of gaps: every number of the table is drawn, and nothing that is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from gst_analysis.analyses.scales.gap_figure import draw_gaps
from gst_analysis.analyses.scales.gap_map import draw_gap_map
from gst_analysis.style.palette import list_colours
from gst_analysis.style.theme import DARK, LIGHT
from tests.untyped import untyped


def make_gaps(names: tuple[str, ...] = ("one", "two"), blocks: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        {
            "checkpoint": name,
            "stage": b + 1,
            "block": f"layer{b + 1}.0",
            "layer": f"layer{b + 1}.0.bn2",
            "level": "layer",
            "depth": b / (blocks - 1),
            "group": "temporal",
            "against": "spatial",
            "gap": gap,
            "gap_low": gap - 0.2,
            "gap_high": gap + 0.3,
            "auc_p_holm": 0.01 if b == 2 else 0.5,
            "undefined": "",
        }
        for name in names
        for b in range(blocks)
        for gap in (rng.normal(),)
    ]
    return pd.DataFrame(rows)


def drawn_numbers(figure: Figure) -> np.ndarray:
    parts = [line.get_xydata() for axes in figure.axes for line in axes.lines]
    for axes in figure.axes:
        for drawn in axes.collections:
            if isinstance(drawn, LineCollection):
                parts += list(drawn.get_segments())
            parts.append(np.ma.getdata(drawn.get_offsets()))
    return np.concatenate([np.asarray(part, dtype=float).reshape(-1, 2) for part in parts])


def test_every_gap_and_interval_is_drawn_where_it_belongs() -> None:
    table = make_gaps()
    axes = draw_gaps(table).axes[0]
    lines = [c for c in axes.collections if isinstance(c, LineCollection)]
    points = [c for c in axes.collections if isinstance(c, PathCollection)]
    for i, (_, rows) in enumerate(table.groupby("checkpoint", sort=False)):
        ends = np.array([[a[1], b[1]] for a, b in lines[i].get_segments()])
        np.testing.assert_allclose(ends, rows[["gap_low", "gap_high"]])
        sure, unsure = points[2 * i], points[2 * i + 1]
        np.testing.assert_allclose(untyped(sure.get_offsets())[:, 1], rows["gap"][rows["auc_p_holm"] < 0.05])
        assert len(untyped(unsure.get_offsets())) == 3
        assert to_hex(untyped(sure.get_facecolor())[0]) == list_colours(2, LIGHT)[i].lower()
        assert to_hex(untyped(unsure.get_facecolor())[0]) == LIGHT.panel.lower()
    assert [t.get_text() for t in axes.get_xticklabels()] == ["1.0", "2.0", "3.0", "4.0"]


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_checkpoints_of_one_block_stand_nearer_to_each_other_than_to_the_next_block(count: int) -> None:
    axes = draw_gaps(make_gaps(tuple(f"run {i}" for i in range(count)))).axes[0]
    lines = [c for c in axes.collections if isinstance(c, LineCollection)]
    x = np.array(
        [[segment[0][0] for segment in line.get_segments()] for line in lines]
    )  # (checkpoint, block)
    np.testing.assert_allclose(x.mean(axis=0), range(4), atol=1e-9)
    within = np.diff(x, axis=0).max(initial=0)
    assert within < (x[:, 1:].min(axis=0) - x[:, :-1].max(axis=0)).min()
    assert count == 1 or within > 0


def test_networks_of_other_depths_are_placed_by_relative_depth() -> None:
    table = pd.concat([make_gaps(("deep",), 6), make_gaps(("flat",), 3)], ignore_index=True)
    axes = draw_gaps(table).axes[0]
    assert "relative depth" in axes.get_xlabel()
    assert axes.get_xlim()[1] < 1.2


def test_what_is_not_defined_is_said_and_not_drawn() -> None:
    table = make_gaps(("one", "flat"))
    table.loc[table["checkpoint"] == "flat", ["gap", "gap_low", "gap_high", "auc_p_holm"]] = np.nan
    table.loc[0, ["gap_low", "gap_high", "auc_p_holm"]] = np.nan  # a group of one channel
    figure = draw_gaps(table)
    assert np.isfinite(drawn_numbers(figure)).all()
    assert "not defined" not in figure.axes[0].get_xlabel()
    assert "no gap is defined for 1 of 2" in figure.axes[0].get_xlabel()
    assert np.isfinite(drawn_numbers(draw_gap_map(table))).all()


@pytest.mark.parametrize("dark", [False, True])
def test_a_map_has_the_gaps_and_their_signs_colour(*, dark: bool) -> None:
    table = make_gaps(tuple(f"epoch {i:02d}" for i in range(12)))
    table.loc[0, "gap"], table.loc[1, "gap"] = 5.0, -5.0
    table.loc[2, "gap"] = np.nan
    figure = draw_gap_map(table, dark=dark)
    (image,) = figure.axes[0].images
    values = np.ma.filled(untyped(image.get_array()), np.nan)
    np.testing.assert_array_equal(values, table["gap"].to_numpy().reshape(12, 4))
    theme = DARK if dark else LIGHT
    ends = [to_hex(untyped(image).cmap(untyped(image).norm(gap))) for gap in (5.0, -5.0)]
    assert ends == [theme.groups["temporal"].lower(), theme.groups["spatial"].lower()]
    (dots,) = figure.axes[0].collections
    assert len(untyped(dots.get_offsets())) == 12
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()][-1] == "no such layer, or not defined"


def test_colours_reach_as_far_as_what_was_tested() -> None:
    table = make_gaps(("plain", "shared"))
    shared = table["checkpoint"] == "shared"
    table["gap"] = np.where(shared, 3.0, 0.1)
    table.loc[shared, ["gap_low", "gap_high", "auc_p_holm"]] = np.nan  # scales that both groups share
    figure = draw_gap_map(table)
    (image,) = figure.axes[0].images
    assert image.norm.vmax == pytest.approx(0.1)
    assert untyped(image.colorbar).extend == "both"
    (image,) = draw_gap_map(table[shared]).axes[0].images
    assert image.norm.vmax == 3.0
    (image,) = draw_gap_map(table.assign(gap=0.0)).axes[0].images
    assert np.isfinite(untyped([image.norm.vmin, image.norm.vmax])).all()
