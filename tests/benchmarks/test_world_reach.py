"""Reach over frames on the hard world: nothing but it differs, and the page says what was found."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks import table2, world_reach, world_reach_eyes
from benchmarks.table2_runs import ENTRIES, Budget
from benchmarks.world_reach import (
    REST_PLAN,
    TSM,
    FarShift,
    Variant,
    compare,
    do_run,
    limit,
    list_variants,
    read_plan,
    take_budget,
)
from benchmarks.world_reach_eyes import Window, learn, see
from gst_analysis.networks.operators import shift_channels
from gst_analysis.networks.registry import build_model
from gst_analysis.planted.making import draw_plan

PAGE = Path("docs/planted-worlds.md")
TINY = Budget(width=8, train_clips=24, test_clips=24, video_frames=8, frames=4, epochs=1, batch_size=12)
C2D = next(entry for entry in ENTRIES if entry.folder == "c2d")


def build(variant: Variant) -> nn.Module:
    torch.manual_seed(0)
    network = build_model(Budget().spec(TSM)).eval()
    limit(network, variant)
    return network


def test_networks_of_all_reaches_begin_with_the_same_weights() -> None:
    torch.manual_seed(0)
    plain = build_model(Budget().spec(C2D)).state_dict()
    for variant in list_variants(read_plan()):
        own = build(variant).state_dict()
        assert own.keys() == plain.keys()
        assert all(torch.equal(own[name], plain[name]) for name in own)


def test_with_rest_its_two_ends_are_trained_too_and_on_clips_of_its_own() -> None:
    plan = read_plan(REST_PLAN)
    by_name = {one.name: one for one in list_variants(plan)}
    table = {one.name: one for one in list_variants(read_plan())}
    assert all(by_name[name] == table[name] for name in world_reach.ENDS.values())
    assert {len(one.blocks) for one in by_name.values()} == {0, 1, 2, 8}
    budget = take_budget(plan)
    assert [budget.world(test=test).rest for test in (False, True)] == [0.75, 0.75]
    assert dataclasses.replace(budget.world(test=True), rest=0.0) == Budget().world(test=True)
    assert world_reach.take_ends(table2.TARGET, plan) == [], "nothing of Table 2 stands beside it"


def test_a_far_shift_of_one_is_tsms_and_one_of_three_moves_by_three() -> None:
    x = torch.randn(2 * 8, 16, 2, 2)
    assert torch.equal(FarShift(8, 1)(x, 8), shift_channels(x, 8, 8))
    moved, clips = FarShift(8, 3)(x, 8).unflatten(0, (2, 8)), x.unflatten(0, (2, 8))
    assert torch.equal(moved[:, :5, :2], clips[:, 3:, :2])
    assert torch.equal(moved[:, 3:, 2:4], clips[:, :5, 2:4])
    assert not moved[:, 5:, :2].any()
    assert torch.equal(moved[:, :, 4:], clips[:, :, 4:])


@pytest.mark.slow
def test_gradients_reach_as_far_as_the_page_says() -> None:
    """Of the middle frame's answer, in double precision; by three, only every third frame is seen."""
    seen = {}
    for variant in list_variants(read_plan()):
        clip = torch.randn(1, 8, 3, 32, 32, dtype=torch.double, requires_grad=True)
        (slope,) = torch.autograd.grad(build(variant).double()(clip)[0, 3].sum(), clip)
        seen[variant.name] = [int(frame) - 3 for frame in slope[0].flatten(1).any(1).nonzero()]
        assert max(map(abs, seen[variant.name])) == min(variant.half_width, 4)
    assert seen["last-block-by-three"] == [-3, 0, 3]
    assert seen["last-stage"] == [-2, -1, 0, 1, 2]


