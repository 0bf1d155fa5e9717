"""Order, against networks whose answer is known, against plain forward passes, and against evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses.order.frames import order_frames, shuffle_frames
from gst_analysis.analyses.order.showing import Answers, Seen, Showing
from gst_analysis.analyses.order.table import CONDITIONS
from gst_analysis.analyses.order.tabulate import Shown, tabulate_conditions
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.clips.dataset import load_views
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.inference import reading
from gst_analysis.networks.network import average_frames
from gst_analysis.probes.resampling import Bootstrap
from tests.analyses.labelled_clips import load_pixels, rename, small_model, write_clips
from tests.analyses.order.toys import FRAMES, bring_toy, write_ramps
from tests.networks.brought import bring

CPU: dict[str, Any] = {"device": "cpu", "draws": 100}
ORDERS = [name for name in CONDITIONS if name not in ("shuffled", "frozen-surest", "frozen-best")]
ORDERS = [name for name in ORDERS if not name.startswith("pad-")]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def read_accuracy(found: gst.FrameOrder) -> dict[str, float]:
    return dict(zip(found.table["condition"], found.table["accuracy"], strict=True))


def test_a_network_of_first_and_last_frame_is_seen_through(tmp_path: Path) -> None:
    """Every entry of the table follows from what the network does."""
    labels = [0, 1] * 6
    found = gst.frame_order(bring_toy(), write_ramps(tmp_path, labels), shuffles=4, **CPU)
    orders = [[shuffle_frames(FRAMES, (0, n, place)) for n in range(4)] for place in range(len(labels))]
    shuffled = float(np.mean([[order[0] < order[-1] for order in ways] for ways in orders]))
    stills = {name: 0.0 for name in CONDITIONS if name.startswith("frozen-")}
    kept = dict.fromkeys(("in-order", "ends", "every-second", "half-as-many", "shift-later"), 1.0)
    kept["shift-sooner"] = 1.0
    gone = {"reversed": 0.0, "halves-swapped": 0.0, "shuffled": shuffled}
    assert read_accuracy(found) == pytest.approx({**kept, **stills, **gone})
    assert found.summary.temporality is not None
    assert found.summary.temporality.value == pytest.approx((1 - shuffled) / (1 - 1 / 3))
    assert found.summary.partner_clips == 12
    assert found.summary.partner_share is not None
    assert found.summary.partner_share.value == 1
    pairs = found.reversals.set_index(["class_id", "partner_id"])
    assert set(pairs.index) == {(0, 1), (1, 0)}
    assert pairs["by_name"].all()
    assert pairs["by_confusion"].all()
    assert pairs["share_in_order"].tolist() == [0, 0]
    assert found.classes["withheld"].tolist() == ["", "", "it has no clips"]
    assert [note for note in found.notes if "pad-circular is not defined" in note]


def test_what_does_not_move_needs_no_order(tmp_path: Path) -> None:
    found = gst.frame_order(bring_toy(), write_ramps(tmp_path, [2] * 5), **CPU)
    assert set(found.table["accuracy"]) == {1.0}
    assert found.summary.temporality is not None
    assert found.summary.temporality.value == 0
    assert len(found.reversals) == 2  # by name alone, without clips
    assert found.summary.partner_share is None


def test_each_clip_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    load = load_views

    def count(record: ClipRecord, *given: Any, **named: Any) -> Any:
        read.append(record.clip)
        return load(record, *given, **named)

    monkeypatch.setattr(reading, "load_views", count)
    found = gst.frame_order(bring_toy(), write_ramps(tmp_path, [0, 1, 1]), batch=2, **CPU)
    assert len(found.table) == len(CONDITIONS) - 2
    assert sorted(read) == ["clip00", "clip01", "clip02"]


@pytest.mark.parametrize("network", ["gst", "brought"])
def test_every_order_is_what_plain_passes_over_such_clips_give(network: str, tmp_path: Path) -> None:
    """Derived again: pixels read in the plainest way, put in order by hand, one clip at a time."""
    model: Network = small_model(frames=6) if network == "gst" else bring("three-d")
    records = write_clips(tmp_path, [1, 3], frames=6)
    found = gst.frame_order(model, records, batch=1, shuffles=2, **CPU)
    pixels = load_pixels(records, model.clip_spec)
    rows = found.clips.set_index(["condition", "way", "clip"])["probability"]
    shown = {(name, 0): [order_frames(name, 6)] * 2 for name in ORDERS}
    shown |= {("shuffled", n): [shuffle_frames(6, (0, n, place)) for place in range(2)] for n in range(2)}
    for (name, way), orders in shown.items():
        for record, clip, order in zip(records, pixels, orders, strict=True):
            with torch.no_grad():
                logits = average_frames(model.module(clip[torch.from_numpy(order)][None]))[0].double()
            expected = float(logits.softmax(-1)[record.label])
            assert rows[name, way, record.clip] == pytest.approx(expected, rel=1e-4), name
    assert {"pad-replicate", "pad-circular"} <= set(found.table["condition"])


def test_in_order_it_is_evaluate(tmp_path: Path) -> None:
    """The same answers to every clip, and the same probabilities, though nothing is folded here."""
    model, records = small_model(), write_clips(tmp_path, [0, 1, 2, 3, 4, 0, 1])
    found = gst.frame_order(model, records, conditions=("in-order",), **CPU)
    other = gst.evaluate(model, records, device="cpu")
    assert found.summary.accuracy.value == other.summary.top1
    logits = torch.from_numpy(other.logits.clip_logits).double()
    own = logits.softmax(-1)[torch.arange(len(records)), torch.from_numpy(other.logits.labels)]
    assert found.clips["clip"].tolist() == list(other.logits.clips)
    np.testing.assert_allclose(found.clips["probability"], own.numpy(), rtol=1e-4)
    assert found.clips["predicted_id"].tolist() == logits.argmax(1).tolist()
    assert (found.classes["withheld"] == "the clips were not shuffled").sum() + (
        found.classes["withheld"].str.contains("chance").sum()
    ) == 5


def test_order_changes_nothing_in_a_network_of_single_frames(tmp_path: Path) -> None:
    """Exactly nothing, and what a plain pass over frames in reverse says is the same to rounding."""
    model, records = small_model("c2d-resnet26s", frames=6), write_clips(tmp_path, [0, 1, 2, 3], frames=6)
    found = gst.frame_order(model, records, **CPU)
    rows = found.table.set_index("condition")
    for name in ("shuffled", "reversed", "halves-swapped"):
        changes = rows.filter(like="_change").loc[name]
        assert (changes == 0).all()
        assert rows.loc[name, "same_answer"] == 1
    assert rows.loc["frozen-first", "probability_change"] != 0
    with torch.no_grad():
        logits = average_frames(model.module(load_pixels(records, model.clip_spec).flip(1))).double()
    expected = logits.softmax(-1)[torch.arange(4), torch.arange(4)]
    reverse = found.clips[found.clips["condition"] == "reversed"]["probability"]
    np.testing.assert_allclose(reverse, expected.numpy(), rtol=1e-5)
    assert "pad-circular" not in rows.index
    assert any("exactly nothing" in note for note in found.notes)


def test_shuffles_that_change_nothing_have_a_mean_that_changes_nothing() -> None:
    """A third of the sum of 0.1, 0.1 and 0.1 is not 0.1."""
    alike = Answers(np.zeros(3, np.int64), np.array([0.1, 0.7, 1 / 3]))
    showing = Showing(small_model("c2d-resnet26s"), ("in-order", "shuffled"), shuffles=3, seed=0)
    ways = [("in-order", 0), *(("shuffled", number) for number in range(3))]
    showing.add([Seen((0, 1, 2), np.zeros(3, np.int64), dict.fromkeys(ways, alike), None)])
    shown = Shown(
        "net", showing, np.zeros(3, np.int64), ("a", "b", "c"), ("x", "y"), 4, Bootstrap(), np.arange(3)
    )
    changes = tabulate_conditions(shown).filter(like="_change")
    assert (changes == 0).all(axis=None)


def test_stills_are_chosen_by_certainty_or_by_the_class(tmp_path: Path) -> None:
    model, records = small_model(frames=3), write_clips(tmp_path, [0, 1, 2, 3], frames=3)
    found = gst.frame_order(model, records, conditions=("frozen-surest", "frozen-best"), **CPU)
    rows = found.clips.set_index(["condition", "clip"])
    for record, clip in zip(records, load_pixels(records, model.clip_spec), strict=True):
        with torch.no_grad():
            stills = clip[:, None].expand(-1, 3, -1, -1, -1)
            chances = average_frames(model.module(stills)).double().softmax(-1)
        surest = chances[chances.amax(1).argmax()]
        assert rows.loc[("frozen-surest", record.clip), "predicted_id"] == int(surest.argmax())
        best = float(chances[:, record.label].max())
        assert rows.loc[("frozen-best", record.clip), "probability"] == pytest.approx(best, rel=1e-4)


def test_a_network_that_takes_one_length_and_pads_nothing_is_told_so(tmp_path: Path) -> None:
    records = write_clips(tmp_path, [0, 1], frames=FRAMES)
    found = gst.frame_order(bring("tokens"), records, shuffles=1, **CPU)
    assert "half-as-many" not in set(found.table["condition"])
    assert "half-as-many is not defined: it takes clips of 6 frames alone" in found.notes
    assert any(note.startswith("pad-replicate is not defined") for note in found.notes)


def test_what_tells_where_a_clip_begins_is_said(tmp_path: Path) -> None:
    records = write_clips(tmp_path, [0, 1], frames=6)
    circular = {"conditions": ("pad-circular",), **CPU}
    same = gst.frame_order(small_model(frames=6), records, **circular)
    assert any("gets the same answers" in note for note in same.notes)
    pooled = bring("pooled")  # it pools frames two by two
    with torch.no_grad():
        pooled.module.get_parameter("head.weight").mul_(30)
    still = gst.frame_order(pooled, records, **circular)
    assert any("still gets other answers" in note for note in still.notes)


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    records = write_clips(tmp_path, [0, 1, 2])
    with pytest.raises(gst.SpecError, match="one frame, which has no order"):
        gst.frame_order(small_model(frames=1), records, **CPU)
    with pytest.raises(gst.SpecError, match=r"conditions: expected some of in-order.*found backwards"):
        gst.frame_order(small_model(), records, conditions=("backwards",))
    with pytest.raises(gst.SpecError, match="shuffles: expected a whole number"):
        gst.frame_order(small_model(), records, shuffles=0)
    with pytest.raises(gst.SpecError, match="bootstrap draws"):
        gst.frame_order("missing.pth", records, draws=3)


def test_a_clip_that_cannot_be_read_is_named_and_left_out(tmp_path: Path) -> None:
    records = write_clips(tmp_path, [0, 1, 2])
    lost = RecordList((*records[:2], ClipRecord("lost", tmp_path / "lost", 2)))
    model = rename(small_model(), "one")
    found = gst.frame_order(model, lost, conditions=("reversed",), **CPU)
    assert list(found.failures) == ["lost"]
    assert found.summary.clips == 2
    alone = gst.frame_order(model, records[:1], conditions=("reversed",), **CPU)
    assert any("intervals say nothing" in note for note in alone.notes)
