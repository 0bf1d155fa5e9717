"""γ's gap against what is lost: they disagree only where intervals say which group costs more."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from gst_analysis.analyses.ablation.gap_page import draw_gap_against_cost
from gst_analysis.analyses.ablation.verdict import AGREE, COST, DISAGREE, GAP, UNDECIDED, compare_with_gap
from gst_analysis.analyses.ablation.words import say_worst
from gst_analysis.analyses.scales.samples import adjust_holm
from gst_analysis.analyses.scales.two_samples import find_mann_whitney

Costs = tuple[tuple[float, float, float], tuple[float, float, float]]
APART: Costs = ((0.5, 0.4, 0.6), (0.1, 0.0, 0.2))
"""What temporal and spatial channels cost, each with its interval: the first certainly more."""
TOUCHING: Costs = ((0.5, 0.1, 0.9), (0.1, 0.0, 0.2))


def make_tables(blocks: list[tuple[float, Costs]], clips: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ABLATION and BLOCK_GAPS of so many blocks: the gap of each, and what both groups cost."""
    gaps, rows = [], []
    for number, (gap, costs) in enumerate(blocks, start=1):
        place = {"block": f"layer{number}.0", "layer": f"layer{number}.0.bn2"}
        gaps.append(
            {**place, "gap": gap, "gap_low": gap - 0.1, "gap_high": gap + 0.1, "auc": float(gap > 0)}
            | {
                "auc_p_holm": 0.01 if abs(gap) > 0.1 else 0.5,
                "group": "temporal",
                "against": "spatial",
                "level": "layer",
            }
        )
        for group, (value, low, high) in zip(("temporal", "spatial"), costs, strict=True):
            told = {"loss_rise": value, "loss_rise_low": low, "loss_rise_high": high}
            points = {
                "accuracy_drop": value / 2,
                "accuracy_drop_low": low / 2,
                "accuracy_drop_high": high / 2,
            }
            many = 24 if group == "spatial" else 8
            own = {**place, "group": group, "channels": many, "clips": clips, **told, **points}
            rows += [{**own, "intervention": kind} for kind in ("zero", "mean")]
    return pd.DataFrame(rows), pd.DataFrame(gaps)


def test_a_block_counts_where_intervals_of_the_loss_do_not_touch() -> None:
    table, gaps = make_tables(
        [(-0.3, APART), (0.25, APART), (-0.3, TOUCHING), (0.3, (APART[1], APART[0])), (-0.05, APART)]
    )
    found = compare_with_gap(table, gaps)
    assert found.table["verdict"].tolist() == [DISAGREE, AGREE, UNDECIDED, DISAGREE, UNDECIDED]
    assert found.table["open"].tolist() == ["", "", COST, "", GAP]
    assert found.table["cost"].tolist() == pytest.approx([0.4, 0.4, 0.4, -0.4, 0.4])
    wider = 2.5758 / 1.9600  # of five blocks: z at 1 - 0.025 / 5, over z at 1 - 0.025
    ends = [0.4 - 0.2 * wider, 0.4 + 0.2 * wider]
    assert list(found.table[["cost_low", "cost_high"]].iloc[0]) == pytest.approx(ends, abs=1e-4)
    told = found.describe(mark="**")
    brief = found.describe(mark="**", brief=True)
    assert told.startswith(f"{brief} They agree in ")
    assert told.startswith("**They disagree in 2 of 5 blocks** (1.0, 4.0): in 1 γ stands higher for temporal")
    assert "They agree in 1 (2.0). In 1 γ's gap may be chance. In 1 the intervals do not tell" in told


def test_nothing_is_said_without_intervals_that_tell() -> None:
    table, gaps = make_tables([(-0.3, TOUCHING), (0.3, TOUCHING)])
    told = compare_with_gap(table, gaps).describe()
    assert told.startswith(
        "Undecided: none of 2 blocks is sure on both sides; γ stands surely higher for temporal"
    )
    assert (
        "Sure or not, they point to different groups in 1 of 2 (1.0); tossed coins would in 1. In 2" in told
    )
    one, gaps = make_tables([(-0.3, APART)], clips=1)
    alone = compare_with_gap(one, gaps)
    assert (alone.list_blocks(DISAGREE), alone.worst) == ([], {})
    agreed = compare_with_gap(*make_tables([(0.3, APART)]))
    assert agreed.describe().startswith("They agree in 1 of 1 block (1.0) and disagree in none.")
    alone = compare_with_gap(table, gaps.assign(gap=np.nan))
    assert alone.describe().startswith("Nothing to hold γ against")


