"""Cost figures: bars recomputed in plain pandas, points where the table says, labels that cover nothing."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from gst_analysis.analyses.cost.figure import draw_accuracy_over_cost, draw_cost_bars
from gst_analysis.analyses.cost.interactive import (
    draw_accuracy_over_cost_interactive,
    draw_cost_bars_interactive,
)
from gst_analysis.analyses.cost.measure import measure_complexity
from gst_analysis.analyses.cost.panels import choose_points, describe_design, list_ticks, round_to_three
from gst_analysis.analyses.cost.paper_audit import tabulate_published_costs
from gst_analysis.analyses.cost.table import PlacedDesign
from gst_analysis.errors import GstError
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.style.files import render_figure
from gst_analysis.style.theme import DARK
from tests.untyped import untyped

DESIGNS = [
    None,
    PlacedDesign("a small design", 2.7),
    PlacedDesign("gst-resnet50 α=1/4", 29.0, 46.0),
    PlacedDesign("a large design", 900.0),
]


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return tabulate_published_costs()


@pytest.fixture(scope="module")
def gst() -> pd.DataFrame:
    return measure_complexity(ModelSpec.from_name("gst-resnet50")).table


def sum_by_hand(table: pd.DataFrame, quantity: str, group: str) -> list[float]:
    kept = table[table["group"] == group]
    return [float(kept.loc[kept["stage"] == stage, quantity].sum()) for stage in range(6)]


@pytest.mark.parametrize(("quantity", "scale"), [("macs", 1e9), ("params", 1e6)])
def test_bars_are_the_sums_of_the_table(gst: pd.DataFrame, quantity: str, scale: float) -> None:
    axes = draw_cost_bars(gst, quantity=quantity).axes[0]
    interactive = draw_cost_bars_interactive(gst, quantity=quantity)
    for i, group in enumerate(("spatial", "temporal", "shared")):
        expected = np.array(sum_by_hand(gst, quantity, group)) / scale
        bars = axes.containers[i]
        assert str(bars.get_label()).startswith(group)
        np.testing.assert_allclose([bar.get_height() for bar in bars], expected)
        np.testing.assert_allclose(interactive.data[i].y, expected)
    below = axes.containers[0]
    assert [bar.get_y() for bar in axes.containers[1]] == [bar.get_height() for bar in below]


def test_bars_name_the_network_its_unit_and_each_groups_part(gst: pd.DataFrame) -> None:
    figure = draw_cost_bars(gst)
    (axes,) = figure.axes
    assert axes.get_title(loc="left") == "gst-resnet50 α=1/4, 8 frames of 224×224 pixels: 29.0 GMACs"
    assert axes.get_ylabel() == "multiply-adds per clip (GMACs)"
    assert [tick.get_text() for tick in axes.get_xticklabels()][::5] == ["stem", "head"]
    entries = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [entry.split(": ")[1] for entry in entries] == [
        "5.55 GMACs, 19%",
        "5.55 GMACs, 19%",
        "17.9 GMACs, 62%",
    ]


def test_units_follow_the_size_of_the_network() -> None:
    spec = ModelSpec.from_name("c2d-resnet26s", num_frames=1, width=8, num_classes=2)
    table = measure_complexity(spec, size=32).table
    assert 1e6 < table["macs"].sum() < 1e9
    assert draw_cost_bars(table).axes[0].get_ylabel() == "multiply-adds per clip (MMACs)"
    assert draw_cost_bars(table, quantity="params").axes[0].get_ylabel() == "learned parameters (k params)"


def test_a_group_without_cost_has_no_bar() -> None:
    table = measure_complexity(ModelSpec.from_name("c2d-mobilenetv2")).table
    labels = [str(bars.get_label()).split()[0] for bars in draw_cost_bars(table).axes[0].containers]
    assert labels == ["spatial", "shared"]
    assert len(draw_cost_bars(table).axes[0].get_xticks()) == 9


def test_points_stand_where_the_table_says(published: pd.DataFrame) -> None:
    rows = published[(published["dataset"] == "something-v1") & (published["top1"] > 30)]
    axes = draw_accuracy_over_cost(published).axes[0]
    drawn = {
        (float(x), float(y)) for line in axes.lines for x, y in zip(*untyped(line.get_data()), strict=True)
    }
    assert set(zip(rows["gmacs"], rows["top1"], strict=True)) <= drawn
    interactive = draw_accuracy_over_cost_interactive(published)
    shown = {(x, y) for trace in interactive.data for x, y in zip(trace.x, trace.y, strict=True)}
    assert set(zip(rows["gmacs"], rows["top1"], strict=True)) <= shown


def test_a_point_far_below_the_others_stands_on_the_edge_and_says_so(published: pd.DataFrame) -> None:
    points = choose_points(published, dataset="something-v1")
    (low,) = points.table[points.table["low"]].to_dict("records")
    assert (low["label"], low["top1"]) == ("C2D", 20.4)
    assert points.y_limits[0] < low["y"] < points.table.loc[~points.table["low"], "y"].min()
    texts = [note.get_text() for note in find_labels(draw_accuracy_over_cost(published))]
    assert "C2D: 20.4 %" in texts


def test_labels_tell_namesakes_apart(published: pd.DataFrame) -> None:
    for dataset in published["dataset"].unique():
        labels = choose_points(published, dataset=dataset).table["label"]
        assert labels.is_unique, list(labels)
    v1 = set(choose_points(published, dataset="something-v1").table["label"])
    assert {"GST α=1/4", "GST α=1/4, 16 frames", "GST α=1/4, 2 clips", "TSM", "TSM, 16 frames"} <= v1
    assert "P3D, R18" in set(choose_points(published, dataset="diving48").table["label"])


def test_only_validation_results_stand_together(published: pd.DataFrame) -> None:
    points = choose_points(published, dataset="something-v2")
    on_test = published[published["split"] == "test"]
    assert len(on_test) > 0
    assert not set(points.table["top1"]) & set(on_test["top1"])


def find_labels(figure: Figure) -> list[Annotation]:
    notes = [text for text in figure.axes[0].texts if isinstance(text, Annotation)]
    return [note for note in notes if note.get_text()]


@pytest.mark.parametrize("design", DESIGNS, ids=str)
@pytest.mark.parametrize(
    ("dataset", "cost"),
    [
        ("something-v1", "gmacs"),
        ("something-v1", "params_m"),
        ("something-v2", "gmacs"),
        ("diving48", "gmacs"),
    ],
)
def test_labels_cover_neither_each_other_nor_points_nor_the_design(
    published: pd.DataFrame, dataset: str, cost: str, design: PlacedDesign | None
) -> None:
    figure = draw_accuracy_over_cost(published, dataset=dataset, cost=cost, design=design)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [note.get_window_extent() for note in find_labels(figure)]
    points = choose_points(published, dataset=dataset, cost=cost).table
    assert len(boxes) == len(points)
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    scale = figure.dpi / 72
    for x, y in axes.transData.transform(points.loc[~points["low"], ["x", "top1"]].to_numpy(dtype=float)):
        mark = Bbox.from_bounds(x - 3 * scale, y - 3 * scale, 6 * scale, 6 * scale)
        assert not any(box.overlaps(mark) for box in boxes)
    frame = axes.get_window_extent()
    assert all(frame.x0 <= b.x0 and b.x1 <= frame.x1 and frame.y0 <= b.y0 and b.y1 <= frame.y1 for b in boxes)
    if design:
        line, star = axes.transData.transform((design.cost, design.top1 or axes.get_ylim()[0]))
        assert frame.x0 < line < frame.x1
        low, high = (frame.y0, frame.y1) if design.top1 is None else (star - 5 * scale, star + 5 * scale)
        assert not any(box.x0 <= line <= box.x1 and box.y0 < high and low < box.y1 for box in boxes)


@pytest.mark.parametrize("design", DESIGNS, ids=str)
@pytest.mark.parametrize("dataset", ["something-v1", "something-v2", "diving48", "egtea gaze+"])
def test_labels_on_screen_do_not_overlap_at_any_width(
    published: pd.DataFrame, dataset: str, design: PlacedDesign | None
) -> None:
    figure = draw_accuracy_over_cost_interactive(published, dataset=dataset, design=design)
    low, high = np.array([figure.layout.xaxis.range, figure.layout.yaxis.range]).T
    for plot in ((610, 400), (1000, 430), (1800, 600)):
        boxes = []
        for note in figure.layout.annotations:
            x, y = (np.array([note.ax, note.ay]) - low) / (high - low) * plot
            half = 0.5 * 11 * len(note.text) / 2  # Plotly's font is narrower than half its height a letter
            boxes.append(Bbox.from_extents(x - half, y - 7, x + half, y + 7))
        assert len(boxes) == len(choose_points(published, dataset=dataset).table)
        assert not any(one.overlaps(other) for one, other in combinations(boxes, 2)), plot
        assert all(box.x0 >= 0 and box.x1 <= plot[0] for box in boxes), plot


def test_the_design_is_named_in_both_legends(published: pd.DataFrame) -> None:
    design = PlacedDesign("gst-resnet18", 3.456)
    figure = draw_accuracy_over_cost(published, design=design)
    expected = "gst-resnet18: 3.46 GMACs per prediction, accuracy unknown"
    assert expected in [text.get_text() for text in figure.legends[0].get_texts()]
    interactive = draw_accuracy_over_cost_interactive(published, design=design)
    (trace,) = [trace for trace in interactive.data if trace.name.replace("<br>", " ") == expected]
    assert set(trace.x) == {3.456}
    plain = draw_accuracy_over_cost(published)
    assert not any("unknown" in text.get_text() for text in plain.legends[0].get_texts())


def test_a_design_of_known_accuracy_is_a_star_there(published: pd.DataFrame) -> None:
    design = PlacedDesign("mine", 20.0, 41.5)
    expected = "mine: 20.0 GMACs per prediction, 41.5 % top-1, as told"
    figure = draw_accuracy_over_cost(published, design=design)
    assert expected in [text.get_text() for text in figure.legends[0].get_texts()]
    (star,) = [line for line in figure.axes[0].lines if line.get_marker() == "*"]
    assert (star.get_xdata(), star.get_ydata()) == ([20.0], [41.5])
    page = draw_accuracy_over_cost_interactive(published, design=design)
    (trace,) = [trace for trace in page.data if trace.name.replace("<br>", " ") == expected]
    assert (trace.marker.symbol, trace.x, trace.y) == ("star", (20.0,), (41.5,))


@pytest.mark.parametrize(("top1", "said"), [(2.0, "as told, below the axis"), (99.0, "as told")])
def test_the_axis_holds_a_design_however_accurate(published: pd.DataFrame, top1: float, said: str) -> None:
    design = PlacedDesign("mine", 20.0, top1)
    points = choose_points(published, dataset="something-v1", design=design)
    assert points.own is not None
    assert points.y_limits[0] < points.own < points.y_limits[1]
    assert describe_design(design, "gmacs", points).endswith(said)


def test_dark_figures_have_dark_paper_and_light_ink(gst: pd.DataFrame, published: pd.DataFrame) -> None:
    for figure in (draw_cost_bars(gst, dark=True), draw_accuracy_over_cost(published, dark=True)):
        assert mpl.colors.to_hex(figure.get_facecolor()).upper() == DARK.paper
        texts = [*figure.legends[0].get_texts(), figure.axes[0].yaxis.label]
        assert {text.get_color() for text in texts} == {DARK.ink}
    for screen in (
        draw_cost_bars_interactive(gst, dark=True),
        draw_accuracy_over_cost_interactive(published, dark=True),
    ):
        assert screen.layout.paper_bgcolor == DARK.paper


def test_drawing_leaves_matplotlib_as_it_was(gst: pd.DataFrame, published: pd.DataFrame) -> None:
    before = dict(mpl.rcParams)
    first = render_figure(draw_accuracy_over_cost(published), "png")
    second = render_figure(draw_accuracy_over_cost(published), "png")
    assert first == second
    assert len(render_figure(draw_cost_bars(gst), "svg")) > 5000
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"dataset": "kinetics"}, "dataset: expected some of something-v1"),
        ({"cost": "dollars"}, "gmacs, params_m"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    published: pd.DataFrame, wrong: dict[str, Any], message: str
) -> None:
    for draw in (draw_accuracy_over_cost, draw_accuracy_over_cost_interactive):
        with pytest.raises(GstError, match=message):
            draw(published, **wrong)


def test_bars_of_two_networks_at_once_are_refused(gst: pd.DataFrame) -> None:
    other = measure_complexity(ModelSpec.from_name("gst-resnet50", alpha="1/8")).table
    with pytest.raises(GstError, match="expected one network; found 2"):
        draw_cost_bars(pd.concat([gst, other], ignore_index=True))
    with pytest.raises(GstError, match="quantity: expected some of macs, params"):
        draw_cost_bars_interactive(gst, quantity="watts")


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01384, "0.0138"), (5.549, "5.55"), (29.0006, "29.0"), (1234.6, "1235")]
)
def test_numbers_keep_three_digits(value: float, text: str) -> None:
    assert round_to_three(value) == text


def test_ticks_are_round_and_inside() -> None:
    assert list_ticks((18, 80)) == [20, 30, 40, 50, 70]
    assert list_ticks((0.9, 120)) == [1, 2, 5, 10, 20, 50, 100]


def test_figures_do_not_import_torch() -> None:
    code = (
        "import sys, gst_analysis.analyses.cost.figure, gst_analysis.analyses.cost.interactive;"
        "print('torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
