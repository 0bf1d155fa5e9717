"""The causal check: against plain whole passes, on networks whose answer is known, and on bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import gst_analysis as gst
from benchmarks.ablation import Settings, build_ways
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.analyses.ablation.run import draw_cycle, draw_order
from gst_analysis.analyses.ablation.table import INTERVENTIONS, AblationOptions
from gst_analysis.analyses.ablation.tabulate import tabulate_ablation
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import BrokenCheckpoint, DataError, SpecError
from gst_analysis.networks.network import average_frames
from gst_analysis.probes.clip_stream import group_evenly
from gst_analysis.probes.hooks import list_units
from gst_analysis.probes.resampling import Bootstrap, summarise_means
from tests.analyses.labelled_clips import load_pixels, small_model, write_clips
from tests.untyped import design, submodule, untyped

LABELS = [0, 1, 2, 3, 4, 0, 1]
FEW = Bootstrap(draws=100)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def records(tmp_path: Path) -> RecordList:
    return write_clips(tmp_path, LABELS)


def choose(*interventions: str, seed: int = 0) -> AblationOptions:
    chosen = interventions or INTERVENTIONS
    return AblationOptions(interventions=chosen, draws=100, seed=seed, batch=4, device="cpu")


@torch.no_grad()
def run_whole(model: LoadedModel, clips: Tensor, layer: str, change: Callable[[Tensor], Tensor]) -> Tensor:
    """The plain way: one whole forward pass with the batch norm's output changed."""
    norm = model.module.get_submodule(layer)
    hook = norm.register_forward_hook(lambda _, __, out: change(out.clone()))
    logits = average_frames(model.module(clips))
    hook.remove()
    return logits


def test_silent_temporal_channels_leave_no_order() -> None:
    """Without its temporal channels GST cannot tell the order of frames; with them it can."""
    model = small_model()
    clips = torch.randn(2, 6, 3, 32, 32)
    shuffled = clips[:, [3, 0, 5, 1, 4, 2]]
    with torch.no_grad():
        told = (average_frames(model.module(clips)) - average_frames(model.module(shuffled))).abs().max()
        for block in design(model.spec).blocks():
            norm = submodule(model.module, f"{block.name}.bn2")
            norm.weight[design(model.spec).groups(block.hidden)["temporal"]] = 0
            norm.bias[design(model.spec).groups(block.hidden)["temporal"]] = 0
        left = (average_frames(model.module(clips)) - average_frames(model.module(shuffled))).abs().max()
    assert told > 1e-2
    assert left < 1e-4


@pytest.mark.parametrize(
    "name",
    [
        "gst-resnet26s",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("gst-resnet18", "tsm-mobilenetv2")),
    ],
)
def test_sharing_what_comes_before_changes_nothing(name: str, records: RecordList) -> None:
    """Zeroing and averaging, against whole passes with a hook: the very same numbers."""
    model = small_model(name)
    table = measure_ablation(model, records, options=choose("zero", "mean")).table
    clips, labels = load_pixels(records, model.clip_spec), torch.tensor(LABELS)
    batches = (slice(0, 4), slice(4, 7))
    with torch.no_grad():
        untouched = torch.cat([average_frames(model.module(clips[part])) for part in batches])
    at_norms = table[~table["layer"].str.endswith(".shift")]  # tests/analyses/test_shifts.py has the others
    for (layer, group, kind), rows in at_norms.groupby(["layer", "group", "intervention"]):
        site = next(s for b in design(model.spec).blocks() for s in b.sites if f"{b.name}.{s.norm}" == layer)
        channels = untyped(design(model.spec).groups(site.c_out, depthwise=site.depthwise))[str(group)]
        means = torch.zeros(1) if kind == "zero" else _mean_activation(model, clips, str(layer))[channels]

        def change(out: Tensor, channels: slice = channels, means: Tensor = means) -> Tensor:
            out[:, channels] = means[:, None, None]
            return out

        changed = torch.cat([run_whole(model, clips[part], str(layer), change) for part in batches])
        own = (untouched - changed)[torch.arange(len(labels)), labels]
        rise = F.cross_entropy(changed, labels) - F.cross_entropy(untouched, labels)
        (row,) = rows.to_dict("records")
        assert row["logit_drop"] == pytest.approx(float(own.mean()), abs=2e-5)
        assert row["loss_rise"] == pytest.approx(float(rise), abs=2e-5)
        assert row["accuracy"] == float((changed.argmax(1) == labels).double().mean())