def test_a_sure_loss_is_told_where_the_scales_are_silent() -> None:
    more_space: Costs = ((0.0, -0.1, 0.1), (0.8, 0.6, 1.0))
    no_matter: Costs = ((0.1, -0.1, 0.3), (0.1, 0.0, 0.2))
    table, gaps = make_tables([(0.06, more_space), (0.05, more_space), (-0.04, no_matter)])
    found = compare_with_gap(table, gaps)
    assert found.list_blocks(UNDECIDED) == ["1.0", "2.0", "3.0"]
    assert found.describe(mark="**") == (
        "**γ does not show it**: losing the spatial channels surely costs more in 2 (1.0, 2.0) of 3 blocks, "
        "while γ stands surely higher for one group in none. Sure or not, they point to different groups in "
        "2 of 3 (1.0, 2.0); tossed coins would in 1.5. In 1 the intervals do not tell which group costs "
        "more: more clips may. Losing one block's temporal channels took at most 5 points of accuracy "
        "(surely no more than 17), losing its spatial channels (3 times as many) took at most 40 points of "
        "accuracy (28 to 52, in 1.0)."
    )
    figure = draw_gap_against_cost(found)
    assert [list(trace.marker.symbol) for trace in figure.data] == [
        ["circle-open"] * 3,
        ["circle", "circle", "circle-open"],
    ]


def draw_world(shift: float, effect: float, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ABLATION and BLOCK_GAPS of eight blocks: what a group costs and how far γ is shifted, beside chance."""
    error = 0.1
    samples = [(rng.normal(shift, 1, 8), rng.normal(0, 1, 24)) for _ in range(8)]
    costs = rng.normal([effect, 0], error, (8, 2))
    ends = [(_bound(own, error), _bound(other, error)) for own, other in costs]
    gaps = [float(np.median(first) - np.median(second)) for first, second in samples]
    table, found = make_tables(list(zip(gaps, ends, strict=True)))
    above, p = zip(*(find_mann_whitney(first, second) for first, second in samples), strict=True)
    return table, found.assign(auc=np.array(above) / (8 * 24), auc_p_holm=adjust_holm(np.array(p)))


def _bound(value: float, error: float) -> tuple[float, float, float]:
    return value, value - 1.96 * error, value + 1.96 * error


@pytest.mark.parametrize(
    ("shift", "effect"), [(0.0, 0.0), (0.0, 1.0), (2.0, 0.0)], ids=["neither", "cost alone", "γ alone"]
)
def test_chance_is_no_disagreement_however_many_blocks_are_looked_at(shift: float, effect: float) -> None:
    rng = np.random.default_rng(5)
    runs = 25
    found = [compare_with_gap(*draw_world(shift, effect, rng)) for _ in range(runs)]
    false = sum(bool(one.list_blocks(DISAGREE)) for one in found)
    assert false <= 3  # 5% of 25 are 1.25; more than 3 come by chance in 4 of 100
    assert sum(bool(one.list_blocks(AGREE)) for one in found) <= 3


def test_what_is_planted_on_either_side_is_found() -> None:
    rng = np.random.default_rng(5)
    against = [compare_with_gap(*draw_world(2.0, -1.0, rng)) for _ in range(10)]
    assert np.mean([len(one.list_blocks(DISAGREE)) for one in against]) > 6
    assert not any(one.list_blocks(AGREE) for one in against)


def test_the_figure_shows_both_sides_of_every_block() -> None:
    verdict = compare_with_gap(*make_tables([(-0.3, APART), (0.25, APART), (0.2, TOUCHING)]))
    figure = draw_gap_against_cost(verdict, dark=True)
    shown = {trace.name: trace for trace in figure.data if trace.yaxis == "y"}
    assert {name: trace.y.tolist() for name, trace in shown.items()} == {
        "they disagree": [-0.3],
        "they agree": [0.25],
        "not sure on both sides (hollow: not on this one)": [0.2],
    }
    costs = [trace for trace in figure.data if trace.yaxis == "y2"]
    assert costs[0].y[0] == pytest.approx(0.4**0.5)
    assert "0.400 (0.156 to 0.644)" in costs[0].text[0]  # wide enough for three blocks together
    assert len(figure.layout.shapes) == 2


def test_the_change_that_costs_most_is_named() -> None:
    table, _ = make_tables([(0.1, APART)])
    said = say_worst(table, "loss_rise")
    assert said.startswith(
        "Most is lost in block 1.0 with the temporal channels changed (channels silent): 0.500"
    )
    assert "percentage points" in (points := say_worst(table, "accuracy_drop"))
    assert "." not in points.split("silent): ")[1].split(",")[0]  # of accuracy, whole points
