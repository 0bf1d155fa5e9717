"""Every interactive figure is the same whatever its process has made plotly's default."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
import pytest

import gst_analysis as gst
from gst_analysis.analyses.ablation.gap_page import draw_gap_against_cost
from gst_analysis.analyses.ablation.interactive import draw_ablation_interactive
from gst_analysis.analyses.ablation.verdict import compare_with_gap
from gst_analysis.analyses.comparison.interactive import (
    draw_overlays_interactive,
    draw_ridgelines_interactive,
)
from gst_analysis.analyses.cost.interactive import (
    draw_accuracy_over_cost_interactive,
    draw_cost_bars_interactive,
)
from gst_analysis.analyses.cost.measure import measure_complexity
from gst_analysis.analyses.cost.paper_audit import tabulate_published_costs
from gst_analysis.analyses.cost.table import PlacedDesign
from gst_analysis.analyses.drift.interactive import draw_drift_animation
from gst_analysis.analyses.drift.series import draw_gamma_over_training_interactive
from gst_analysis.analyses.drift.starts_interactive import (
    draw_drift_interactive,
    draw_start_against_now_interactive,
)
from gst_analysis.analyses.evaluation.classes_interactive import draw_classes_interactive
from gst_analysis.analyses.evaluation.interactive import draw_confusion_interactive
from gst_analysis.analyses.importance.interactive import draw_importance_interactive, draw_ratios_interactive
from gst_analysis.analyses.influence.interactive import draw_evidence_interactive, draw_influence_interactive
from gst_analysis.analyses.order.interactive import draw_order_interactive, draw_temporality_interactive
from gst_analysis.analyses.profile.interactive import draw_profile_interactive
from gst_analysis.analyses.profile_comparison.interactive import (
    draw_apart_interactive,
    draw_costs_interactive,
    draw_differences_interactive,
    draw_map_interactive,
    draw_over_interactive,
)
from gst_analysis.analyses.roles.counts_interactive import draw_counts_interactive
from gst_analysis.analyses.roles.interactive import draw_shares_interactive
from gst_analysis.analyses.roles.table import ROLE_SUMS, ROLES
from gst_analysis.analyses.scales.gaps import tabulate_gaps
from gst_analysis.analyses.scales.gaps_interactive import draw_gaps_interactive
from gst_analysis.analyses.scales.interactive import draw_bn_scales_interactive
from gst_analysis.analyses.similarity.frames_interactive import draw_frames_interactive
from gst_analysis.analyses.similarity.interactive import draw_places_interactive
from gst_analysis.analyses.similarity.table import SIMILARITY
from gst_analysis.analyses.slimming.interactive import draw_slimming_interactive
from gst_analysis.analyses.temporal_use.interactive import draw_kernels_interactive
from gst_analysis.analyses.traces.interactive import draw_frame_traces_interactive
from gst_analysis.analyses.traces.story import read_story
from gst_analysis.analyses.training_runs.comparing import draw_runs
from gst_analysis.analyses.training_runs.interactive import draw_training_interactive
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.style.screen import TEMPLATE, break_lines
from tests.analyses.ablation.test_figure import make_ablation
from tests.analyses.ablation.test_verdict import APART, TOUCHING
from tests.analyses.ablation.test_verdict import make_tables as make_costs
from tests.analyses.drift.test_interactive import make_drift, make_layers
from tests.analyses.evaluation.test_figure import make_table as make_confusion
from tests.analyses.importance.test_interactive import make_ratios, make_scores
from tests.analyses.influence.test_figure import make_fields
from tests.analyses.influence.test_figure import make_table as make_matrix
from tests.analyses.order.test_figure import make_classes, make_order
from tests.analyses.scales.test_figure import make_table as make_scales
from tests.analyses.slimming.test_figure import CURVE, TUNED, WIDTHS
from tests.analyses.traces.stories import make_influence, make_pictures, make_tables
from tests.analyses.training_runs.test_comparing import RUNS

FILES = sorted(Path(gst.__file__).parent.glob("analyses/*/*.py"))
Draw = Callable[[], go.Figure]


def draw_kernels() -> go.Figure:
    spec = ModelSpec.from_name("gst-resnet26s", width=8)
    return draw_kernels_interactive(gst.temporal_use(gst.create_model(spec, seed=0)).kernels)


def draw_places() -> go.Figure:
    names = [("a", 1, place, "b", 1, other, 0.5, 0.4, 0.6) for place in "xy" for other in "xy"]
    return draw_places_interactive(pd.DataFrame(names, columns=list(SIMILARITY.columns)))


def make_sums() -> pd.DataFrame:
    where = {"checkpoint": "a", "stage": 1, "block": "layer1.0", "layer": "layer1.0.bn2", "kind": "norm"}
    rows = [
        dict.fromkeys(ROLE_SUMS.columns, 0.5) | where | {"group": group} for group in ("spatial", "temporal")
    ]
    return pd.DataFrame(rows)


def make_frames() -> pd.DataFrame:
    rows = [
        ("a", place, one, other, 1.0 if one == other else 0.2)
        for place in ("layer1.0", "layer4.1", "layer4.2")
        for one in range(3)
        for other in range(3)
    ]
    return pd.DataFrame(rows, columns=["checkpoint", "place", "frame", "other_frame", "cka"])


def make_accuracies() -> pd.DataFrame:
    shares = {"accuracy": [0.5, 1.0], "accuracy_low": [0.2, 0.6], "accuracy_high": [0.8, 1.0], "top5": 1.0}
    counts = {"clips": [4, 4], "predicted": [2, 6], "correct": [2, 4]}
    names = {"checkpoint": "net", "class_id": [0, 1], "label": ["up", "<b>down</b>"]}
    return pd.DataFrame({**names, **counts, **shares})


def draw_drift() -> go.Figure:
    rows = [
        {"checkpoint": f"{n}", "position": n, "layer": "layer1.0.bn2", "group": group, "gamma": 1 + n * g}
        for n in (1, 2)
        for group in ("spatial", "temporal")
        for g in (0.1, 0.2, 0.3)
    ]
    return draw_drift_animation(pd.DataFrame(rows), axis="epoch")


def draw_gamma() -> go.Figure:
    rows = [
        {"layer": "layer1.0.bn2", "group": group, "position": n, "low": 0.9, "median": 1.0, "high": 1.1}
        for n in (1, 2)
        for group in ("spatial", "temporal")
    ]
    return draw_gamma_over_training_interactive(pd.DataFrame(rows), axis="epoch")


def draw_training() -> go.Figure:
    steps = pd.DataFrame({"step": np.arange(10), "loss": 1.0, "top1": 0.5, "lr": 0.1})
    epochs = pd.DataFrame({"epoch": [1, 2], "step": [5, 10], "val_loss": [1, 0.9], "val_top1": [0.4, 0.6]})
    return draw_training_interactive(steps, epochs, chance=0.1)


def draw_traces() -> go.Figure:
    story = read_story(*make_tables(), make_influence())
    return draw_frame_traces_interactive(story, make_pictures(story))


def draw_bars() -> go.Figure:
    return draw_cost_bars_interactive(measure_complexity(ModelSpec.from_name("gst-resnet18")).table)


def draw_profile() -> go.Figure:
    spec = ModelSpec.from_name("gst-resnet26s", width=8)
    return draw_profile_interactive(gst.profile(gst.create_model(spec, seed=0)))


def draw_gap_and_cost() -> go.Figure:
    return draw_gap_against_cost(compare_with_gap(*make_costs([(-0.3, APART), (0.2, TOUCHING)])))


def draw_gaps() -> go.Figure:
    return draw_gaps_interactive(tabulate_gaps(make_scales(checkpoints=("a", "b"))))


@functools.cache
def make_profiles() -> gst.ProfileComparison:
    networks = [gst.create_model(ModelSpec.from_name("gst-resnet26s", width=8), seed=n) for n in (0, 1)]
    return gst.compare_profiles(*networks, lines=("gamma",))


FIGURES: dict[str, Draw] = {
    "draw_apart_interactive": lambda: draw_apart_interactive(make_profiles()),
    "draw_costs_interactive": lambda: draw_costs_interactive(make_profiles()),
    "draw_differences_interactive": lambda: draw_differences_interactive(make_profiles()),
    "draw_map_interactive": lambda: draw_map_interactive(make_profiles()),
    "draw_over_interactive": lambda: draw_over_interactive(make_profiles()),
    "draw_gap_against_cost": draw_gap_and_cost,
    "draw_gaps_interactive": lambda: draw_gaps_interactive(
        tabulate_gaps(make_scales(checkpoints=("a", "b")))
    ),
    "draw_importance_interactive": lambda: draw_importance_interactive(make_scores()),
    "draw_overlays_interactive": lambda: draw_overlays_interactive(make_scales(checkpoints=("a", "b"))),
    "draw_profile_interactive": draw_profile,
    "draw_ratios_interactive": lambda: draw_ratios_interactive(make_ratios()),
    "draw_ridgelines_interactive": lambda: draw_ridgelines_interactive(make_scales(checkpoints=("a", "b"))),
    "draw_ablation_interactive": lambda: draw_ablation_interactive(make_ablation(2)),
    "draw_counts_interactive": lambda: draw_counts_interactive(make_sums()),
    "draw_frames_interactive": lambda: draw_frames_interactive(make_frames()),
    "draw_shares_interactive": lambda: draw_shares_interactive(make_sums()),
    "draw_bn_scales_interactive": lambda: draw_bn_scales_interactive(make_scales(checkpoints=("a", "b"))),
    "draw_cost_bars_interactive": draw_bars,
    "draw_accuracy_over_cost_interactive": lambda: draw_accuracy_over_cost_interactive(
        tabulate_published_costs(), design=PlacedDesign("mine", 30.0)
    ),
    "draw_classes_interactive": lambda: draw_classes_interactive(make_accuracies()),
    "draw_confusion_interactive": lambda: draw_confusion_interactive(make_confusion()),
    "draw_drift_animation": draw_drift,
    "draw_drift_interactive": lambda: draw_drift_interactive(make_drift(), make_layers(), tolerance=0.05),
    "draw_start_against_now_interactive": lambda: draw_start_against_now_interactive(make_drift()),
    "draw_slimming_interactive": lambda: draw_slimming_interactive(WIDTHS, CURVE, tuned=TUNED),
    "draw_evidence_interactive": lambda: draw_evidence_interactive(make_matrix()),
    "draw_frame_traces_interactive": draw_traces,
    "draw_influence_interactive": lambda: draw_influence_interactive(make_matrix(), make_fields()),
    "draw_kernels_interactive": draw_kernels,
    "draw_places_interactive": draw_places,
    "draw_order_interactive": lambda: draw_order_interactive(make_order(), chance=0.1),
    "draw_temporality_interactive": lambda: draw_temporality_interactive(make_classes(12)),
    "draw_runs": lambda: draw_runs(RUNS),
    "draw_training_interactive": draw_training,
    "draw_gamma_over_training_interactive": draw_gamma,
}


@pytest.fixture(params=["as a page does", "none"])
def another_default(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Something else as plotly's default, as Streamlit makes it for its whole process."""
    before, name = pio.templates.default, None
    if request.param != "none":
        name = "a page's own"
        pio.templates[name] = go.layout.Template(
            layout={"colorway": ["#000001"], "font": {"color": "#000032"}, "xaxis": {"showline": False}}
        )
    yield name
    pio.templates.default = before
    if name is not None:
        del pio.templates[name]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_does_not_follow_its_process(name: str, another_default: str | None) -> None:
    pio.templates.default = TEMPLATE  # other tests may have started pages
    expected = FIGURES[name]().to_json()
    pio.templates.default = another_default
    assert FIGURES[name]().to_json() == expected
    assert pio.templates.default == another_default


