"""What the figures of the causal check show is what their tables say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from gst_analysis.analyses.ablation.figure import draw_ablation
from gst_analysis.analyses.ablation.table import ABLATION, INTERVENTIONS
from gst_analysis.style.colours import GROUP_COLOURS
from gst_analysis.style.theme import DARK
from gst_analysis.tables.schema import check


def make_ablation(layers: int = 8, groups: tuple[str, ...] = ("spatial", "temporal")) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = [
        {
            "checkpoint": "one",
            "stage": 1 + n // 2,
            "block": f"layer{1 + n // 2}.{n % 2}",
            "layer": f"layer{1 + n // 2}.{n % 2}.bn2",
            "group": group,
            "channels": 4,
            "intervention": kind,
            "clips": 20,
            "accuracy": 0.5,
        }
        | {f"{m}{e}": rng.normal() + step for m in MEASURES for e, step in STEPS.items()}
        for n in range(layers)
        for group in groups
        for kind in INTERVENTIONS
    ]
    return check(pd.DataFrame(rows)[list(ABLATION.columns)], ABLATION)


MEASURES = ("accuracy_drop", "logit_drop", "loss_rise")
STEPS = {"": 0.0, "_low": -9.0, "_high": 9.0}


@pytest.mark.parametrize(("measure", "scale"), [("accuracy_drop", 100), ("loss_rise", 1)])
def test_every_drop_is_where_the_table_says(measure: str, scale: float) -> None:
    table = make_ablation()
    figure = draw_ablation(table, measure=measure)
    assert len(figure.axes) == len(INTERVENTIONS)
    for axes, kind in zip(figure.axes, INTERVENTIONS, strict=True):
        drawn = {box[0].get_color(): box for box in axes.containers}
        for group in ("spatial", "temporal"):
            marks, _, bars = drawn[GROUP_COLOURS[group]]
            rows = table[(table["intervention"] == kind) & (table["group"] == group)]
            np.testing.assert_allclose(marks.get_ydata(), scale * rows[measure])
            ends = np.array([segment[:, 1] for segment in bars[0].get_segments()])
            np.testing.assert_allclose(ends[:, 0], scale * rows[f"{measure}_low"])
            np.testing.assert_allclose(ends[:, 1], scale * rows[f"{measure}_high"])
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert labels == list(dict.fromkeys(table["block"]))


def test_a_block_of_two_layers_of_a_group_each_is_one_place() -> None:
    """As attention over time and over space are: beside each other, under a name without its home's."""
    table = make_ablation()
    numbers = {block: number for number, block in enumerate(dict.fromkeys(table["block"]))}
    table["block"] = [f"vit.encoder.layer.{numbers[block]}" for block in table["block"]]
    table["layer"] = table["block"] + "." + table["group"]
    figure = draw_ablation(table)
    labels = [label.get_text() for label in figure.axes[-1].get_xticklabels()]
    assert labels == [f"layer.{number}" for number in numbers.values()]
    own, other = figure.axes[0].containers[:2]
    apart = own[0].get_xdata() - other[0].get_xdata()
    assert (np.abs(apart) < 0.5).all()


def test_a_mean_outside_its_interval_and_no_groups_are_drawn() -> None:
    table = make_ablation(groups=("all",))
    table["loss_rise_low"] = table["loss_rise"] + 0.1
    figure = draw_ablation(table, measure="loss_rise", dark=True)
    assert figure.get_facecolor() == to_rgba(DARK.paper)
    (text,) = figure.legends[0].get_texts()
    assert "no groups" in text.get_text()


def test_one_clip_has_no_interval() -> None:
    several, one = make_ablation(), make_ablation().assign(clips=1)
    told = {True: "20 clips; bars: confidence intervals", False: "one clip: no confidence intervals"}
    for table, barred in ((several, True), (one, False)):
        figure = draw_ablation(table)
        assert all(bool(box[2]) == barred for axes in figure.axes for box in axes.containers)
        assert told[barred] in figure.legends[0].get_title().get_text()