@pytest.mark.slow
def test_a_run_is_measured_with_the_reach_that_it_was_trained_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any shift it is trained and measured as C2D is: to the last digit, with the same seed."""
    (nowhere,) = (one for one in list_variants(read_plan()) if not one.blocks)
    found = do_run(tmp_path, TINY, nowhere, 0)
    monkeypatch.setattr(world_reach, "TSM", C2D)
    other = dataclasses.replace(nowhere, name="c2d")
    same = do_run(tmp_path, TINY, other, 0)
    assert (found.top1, found.top5, found.loss) == (same.top1, same.top5, same.loss)
    assert found.clips == 24
    monkeypatch.setattr(world_reach, "train", None)  # to train again would fail
    assert do_run(tmp_path, TINY, nowhere, 0) == found
    setup = importlib.import_module("gst_analysis.training.setup")
    assert setup.create_model.__name__ == "create_model", "what was put in its place is gone"


def test_the_rule_asks_for_every_seed_and_for_five_points() -> None:
    high, low = (0.9, 0.92, 0.88), (0.5, 0.6, 0.4)
    assert compare(high, low, 0.05)["answer"] == "pays"
    assert compare(low, high, 0.05)["answer"] == "does not"
    assert compare((0.9, 0.92, 0.55), low, 0.05)["answer"] == "undecided"
    assert compare((0.91, 0.92, 0.9), (0.88, 0.89, 0.885), 0.05)["answer"] == "does not"
    assert compare(high, low[:2], 0.05) == {
        "difference": None,
        "low": None,
        "high": None,
        "answer": "undecided",
    }


def test_a_window_of_one_frame_does_not_show_how_far_the_object_has_come() -> None:
    paths = np.random.default_rng(0).uniform(0, 1, (4, 8, 2)).astype(np.float32)
    alone = see(paths, Window(1, ends_shown=False))
    assert alone.shape == (4, 8, 9)
    assert not alone[..., 4:8].any()
    assert see(paths, Window(3, ends_shown=False)).shape == (4, 6, 27)
    around = see(paths, Window(3, ends_shown=True))
    assert around.shape == (4, 8, 27)
    assert not around[:, 0, :9].any(), "before the first frame there is nothing"


@pytest.mark.slow
def test_an_eye_learns_what_three_frames_tell() -> None:
    """Two steps by two directions, by their order alone: one frame is a guess, three are enough."""
    random = np.random.default_rng(0)
    truth = np.arange(400) % 2
    first = np.where(truth[:, None, None] == 1, [[1, 0], [0, 1]], [[0, 1], [1, 0]])  # (N, steps, 2)
    moves = np.repeat(first, 4, axis=1) * 0.05
    paths = (random.uniform(0, 1, (400, 1, 2)) + np.cumsum(moves, axis=1)).astype(np.float32)
    train, fresh = (paths[:300], truth[:300]), (paths[300:], truth[300:])
    assert learn(Window(3, ends_shown=True), 0, train, fresh, passes=40) > 0.95


def test_averaged_frames_tell_more_than_shapes_though_each_frame_tells_nothing() -> None:
    """A sum over frames is large where the object crosses a stripe, which it does or does not by its way."""
    world = Budget().world(test=True)
    stories = ("right", "left"), ("up", "down")
    labels = [one.label for one in world.classes if one.shape == "disc" and one.story in stories]
    crossed = []
    for label in labels:
        sprites = [s for index in range(200) for s in draw_plan(world, index, label=label).scene.sprites]
        heights = np.stack([sprite.track[1::2, 1] for sprite in sprites if sprite.role == "target"])
        crossed.append(((3 * heights) % 1 < 0.2).any(1).mean())
    low, high = sorted(crossed)
    assert 0.12 < (1 - low + high) / 12 < 0.16


def test_a_bag_tells_a_way_from_its_reversal_by_how_long_the_object_rests_where() -> None:
    """At the first place or at the last, of all frames: a step begins half a frame later than in reverse."""
    world = Budget().world(test=True)
    (label,) = [o.label for o in world.classes if (o.shape, o.story) == ("disc", ("right", "up"))]
    told = []
    for index in range(300):
        sprites = draw_plan(world, index, label=label).scene.sprites
        (track,) = (sprite.track[:, :2] for sprite in sprites if sprite.role == "target")
        first, last = ((track == track[end]).all(1).sum() for end in (0, -1))
        told.append(0.5 if first == last else float(first > last))
    assert 0.6 < np.mean(told) < 0.72


def test_the_page_shows_what_was_found() -> None:
    page = PAGE.read_text(encoding="utf-8")
    eyes = json.loads(world_reach_eyes.TARGET.read_text(encoding="utf-8"))
    assert world_reach_eyes.format_eyes(eyes["runs"]) in page
    rested = json.loads(world_reach_eyes.RESTED.read_text(encoding="utf-8"))
    assert rested["rest"] == 0.75
    assert world_reach_eyes.format_eyes(rested["runs"]) in page
    for target in (world_reach.REST_TARGET, world_reach.TARGET):
        record = json.loads(target.read_text(encoding="utf-8"))
        titles = {line["name"]: line["title"] for line in record["lines"]}
        assert world_reach.format_lines(record["lines"]) in page
        assert world_reach.format_answers(record["answers"], titles) in page
    told = json.loads(table2.TARGET.read_text(encoding="utf-8"))
    assert record["budget"] == told["budget"]
    for name, title in world_reach.ENDS.items():
        (theirs,) = (line for line in told["lines"] if line["network"] == name)
        (ours,) = (line for line in record["lines"] if line["name"] == title)
        assert ours["top1"] == theirs["top1"]
