"""What the pages of the causal check show is what their tables say."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from gst_analysis.analyses.ablation.interactive import draw_ablation_interactive, draw_pages
from gst_analysis.analyses.ablation.joint_table import JOINT, SEVERAL, SHARES
from gst_analysis.analyses.ablation.table import INTERVENTIONS, Ablation, AblationSummary
from gst_analysis.groups import GROUPS
from gst_analysis.probes.resampling import Interval
from gst_analysis.results import Provenance
from gst_analysis.style.colours import GROUP_COLOURS
from gst_analysis.style.screen import SYMBOLS
from gst_analysis.tables.schema import check
from tests.analyses.ablation.test_figure import make_ablation

UNITS = [(f"layer{stage}.0", group) for stage in (1, 2, 3) for group in ("spatial", "temporal")]
ENDS = {"": 0.0, "_low": -2.0, "_high": 3.0}


def measured(number: float, **more: float) -> dict[str, object]:
    values = {
        f"{m}{e}": number + step
        for m in ("accuracy_drop", "logit_drop", "loss_rise")
        for e, step in ENDS.items()
    }
    alone = {f"{m}_alone": number / 2 for m in ("accuracy_drop", "logit_drop", "loss_rise")}
    told = {"checkpoint": "one", "intervention": "mean", "clips": 20, "channels": 4, "accuracy": 0.5}
    return {**told, **values, **alone, **more}


def make_joint() -> pd.DataFrame:
    rows = []
    for number, (group, kind) in enumerate(
        [("spatial", "network"), ("temporal", "stage"), (SEVERAL, "network")]
    ):
        rows.append(measured(number) | {"set": f"{group}, {kind}", "kind": kind, "group": group, "added": ""})
    for number, (one, other) in enumerate(combinations(UNITS, 2)):
        if one[1] == other[1]:
            added = f"{one[0]} {one[1]} + {other[0]} {other[1]}"
            rows.append(measured(number) | {"set": added, "kind": "pair", "group": one[1], "added": added})
    for step in (1, 2, 3):
        added = f"layer{step}.0 spatial"
        rows.append(
            measured(step)
            | {"set": added, "kind": "greedy", "group": "spatial", "added": added, "step": step}
        )
    table = pd.DataFrame(rows).assign(stage=0, units=2)
    table = table.assign(
        step=table["step"].fillna(0).astype(int),
        loss_rise_beyond=table["loss_rise"] - 1,
        loss_rise_beyond_low=table["loss_rise"] - 2,
        loss_rise_beyond_high=table["loss_rise"],
    )
    return check(table[list(JOINT.columns)], JOINT)


def make_shares() -> pd.DataFrame:
    rows = [
        measured(number)
        | {"level": "unit", "stage": 1, "block": block, "layer": f"{block}.bn2", "group": group}
        for number, (block, group) in enumerate(UNITS)
    ]
    return check(pd.DataFrame(rows).assign(orders=4)[list(SHARES.columns)], SHARES)


@pytest.fixture(scope="module")
def result() -> Ablation:
    summary = AblationSummary(20, Interval(0.5, 0.4, 0.6), Interval(1, 0.9, 1.1), INTERVENTIONS)
    origin = Provenance({"one": "0" * 64}, {"one": {}}, {})
    more = {"joint": make_joint(), "shares": make_shares(), "measure": "loss_rise"}
    return Ablation(make_ablation(), summary, origin, **more)  # type: ignore[arg-type] # fields by name, of any type


@pytest.mark.parametrize(("measure", "scale"), [("accuracy_drop", 100), ("loss_rise", 1)])
def test_every_drop_is_where_the_table_says(measure: str, scale: float) -> None:
    table = make_ablation()
    figure = draw_ablation_interactive(table, measure=measure)
    assert len(figure.data) == 2 * len(INTERVENTIONS)
    for trace, (kind, group) in zip(
        figure.data, [(k, g) for k in INTERVENTIONS for g in ("spatial", "temporal")], strict=True
    ):
        rows = table[(table["intervention"] == kind) & (table["group"] == group)]
        assert trace.marker.color == GROUP_COLOURS[group]
        np.testing.assert_allclose(trace.y, scale * rows[measure])
        np.testing.assert_allclose(trace.y + trace.error_y.array, scale * rows[f"{measure}_high"])
        np.testing.assert_allclose(trace.y - trace.error_y.arrayminus, scale * rows[f"{measure}_low"])
        assert np.round(trace.x).tolist() == list(range(8))
    assert [figure.layout.xaxis4.ticktext[place] for place in (0, -1)] == ["1.0", "4.1"]
    low, high = figure.layout.yaxis.range
    assert low < scale * table[f"{measure}_low"].min()
    assert high > scale * table[f"{measure}_high"].max()
    assert [trace.showlegend for trace in figure.data[:3]] == [True, True, False]


def test_one_clip_has_no_bars() -> None:
    figure = draw_ablation_interactive(make_ablation().assign(clips=1))
    assert not any(trace.error_y.visible for trace in figure.data)
    assert "one clip" in figure.layout.legend.title.text


def test_what_groups_cost_together_has_its_pages(result: Ablation) -> None:
    pages = draw_pages(result)
    joint, shares = make_joint(), make_shares()
    assert list(pages) == [
        "ablation",
        "ablation_together",
        "ablation_pairs",
        "ablation_greedy",
        "ablation_shares",
    ]
    together = {
        trace.y[0]: trace.x[0] for trace in pages["ablation_together"].data if trace.showlegend is None
    }
    sets = joint[joint["kind"].isin(["network", "stage"])]
    assert together == dict(zip(sets["set"], sets["loss_rise"], strict=True))
    for trace, group in zip(pages["ablation_pairs"].data, ("spatial", "temporal"), strict=True):
        rows = joint[(joint["kind"] == "pair") & (joint["group"] == group)]
        filled = trace.z[~np.isnan(trace.z)]
        assert sorted(filled) == sorted(rows["loss_rise_beyond"])
        assert trace.zmin == -trace.zmax
    (line,) = pages["ablation_greedy"].data
    assert line.x.tolist() == [1, 2, 3]
    assert line.y.tolist() == joint.loc[joint["kind"] == "greedy", "loss_rise"].tolist()
    solid = [trace for trace in pages["ablation_shares"].data if trace.showlegend is None]
    assert sorted(np.concatenate([trace.y for trace in solid])) == sorted(shares["loss_rise"])


def test_names_from_a_file_are_text() -> None:
    figure = draw_ablation_interactive(make_ablation().assign(checkpoint="<script>x</script>"))
    assert "<script>" not in figure.layout.legend.title.text


def test_every_mark_of_a_group_has_a_symbol_on_screen() -> None:
    assert {style.marker for style in GROUPS.values()} <= set(SYMBOLS)
