"""Tables of order from answers that are written down here, against what one counts by hand."""

from __future__ import annotations

import numpy as np
import pytest

from gst_analysis.analyses.order.showing import Answers, Seen, Showing
from gst_analysis.analyses.order.tabulate import (
    NOT_SHUFFLED,
    Shown,
    summarise_partners,
    tabulate_classes,
    tabulate_clips,
    tabulate_conditions,
    tabulate_reversals,
)
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.probes.resampling import Bootstrap
from tests.analyses.labelled_clips import small_model

NAMES = ("Moving something up", "Moving something down", "Pushing something", "Holding something")
UP, DOWN, PUSH, HOLD = range(4)
LABELS = np.repeat([UP, DOWN, HOLD], 8)
"""Eight clips each; nobody pushes."""
REVERSED = np.array([*[DOWN] * 8, *[UP] * 6, *[DOWN] * 2, *[PUSH] * 8])
SHUFFLED = np.array([*[UP] * 4, *[DOWN] * 4, *[UP] * 4, *[DOWN] * 4, *[PUSH] * 8])
IN_ORDER = np.array([*[UP] * 8, *[DOWN] * 8, HOLD, HOLD, *[PUSH] * 6])
"""Two of eight clips of a class are right: a guess among four is, too."""


@pytest.fixture(scope="module")
def model() -> LoadedModel:
    return small_model("c2d-resnet26s")


def show(model: LoadedModel, *, shuffles: int = 2, by_frame: bool = False) -> Shown:
    told = {("in-order", 0): IN_ORDER, ("reversed", 0): REVERSED}
    told |= {("shuffled", number): SHUFFLED for number in range(shuffles)}
    conditions = ("in-order", "shuffled", "reversed") if shuffles else ("in-order", "reversed")
    showing = Showing(model, conditions, shuffles=shuffles, seed=0)
    showing.by_frame = by_frame
    answers = {way: Answers(one, np.where(one == LABELS, 0.9, 0.2)) for way, one in told.items()}
    showing.add([Seen(tuple(range(24)), LABELS, answers, None)])
    clips = tuple(f"clip{number}" for number in range(24))
    return Shown("net", showing, LABELS, clips, NAMES, 4, Bootstrap(draws=200), np.arange(24))


def test_conditions_are_means_of_their_ways(model: LoadedModel) -> None:
    rows = tabulate_conditions(show(model)).set_index("condition")
    assert rows["passes"].to_dict() == {"in-order": 1, "shuffled": 2, "reversed": 1}
    assert rows["accuracy"].to_list() == pytest.approx([18 / 24, 8 / 24, 2 / 24])
    assert rows["accuracy_change"].to_list() == pytest.approx([0, -10 / 24, -16 / 24])
    assert rows["same_answer"].to_list() == pytest.approx([1, 14 / 24, 8 / 24])
    assert rows["probability_change"].to_list() == pytest.approx([0, -10 / 24 * 0.7, -16 / 24 * 0.7])
    assert (rows.loc["in-order", ["accuracy_change_low", "accuracy_change_high"]] == 0).all()
    assert rows["accuracy_change_high"].to_numpy(dtype=float)[2] < 0


def test_classes_have_their_own_share_that_needs_order_or_a_reason(model: LoadedModel) -> None:
    rows = tabulate_classes(show(model))
    assert rows["clips"].to_list() == [8, 8, 0, 8]
    np.testing.assert_allclose(rows["in_order"], [1, 1, np.nan, 0.25])
    np.testing.assert_allclose(rows["shuffled"], [0.5, 0.5, np.nan, 0])
    np.testing.assert_allclose(rows["reversed"], [0, 0.25, np.nan, 0])
    np.testing.assert_allclose(rows["temporality"][:2], (1 - 0.5) / (1 - 1 / 4))
    assert rows["temporality"][2:].isna().all()
    assert rows["withheld"].to_list()[:3] == ["", "", "it has no clips"]
    assert rows["withheld"][3].startswith("right in order are 25% of 8")
    assert set(tabulate_classes(show(model, shuffles=0))["withheld"][[0, 1, 3]]) == {NOT_SHUFFLED}


def test_partners_are_taken_for_each_other_in_reverse(model: LoadedModel) -> None:
    shown = show(model)
    rows = tabulate_reversals(shown)
    assert list(zip(rows["class_id"], rows["partner_id"], strict=True)) == [(UP, DOWN), (DOWN, UP)]
    assert rows["by_name"].all()
    assert rows["by_confusion"].all()
    assert rows[["clips", "taken"]].to_numpy().tolist() == [[8, 8], [8, 6]]
    assert rows["share"].to_list() == [1, 6 / 8]
    assert (rows["share_low"] < rows["share"]).all()
    assert rows["share_in_order"].to_list() == [0, 0]
    clips, share = summarise_partners(shown, rows)
    assert share is not None
    assert (clips, share.value) == (16, 14 / 16)
    assert summarise_partners(shown, rows[:0]) == (0, None)
    assert (rows["p"] < 0.05).all()


def test_clips_stand_once_in_every_way(model: LoadedModel) -> None:
    rows = tabulate_clips(show(model))
    assert len(rows) == 4 * 24
    assert rows.groupby("condition")["way"].max().to_dict() == {"in-order": 0, "reversed": 0, "shuffled": 1}
    assert (rows["correct"] == (rows["predicted_id"] == rows["class_id"])).all()
    assert rows["correct"].sum() == 18 + 2 + 2 * 8


def test_where_frames_are_seen_alone_no_change_has_no_width(model: LoadedModel) -> None:
    """Tango's interval of a change of nothing has a width; what cannot change has none."""
    showing = show(model, by_frame=True)
    for seen in showing.showing.seen:
        seen.answers[("reversed", 0)] = seen.answers[("in-order", 0)]
    columns = ["accuracy_change", "accuracy_change_low", "accuracy_change_high"]
    (row,) = tabulate_conditions(showing).query("condition == 'reversed'")[columns].to_numpy()
    assert row.tolist() == [0, 0, 0]
    showing.showing.by_frame = False
    (row,) = tabulate_conditions(showing).query("condition == 'reversed'")[columns].to_numpy()
    assert row[1] < row[0] == 0 < row[2]