def test_every_figure_of_the_package_is_drawn_here() -> None:
    drawn = {
        node.name
        for file in FILES
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("draw_")
        if node.returns is not None and ast.unparse(node.returns) == "go.Figure"
    }
    assert drawn == set(FIGURES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_figures_are_begun_in_one_place(file: Path) -> None:
    calls = [ast.unparse(n.func) for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Call)]
    assert not {"go.Figure", "make_subplots"} & set(calls)


def test_the_legend_of_a_profile_takes_no_more_room_than_it_has_lines() -> None:
    """One tied to the figure's top leaves a gap above the panels, as high as on a telephone."""
    layout = draw_profile().layout
    assert layout.legend.yref == "paper"
    assert layout.legend.yanchor == "bottom"
    assert layout.legend.y > 1
    assert layout.margin.t <= 60


@pytest.mark.parametrize("name", ["draw_frame_traces_interactive", "draw_influence_interactive"])
def test_panels_beside_each_other_stand_below_each_other_where_a_page_is_narrow(name: str) -> None:
    figure = FIGURES[name]()
    layout, before = figure.layout, [axis.domain for axis in figure.select_xaxes()]
    for path, value in layout.meta["narrow"].items():
        layout[path] = value  # plotly refuses a part that there is not
    assert min(end - start for start, end in before) < 0.4
    assert min(axis.domain[1] - axis.domain[0] for axis in figure.select_xaxes()) > 0.7
    rows = sorted(axis.domain for axis in figure.select_yaxes())
    assert rows[0][0] == 0
    assert rows[-1][1] == pytest.approx(1)
    assert all(upper[0] > lower[1] for lower, upper in pairwise(rows))


