"""Slimming: what is proposed costs what is said, and what is taken out is the same as silenced."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from gst_analysis import load_model, save_model
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.analyses.cost.counting import summarise_cost
from gst_analysis.analyses.importance.measure import infer_importance
from gst_analysis.analyses.scales.measure import tabulate_bn_scales
from gst_analysis.analyses.slimming.curve import Point, SlimmingCurve, measure_curve
from gst_analysis.analyses.slimming.measure import slim_model
from gst_analysis.analyses.slimming.order import (
    Budget,
    Proposal,
    SlimmingOrder,
    rank_within_groups,
    shuffle_values,
    tabulate_widths,
)
from gst_analysis.analyses.slimming.pruning import prune_model
from gst_analysis.checkpoints.shapes import expected_shapes
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import GstError, SpecError
from gst_analysis.networks.network import average_frames
from gst_analysis.networks.registry import anatomy_of, build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.probes.hooks import masked_channels
from tests.analyses.labelled_clips import CPU, SIZE, load_pixels, small_model, spec_of, write_clips
from tests.untyped import design, untyped

FAMILIES = ["gst-resnet26s", "gst-large-resnet26s", "c2d-resnet26s", "tsm-resnet26s", "c3d-resnet26s"]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def random_scores(spec: ModelSpec, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = [
        {"layer": unit.layer, "group": unit.group, "channel": channel, "value": float(rng.random())}
        for unit in anatomy_of(spec).scaled
        for channel in range(unit.channels.start, unit.channels.stop)
    ]
    return pd.DataFrame(rows)


def order_of(spec: ModelSpec, seed: int = 0) -> SlimmingOrder:
    return SlimmingOrder(spec, random_scores(spec, seed), size=SIZE)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("quantity", ["macs", "params"])
def test_what_is_predicted_is_what_is_built(name: str, quantity: str) -> None:
    """Three derivations: the running sums, the arithmetic of the slimmed spec, and the built network."""
    spec = spec_of(name)
    proposal = order_of(spec).propose(Budget(quantity, 0.8))
    cost = summarise_cost(proposal.spec, size=SIZE)
    assert (proposal.params, proposal.macs) == (cost.params, cost.macs)
    network = build_model(proposal.spec).eval()
    assert sum(p.numel() for p in network.parameters()) == proposal.params
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, spec.num_frames, 3, SIZE, SIZE))
    assert counter.get_total_flops() == 2 * proposal.macs
    shapes = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    assert shapes == expected_shapes(proposal.spec)


@pytest.mark.parametrize("quantity", ["macs", "params"])
def test_no_more_is_taken_out_than_the_budget_asks(quantity: str) -> None:
    spec = spec_of("gst-resnet26s")
    order = order_of(spec)
    whole = getattr(summarise_cost(spec, size=SIZE), quantity)
    proposal = order.propose(Budget(quantity, 0.85))
    assert getattr(proposal, quantity) <= 0.85 * whole
    assert getattr(order.take(proposal.removed - 1), quantity) > 0.85 * whole


@pytest.mark.parametrize("name", FAMILIES)
def test_taken_out_is_the_same_as_silenced(name: str) -> None:
    model = small_model(name)
    proposal = order_of(design(model.spec)).propose(Budget("macs", 0.85))
    smaller = prune_model(model, proposal)
    clips = torch.randn(2, 4, 3, SIZE, SIZE)
    with torch.no_grad():
        whole = model.module(clips)
        with masked_channels(model.module, proposal.dropped):
            silenced = model.module(clips)
        pruned = smaller.module(clips)
    scale = whole.abs().max()
    assert (pruned - silenced).abs().max() < 1e-5 * max(1, scale)
    assert (pruned - whole).abs().max() > 1e-2 * scale
    assert smaller.spec == proposal.spec
    assert smaller.checkpoint.params == proposal.params


def test_a_slimmed_checkpoint_is_like_any_other(tmp_path: Path) -> None:
    model = small_model()
    proposal = order_of(design(model.spec)).propose(Budget("params", 0.7))
    smaller = prune_model(model, proposal)
    for file in ("slim.pth", "slim.safetensors"):
        saved = save_model(
            tmp_path / file,
            smaller.module,
            clip_spec=smaller.clip_spec,
            provenance=smaller.checkpoint.provenance,
        )
        loaded = load_model(saved)
        assert loaded.spec == proposal.spec
        assert loaded.spec.label.endswith("slimmed")
        clips = torch.randn(1, 4, 3, SIZE, SIZE)
        with torch.no_grad():
            assert torch.equal(loaded.module(clips), smaller.module(clips))
    kept = loaded.checkpoint.provenance["kept_channels"]["layer2.0.bn2"]
    scales = tabulate_bn_scales(loaded.checkpoint).query("layer == 'layer2.0.bn2'")
    whole = tabulate_bn_scales(model.checkpoint).query("layer == 'layer2.0.bn2'").iloc[kept]
    np.testing.assert_array_equal(scales["gamma"], whole["gamma"])
    assert list(scales["group"]) == list(whole["group"])
    assert len(infer_importance(loaded.checkpoint)) == sum(map(sum, proposal.spec.widths or ()))
    clips_of = write_clips(tmp_path / "clips", [0, 1])
    options = AblationOptions(interventions=("zero",), draws=100, device="cpu")
    assert measure_ablation(loaded, clips_of, options=options).summary.clips == 2


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["macs", "params"]), st.floats(0.01, 0.99))
def test_any_budget_is_met_by_the_lowest_channels_and_no_more(seed: int, quantity: str, part: float) -> None:
    spec = spec_of("gst-resnet26s")
    channels = random_scores(spec, seed)
    order = SlimmingOrder(spec, channels, size=SIZE)
    least = order.smallest_share[quantity]
    share = least + part * (1 - least)
    found = order.propose(Budget(quantity, share))
    whole = getattr(order.whole, quantity)
    assert getattr(found, quantity) <= share * whole
    if found.removed:
        assert getattr(order.take(found.removed - 1), quantity) > share * whole
    out = {(layer, channel) for layer, rows in found.dropped.items() for channel in rows}
    assert len(out) == found.removed
    gone = np.array([key in out for key in zip(channels["layer"], channels["channel"], strict=True)])
    best = channels.groupby(["layer", "group"])["value"].transform("max") == channels["value"]
    assert not (gone & best).any()
    if gone.any():
        assert channels["value"][gone].max() < channels["value"][~gone & ~best].min()
    same = SlimmingOrder(spec, channels.assign(value=np.exp(channels["value"]) * 5 - 2), size=SIZE)
    assert same.take(found.removed).kept == found.kept  # the order of scores counts, not their unit


def test_the_lowest_go_first_and_the_best_of_a_group_stays() -> None:
    spec = spec_of("gst-resnet26s")
    channels = random_scores(spec)
    channels.loc[channels["layer"] == "layer1.0.bn2", "value"] -= 10
    order = SlimmingOrder(spec, channels, size=SIZE)
    first = order.take(14)  # 16 channels in two groups, of which one each stays
    assert set(first.dropped) == {"layer1.0.bn2"}
    for group in ("spatial", "temporal"):
        rows = channels[(channels["layer"] == "layer1.0.bn2") & (channels["group"] == group)]
        assert int(untyped(rows).loc[rows["value"].idxmax(), "channel"]) in first.kept["layer1.0.bn2"]
    assert first.spec.widths is not None
    assert first.spec.widths[0] == (1, 1)
    smallest = order.take(len(order.order))
    assert set(smallest.spec.widths or ()) == {(1, 1)}


def test_equal_shares_and_random_orders() -> None:
    spec = spec_of("gst-resnet26s")
    channels = random_scores(spec)
    even = SlimmingOrder(spec, rank_within_groups(channels), size=SIZE)
    half = even.propose(Budget("macs", (1 + even.smallest_share["macs"]) / 2))
    table = tabulate_widths(spec, half.spec, name="one")
    share = table["after"] / table["before"]
    assert (share - share.median()).abs().max() <= 0.25  # a group of 4 can only change by quarters
    first, again, other = (
        SlimmingOrder(spec, shuffle_values(channels, seed=seed), size=SIZE).take(30).kept
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_group_of_one_channel_stays() -> None:
    spec = ModelSpec.from_name("gst-resnet26s", alpha="1/8", width=8, num_classes=3)
    order = order_of(spec)
    assert (order.take(len(order.order)).spec.widths or ())[0] == (1, 1)
    assert summarise_cost(order.take(len(order.order)).spec, size=SIZE).macs == order.left["macs"][-1]


def test_impossible_budgets_and_networks() -> None:
    order = order_of(spec_of("gst-resnet26s"))
    with pytest.raises(SpecError, match=r"share of at least 0\.\d+"):
        order.propose(Budget("macs", 0.01))
    least = float(np.ceil(1000 * order.smallest_share["macs"]) / 1000)
    assert set(order.propose(Budget("macs", least)).spec.widths or ())
    for quantity, share in (("macs", 1.5), ("luck", 0.5), ("params", 0.0)):
        with pytest.raises(SpecError, match="budget"):
            Budget(quantity, share)
    for name in ("gst-resnet18", "sth-resnet26s", "p3d-resnet26s", "c3d-g2-resnet26s", "tsm-mobilenetv2"):
        spec = spec_of(name)
        with pytest.raises(SpecError, match="can be taken out"):
            SlimmingOrder(spec, pd.DataFrame(), size=SIZE)
    slimmed = order.take(5).spec
    with pytest.raises(SpecError, match="slimmed before"):
        SlimmingOrder(slimmed, random_scores(slimmed), size=SIZE)


def test_widths_in_a_spec() -> None:
    spec = order_of(spec_of("gst-resnet26s")).take(20).spec
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert "widths" not in spec_of("gst-resnet26s").to_json()
    assert spec.replace(num_frames=16).widths == spec.widths
    assert spec.replace(width=32).widths is None
    with pytest.raises(SpecError, match="groups_at"):
        spec.groups(16)
    (site,) = next(iter(spec.blocks())).sites
    spatial, temporal = (spec.widths or ())[0]
    assert dict(spec.groups_at(site)) == {
        "spatial": slice(0, spatial),
        "temporal": slice(spatial, spatial + temporal),
    }
    record = spec_of("gst-resnet26s").to_json()
    for widths in ([[3, 1]], [[3, 0]] * 8, [[3]] * 8, "wide", [[3, 1.5]] * 8, [[True, 1]] * 8):
        with pytest.raises(SpecError, match="widths"):
            ModelSpec.from_json({**record, "widths": widths})
    with pytest.raises(SpecError, match="can be slimmed"):
        ModelSpec.from_json({**spec_of("gst-resnet18").to_json(), "widths": [[3, 1]] * 8})


def test_a_file_whose_widths_are_not_its_tensors_is_refused(tmp_path: Path) -> None:
    model = small_model()
    smaller = prune_model(model, order_of(design(model.spec)).take(20))
    smaller.module.spec = model.spec
    with pytest.raises(GstError, match="misshapen"):
        load_model(save_model(tmp_path / "odd.pth", smaller.module))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> RecordList:
    return write_clips(tmp_path_factory.mktemp("clips"), [0, 1, 2, 3, 4, 0])


def test_the_curve_is_that_of_networks_really_slimmed(clips: RecordList) -> None:
    model = small_model()
    model.module.train()
    curve = measure_curve(model, random_scores(design(model.spec)), clips, settings=CPU)
    assert all(module.training and not module._forward_hooks for module in model.module.modules())
    model.module.eval()
    assert curve.table.groupby(["method", "draw"]).size().to_dict() == {
        ("random", 0): 9,
        ("random", 1): 9,
        ("random", 2): 9,
        ("score", 0): 17,
        ("uniform", 0): 9,
    }
    pixels = load_pixels(clips, model.clip_spec)
    labels = torch.tensor([record.label for record in clips])
    for row, point in list(zip(curve.table.to_dict("records"), curve.points, strict=True))[::5]:
        smaller = prune_model(model, point.proposal).module
        with torch.no_grad():
            right = average_frames(smaller(pixels)).argmax(1) == labels
        assert row["accuracy"] == pytest.approx(float(right.double().mean()))
        assert row["macs"] == summarise_cost(point.proposal.spec, size=SIZE).macs
    ways = dict(iter(curve.table.groupby(["method", "draw"])))
    assert ways["score", 0]["ahead"].isna().all()
    for way in (("uniform", 0), ("random", 2)):
        own, score = ways[way], ways["score", 0].iloc[::2]
        np.testing.assert_allclose(own["ahead"], score["accuracy"].to_numpy() - own["accuracy"])
        assert ((own["ahead_low"] <= own["ahead"]) & (own["ahead"] <= own["ahead_high"])).all()
        assert own["ahead"].iloc[0] == 0, "the whole network against itself"
        assert own["ahead_low"].iloc[0] < 0 < own["ahead_high"].iloc[0], "on six clips that says little"
    first = curve.table.iloc[0]
    assert (first["removed"], first["macs_share"]) == (0, 1.0)
    found = slim_model(model, curve.points[4].proposal, curve, settings=CPU)
    assert found.summary.after.accuracy is not None
    assert found.summary.after.accuracy.value == curve.table["accuracy"][4]
    assert found.summary.after.macs == curve.table["macs"][4]


@pytest.mark.parametrize(("allowed", "chosen"), [(0.0, 1), (0.05, 2), (0.15, 2), (0.2, 4)])
def test_as_much_as_accuracy_allows(allowed: float, chosen: int, clips: RecordList) -> None:
    """Accuracies 80, 80, 76, 61, 70 of networks by score: the last before the first that is too bad."""
    spec = spec_of("gst-resnet26s")
    order = order_of(spec)
    points = tuple(Point("score", 0, order.take(count)) for count in range(5))
    other = Point("uniform", 0, order.take(9))
    accuracy = [0.8, 0.8, 0.76, 0.61, 0.7, 0.8]
    table = pd.DataFrame({"method": ["score"] * 5 + ["uniform"], "accuracy": accuracy})
    curve = SlimmingCurve(table, (*points, other), clips, {})
    proposal: Proposal = curve.choose(allowed)
    assert proposal.removed == chosen