def test_going_on_fused_changes_nothing(records: RecordList, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model()
    plain = measure_ablation(model, records, options=choose("zero")).table
    monkeypatch.setattr("gst_analysis.analyses.ablation.work.fusing_pays", lambda spec, views: True)
    fused = measure_ablation(model, records, options=choose("zero")).table
    assert not fused["loss_rise"].equals(plain["loss_rise"])
    assert np.allclose(fused["loss_rise"], plain["loss_rise"], atol=1e-5)


def _mean_activation(model: LoadedModel, clips: Tensor, layer: str) -> Tensor:
    """What the next layer reads, averaged over everything but channels."""
    seen: list[Tensor] = []

    def keep(out: Tensor) -> Tensor:
        seen.append(out.clone())
        return out

    run_whole(model, clips, layer, keep)
    joins = design(model.spec).plan.kind == "basic" and layer.endswith("bn2")
    active = seen[0] if joins else seen[0].clamp(0, 6 if design(model.spec).plan.kind == "inverted" else None)
    return active.mean((0, 2, 3))


def test_shuffles_move_what_they_say(records: RecordList) -> None:
    """The first group of the first block, by hand, with the permutations drawn by the same seeds."""
    model = small_model()
    found = measure_ablation(model, records, options=choose("shuffle-batch", "shuffle-time", seed=3))
    clips, labels = load_pixels(records, model.clip_spec), torch.tensor(LABELS)
    with torch.no_grad():
        untouched = average_frames(model.module(clips))
    changed: dict[str, list[Tensor]] = {"shuffle-batch": [], "shuffle-time": []}
    for number, part in enumerate((slice(0, 4), slice(4, 7))):
        count = len(labels[part])
        others = torch.from_numpy(draw_cycle(np.random.default_rng([3, 0, number]), count))
        orders = [draw_order(np.random.default_rng([3, 1, place]), 4) for place in range(7)[part]]
        order = torch.from_numpy(np.stack(orders))

        def by_clip(out: Tensor, others: Tensor = others) -> Tensor:
            frames = out.unflatten(0, (-1, 4))
            frames[:, :, :12] = frames[others][:, :, :12]
            return frames.flatten(0, 1)

        def by_frame(out: Tensor, order: Tensor = order) -> Tensor:
            frames = out.unflatten(0, (-1, 4))
            frames[:, :, :12] = torch.stack([one[own] for one, own in zip(frames, order, strict=True)])[
                :, :, :12
            ]
            return frames.flatten(0, 1)

        changed["shuffle-batch"].append(run_whole(model, clips[part], "layer1.0.bn2", by_clip))
        changed["shuffle-time"].append(run_whole(model, clips[part], "layer1.0.bn2", by_frame))
    rows = found.table.query("layer == 'layer1.0.bn2' and group == 'spatial'").set_index("intervention")
    for kind, parts in changed.items():
        drop = (untouched - torch.cat(parts))[torch.arange(7), labels].mean()
        assert abs(float(drop)) > 1e-4
        assert rows["logit_drop"][kind] == pytest.approx(float(drop), abs=2e-5)


def test_the_one_group_that_matters_is_found(tmp_path: Path) -> None:
    """All branches are silent but one, which reads the temporal channels alone; labels are its answers."""
    model = small_model()
    with torch.no_grad():
        for block in design(model.spec).blocks():
            if block.name != "layer3.0":
                submodule(model.module, f"{block.name}.bn3").weight.zero_()
        conv3 = submodule(model.module, "layer3.0.conv3").weight
        conv3[:, : 3 * conv3.shape[1] // 4] = 0
        submodule(model.module, "layer3.0.bn3").weight.mul_(5)
        clips = write_clips(tmp_path / "unlabelled", [0] * 12)
        pixels = load_pixels(clips, model.clip_spec)
        mean = model.module(pixels).mean((0, 1))
        submodule(model.module, "fc").bias -= mean  # so that every class is some clip's
        answers = average_frames(model.module(pixels)).argmax(1)
    labelled = RecordList(
        tuple(ClipRecord(r.clip, r.path, int(a)) for r, a in zip(clips, answers, strict=True))
    )
    found = measure_ablation(model, labelled, options=choose())
    assert found.summary.accuracy.value == 1
    matters = (found.table["layer"] == "layer3.0.bn2") & (found.table["group"] == "temporal")
    quiet = found.table[~matters]
    for measure in ("accuracy_drop", "logit_drop", "loss_rise"):
        assert (quiet[measure].abs() < 1e-6).all()
    loud = found.table[matters].set_index("intervention")
    assert (loud.loc[["zero", "mean", "shuffle-batch"], "loss_rise"] > 0.02).all()
    assert (loud.loc[["zero", "mean", "shuffle-batch"], "accuracy_drop"] > 0.1).all()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers(records: RecordList) -> None:
    model = small_model()
    first, again, other = (
        measure_ablation(model, records, options=choose(seed=seed)).table for seed in (5, 5, 6)
    )
    assert first.equals(again)
    shuffled = first["intervention"].str.startswith("shuffle")
    assert not np.allclose(first["logit_drop"][shuffled], other["logit_drop"][shuffled])
    assert np.array_equal(first["logit_drop"][~shuffled], other["logit_drop"][~shuffled])


@pytest.mark.parametrize("fails", [False, True])
def test_the_network_is_left_as_it_was(
    fails: bool, records: RecordList, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model()
    network = model.module.train()
    network.get_submodule("layer2").eval()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    if fails:
        monkeypatch.setattr(network, "finish", lambda x: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            measure_ablation(model, records, options=choose("zero"))
    else:
        measure_ablation(model, records, options=choose())
    assert [module.training for module in network.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    assert all(p.grad is None and p.requires_grad for p in network.parameters())
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert torch.is_grad_enabled()


def test_clips_that_cannot_be_read_are_named_and_left_out(records: RecordList, tmp_path: Path) -> None:
    broken = ClipRecord("gone", tmp_path / "gone", 0)
    found = measure_ablation(small_model(), RecordList((broken, *records)), options=choose("zero"))
    assert list(found.failures) == ["gone"]
    assert found.summary.clips == len(records)
    assert not any("one clip" in note for note in found.notes)
    with pytest.raises(DataError, match=r"gone.*dataset-check"):
        measure_ablation(small_model(), RecordList((broken, broken)), options=choose("zero"))


def test_what_is_not_defined_is_said(tmp_path: Path) -> None:
    one = write_clips(tmp_path / "one", [1])
    found = measure_ablation(small_model(), one, options=choose())
    assert found.summary.interventions == ("zero", "shuffle-time")
    undefined = {note.split(" is not defined")[0] for note in found.notes}
    assert undefined == {"mean", "shuffle-batch", "one clip: intervals say nothing of others"}
    with pytest.raises(SpecError, match=r"shuffle-batch: a batch of one clip.*choose zero"):
        measure_ablation(small_model(), one, options=choose("shuffle-batch"))
    gone = ClipRecord("gone", tmp_path / "gone", 0)  # read, one is left of two; its name comes twice
    left = measure_ablation(small_model(), RecordList((*one, gone, gone)), options=choose())
    pd.testing.assert_frame_equal(left.table, found.table)
    assert left.summary.interventions == found.summary.interventions
    assert left.notes == found.notes
    two = RecordList((gone, *one))
    with pytest.raises(SpecError, match=r"shuffle-batch: a batch of one clip.*choose zero"):
        measure_ablation(small_model(), two, options=choose("shuffle-batch"))
    still = write_clips(tmp_path / "still", [0, 1, 2], frames=1)
    found = measure_ablation(small_model(frames=1), still, options=choose())
    assert "shuffle-time" not in found.summary.interventions


def test_bad_plans_and_labels(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="interventions: expected some of zero"):
        AblationOptions(interventions=("freeze",))
    with pytest.raises(SpecError, match="draws"):
        Bootstrap(draws=3)
    with pytest.raises(SpecError, match="confidence"):
        Bootstrap(confidence=95)
    clips = write_clips(tmp_path, [0, 9])
    with pytest.raises(DataError, match="class numbers below 5"):
        measure_ablation(small_model(), clips, options=choose())


def test_a_group_of_one_channel_and_no_groups_at_all(records: RecordList) -> None:
    found = measure_ablation(small_model("c3d-resnet26s"), records, options=choose("zero"))
    assert set(found.table["group"]) == {"all"}
    assert np.isfinite(found.table["loss_rise"]).all()


@pytest.mark.parametrize("count", range(1, 14))
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_batches_are_even(count: int, size: int) -> None:
    runs = list(group_evenly(iter(range(count)), size))
    assert [item for run in runs for item in run] == list(range(count))
    assert max(map(len, runs)) <= max(size, 3 if size == 2 else size)
    assert size == 1 or count == 1 or min(map(len, runs)) > 1


@pytest.mark.parametrize("count", range(2, 9))
def test_shuffles_leave_nothing_in_place(count: int) -> None:
    for seed in range(30):
        cycle = draw_cycle(np.random.default_rng(seed), count)
        assert sorted(cycle) == list(range(count))
        assert (cycle != np.arange(count)).all()
        order = draw_order(np.random.default_rng(seed), count)
        assert sorted(order) == list(range(count))
        assert (order != np.arange(count)).any()


def test_intervals_are_those_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(2, 1, (1, 400))
    same, drawn = summarise_means(np.vstack([np.full(400, 0.25), values]), Bootstrap())
    assert (same.value, same.low, same.high) == (0.25, 0.25, 0.25)
    error = values.std() / 20
    assert drawn.low == pytest.approx(drawn.value - 1.96 * error, abs=0.15 * error)
    assert drawn.high == pytest.approx(drawn.value + 1.96 * error, abs=0.15 * error)


def test_nothing_lost_of_all_right_is_not_sure() -> None:
    """The network has all 40 clips right, changed or not: of other clips some may be lost."""
    unit = list_units(design(small_model().spec))[0]
    untouched = np.stack([np.ones(40), np.full(40, 5.0), np.full(40, 0.1)])
    changed = untouched[None] + np.array([0, 0.5, 0.25])[None, :, None]
    row = tabulate_ablation([(unit, "mean")], untouched, changed, FEW).iloc[0]
    assert (row["accuracy"], row["accuracy_drop"]) == (1, 0)
    assert -0.1 < row["accuracy_drop_low"] < 0 < row["accuracy_drop_high"] < 0.1
    ends = [row[f"{name}{end}"] for name in ("logit_drop", "loss_rise") for end in ("_low", "_high")]
    assert ends == pytest.approx([-0.5, -0.5, 0.25, 0.25]), "numbers that all clips agree on"
    videos = np.repeat(np.arange(4), 10)
    cut = tabulate_ablation([(unit, "mean")], untouched, changed, FEW, videos).iloc[0]
    assert cut["accuracy_drop_high"] > 3 * row["accuracy_drop_high"], "ten clips each of four videos"


@pytest.mark.slow
def test_sharing_costs_at_most_three_fifths() -> None:
    """Counted, not timed; and the two ways agree to the last bit."""
    ways = build_ways(Settings(size=32, frames=2, batch=2))
    work, results = {}, {}
    with torch.no_grad():
        for name, call in ways.items():
            with FlopCounterMode(display=False) as counter:
                results[name] = call()
            work[name] = counter.get_total_flops()
    assert np.array_equal(results["shared"], results["whole"])
    assert work["shared"] <= 0.6 * work["whole"]


def test_logits_that_are_no_numbers_are_the_networks_fault(records: RecordList) -> None:
    model = small_model()
    with torch.no_grad():
        untyped(model.module).layer4[0].bn1.running_var.neg_()  # finite, and its root is none
    with pytest.raises(BrokenCheckpoint, match="finite logits"):
        measure_ablation(model, records, options=choose("zero"))
    with pytest.raises(BrokenCheckpoint, match="finite logits"):
        gst.slim(model, records, macs=0.8, batch=4, device="cpu")