def test_what_a_report_draws_small_panels_of_says_what_was_counted_and_fits_a_telephone() -> None:
    counts, frames = draw_counts_interactive(make_sums()), draw_frames_interactive(make_frames())
    assert {bar.name: bar.y.tolist() for bar in counts.data[:4]} == {role: [0.25] for role in ROLES}
    assert counts.data[0].text[0] == "<b>layer1.0</b><br>static: 0.5 of 2.0 channels"
    assert [text.text for text in frames.layout.annotations] == ["1.0", "4.1", "4.2"]
    assert frames.data[0].z.tolist() == [[1.0, 0.2, 0.2], [0.2, 1.0, 0.2], [0.2, 0.2, 1.0]]
    assert frames.data[1].text[0][2] == "<b>layer4.1</b><br>frames 0 and 2<br>CKA 0.200"
    for figure in (counts, frames):
        for path, value in figure.layout.meta["narrow"].items():
            figure.layout[path] = value
        boxes = [
            (*x.domain, *y.domain) for x, y in zip(figure.select_xaxes(), figure.select_yaxes(), strict=True)
        ]
        assert min(right - left for left, right, *_ in boxes) > 0.4
        for (a, b, c, d), (e, f, g, h) in combinations(boxes, 2):
            assert b <= e or f <= a or d <= g or h <= c


def test_lines_break_between_words_only() -> None:
    assert break_lines("one two three", 7) == "one two<br>three"
    assert break_lines("antidisestablishmentarianism", 7) == "antidisestablishmentarianism"
