"""Every analysis of networks that somebody brought, against what is known of them by construction."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gst_analysis as gst
from gst_analysis.analyses.ablation.run import draw_order
from gst_analysis.analyses.importance.data_scores import measure_data_scores
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.sampling import sample_frames
from gst_analysis.networks.network import average_frames
from tests.clips.planted_clips import write_video
from tests.networks.brought import CLASSES, FRAMES, NETWORKS, bring

CPU = {"device": "cpu"}


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> RecordList:
    folder = tmp_path_factory.mktemp("brought")
    paths = [write_video(folder / f"{n}.mp4", frames=9 + n, width=48, height=40) for n in range(3)]
    clips = [ClipRecord(path.name, path, label=n, label_text=f"class {n}") for n, path in enumerate(paths)]
    return RecordList(tuple(clips), tuple(f"class {number}" for number in range(CLASSES)))


def freeze_time(network: gst.Network) -> gst.Network:
    """Let every kernel over time hand on its own frame alone."""
    for module in network.module.modules():
        if isinstance(module, nn.Conv3d) and module.kernel_size == (3, 1, 1):
            with torch.no_grad():
                module.weight[:, :, [0, 2]] = 0
    return network


def read(network: gst.Network, record: ClipRecord) -> Tensor:
    """One clip as the network is given it, (1, T, 3, H, W)."""
    views, _ = load_views(record, ReadingPlan(network.clip_spec))
    return views.float()


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_are_the_modules_own(name: str, records: RecordList) -> None:
    """Derived again: the module run by hand, without batches, folding or views."""
    network = bring(name)
    found = gst.predict(network, records, **CPU).table
    for record in records:
        with torch.no_grad():
            expected = average_frames(network.module(read(network, record)))[0].softmax(-1)
        rows = found[found["clip"] == record.clip].set_index("class_id")["probability"]
        assert rows.to_dict() == pytest.approx({n: float(expected[n]) for n in rows.index}, rel=1e-4)


def test_a_network_by_frame_is_made_of_its_own_frames(records: RecordList) -> None:
    network = bring("by-frame")
    found = gst.frame_influence(network, records, **CPU)
    shares = found.table[found.table["method"] == "gradient"].pivot(
        index="output_frame", columns="input_frame", values="share"
    )
    assert np.allclose(shares.to_numpy(), np.eye(FRAMES))
    assert found.summary.own_share["gradient"] == pytest.approx(1)


def test_places_without_kernels_over_time_see_their_own_frame(records: RecordList) -> None:
    moving, frozen = bring("three-d"), freeze_time(bring("three-d"))
    for network, spreads in ((moving, True), (frozen, False)):
        fields = gst.frame_influence(network, records, **CPU).receptive_fields
        beside = fields[fields["input_frame"] != fields["output_frame"]]
        assert (beside["share"] > 0).any() == spreads


def test_one_answer_a_clip_is_a_row_over_its_frames(records: RecordList) -> None:
    found = gst.frame_influence(bring("three-d"), records, **CPU)
    assert set(found.table["output_frame"]) == {0}
    assert set(found.table["input_frame"]) == set(range(FRAMES))
    assert found.summary.own_share == {}
    assert any("one answer a clip" in note for note in found.notes)
    assert "nan" not in str(found.to_document()).lower()


@pytest.mark.parametrize("name", ["three-d", "tokens"])
def test_rows_of_a_trace_are_answers_to_the_frames_so_far(name: str, records: RecordList) -> None:
    """Derived again: the module run on the first frames, the last one standing still if it takes no fewer."""
    network = bring(name)
    found = gst.trace(network, records, **CPU)
    assert set(found.table["mode"]) == {"prefix"}
    rows = found.table.groupby(["clip", "frame"])["probability"].max().unstack()
    assert rows.shape == (len(records), FRAMES)
    clip = read(network, records[0])
    for given in range(1, FRAMES + 1):
        shown = clip[:, :given]
        if not network.anatomy.any_length:
            shown = torch.cat([shown, shown[:, -1:].expand(-1, FRAMES - given, -1, -1, -1)], 1)
        with torch.no_grad():
            expected = average_frames(network.module(shown)).softmax(-1).max()
        assert rows.loc[records[0].clip, given - 1] == pytest.approx(float(expected), rel=1e-4)


def test_silencing_what_is_silent_already_loses_nothing(records: RecordList) -> None:
    """Two norms give nothing: one is found to be needed for nothing, exactly; others move the logit."""
    network = bring("three-d")
    norm = network.module.get_submodule("blocks.1.time_norm")
    assert isinstance(norm, nn.BatchNorm3d)
    with torch.no_grad():
        norm.weight.zero_()
        norm.bias.zero_()
    found = gst.ablate(network, records, interventions=("zero",), batch=3, **CPU).table.set_index("layer")
    assert found.loc["blocks.1.time_norm", "logit_drop"] == 0
    assert found.loc["blocks.2.time_norm", "logit_drop"] != 0


def test_scales_of_space_and_time_are_the_norms_own() -> None:
    network = bring("three-d")
    table = gst.bn_scales(network).table
    for place in range(3):
        for group, norm in (("spatial", "space_norm"), ("temporal", "time_norm")):
            layer = f"blocks.{place}.{norm}"
            expected = network.module.state_dict()[f"{layer}.weight"].numpy()
            found = table[(table["layer"] == layer) & (table["group"] == group)]["gamma"]
            np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("name", ["three-d", "pooled", "tokens", "channels-last", "by-frame"])
def test_evidence_has_a_map_for_every_frame_that_went_in(name: str, records: RecordList) -> None:
    """Also where fewer frames are left inside."""
    network = bring(name)
    found = gst.saliency_maps(network, records[0].path, **CPU)
    whole = found.table[found.table["group"] == "all"]
    assert set(whole["frame"]) == set(range(FRAMES))
    assert whole["evidence"].abs().sum() > 0
    assert whole["x"].between(0, 1).all()
    assert whole["y"].between(0, 1).all()


class NormFirst(nn.Module):
    """Names such as a residual network's, in another order: its norm comes before its convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)
        self.fc = nn.Linear(3, CLASSES)
        nn.init.uniform_(self.bn1.weight, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.bn1(x.flatten(0, 1)).relu()).relu()
        return torch.unflatten(self.fc(y.mean((2, 3))), 0, x.shape[:2])


def test_a_norm_that_comes_first_is_not_folded_into_what_follows(records: RecordList) -> None:
    clip = gst.ClipSpec(frames=FRAMES, resize=32, crop=32)
    network = gst.adopt(NormFirst().eval(), clip_spec=clip)
    with torch.no_grad():
        expected = average_frames(network.module(read(network, records[0])))[0].softmax(-1).max()
    found = gst.predict(network, records, **CPU).table
    assert found[found["clip"] == records[0].clip]["probability"].max() == pytest.approx(float(expected))


@pytest.mark.parametrize("name", ["three-d", "pooled"])
@pytest.mark.parametrize("kind", ["mean", "shuffle-time"])
def test_changes_are_made_along_the_axes_of_channels_and_time(
    name: str, kind: str, records: RecordList
) -> None:
    """Derived again with a hook of the test's own, on (N, C, T, H, W), also where time was halved."""
    network, layer = bring(name), "blocks.2.space_norm"
    norm = network.module.get_submodule(layer)
    clips = torch.cat([read(network, record) for record in records])
    heard: list[Tensor] = []
    with torch.no_grad():
        handle = norm.register_forward_hook(lambda _, __, y: heard.append(y.clone()))
        before = network.module(clips).mean(1)
        handle.remove()
        means = heard[0].relu().double().mean((0, 2, 3, 4)).float()[:, None, None, None]
        length = heard[0].shape[2]
        orders = [draw_order(np.random.default_rng([0, 1, place]), length) for place in range(len(clips))]

        def change(_: nn.Module, __: object, y: Tensor) -> Tensor:
            if kind == "mean":
                return means.expand_as(y[0]).expand_as(y).clone()
            return torch.stack(
                [one[:, torch.from_numpy(order)] for one, order in zip(y, orders, strict=True)]
            )

        handle = norm.register_forward_hook(change)
        after = network.module(clips).mean(1)
        handle.remove()
    expected = float((before - after).diag().mean())  # the label of clip n is n
    found = gst.ablate(network, records, interventions=(kind,), batch=3, **CPU).table.set_index("layer")
    assert abs(expected) > 1e-6
    assert found.loc[layer, "logit_drop"] == pytest.approx(expected, rel=1e-3)


def test_scores_from_clips_are_those_of_gamma_and_beta() -> None:
    """Taylor's score of a channel is |γ ∂loss/∂γ + β ∂loss/∂β| of each clip, averaged."""
    network = bring("three-d")
    with tempfile.TemporaryDirectory() as folder:
        path = write_video(Path(folder) / "one.mp4", frames=9, width=48, height=40)
        record = ClipRecord("one", path, label=2, label_text="class 2")
        found = measure_data_scores(network, RecordList((record,), network.labels or ()))
        clip = read(network, record)
    layer = "blocks.1.time_norm"
    norm = network.module.get_submodule(layer)
    assert isinstance(norm, nn.BatchNorm3d)
    loss = F.cross_entropy(average_frames(network.module(clip)), torch.tensor([2]))
    slopes = torch.autograd.grad(loss, [norm.weight, norm.bias])
    expected = (norm.weight * slopes[0] + norm.bias * slopes[1]).abs().detach()
    scores = found.table[found.table["layer"] == layer]["taylor"].to_numpy()
    assert expected.max() > 1e-8
    np.testing.assert_allclose(scores, expected.numpy(), rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("name", ["three-d", "pooled"])
def test_evidence_is_activation_times_mean_gradient_and_adds_up(name: str, records: RecordList) -> None:
    """Derived again by hand, on a twin whose ReLUs do not work in place; halved time changes no sum."""
    network, twin = bring(name), bring(name)
    for module in twin.module.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    clip, block = read(network, records[0]), "blocks.2"
    found = gst.saliency_maps(network, records[0].path, block=block, class_name="class 1", **CPU).table
    for group, layer in (
        ("all", block),
        ("spatial", f"{block}.space_norm"),
        ("temporal", f"{block}.time_norm"),
    ):
        heard: list[Tensor] = []
        handle = twin.module.get_submodule(layer).register_forward_hook(
            lambda _, __, y, to=heard: to.append(y)
        )
        (slope,) = torch.autograd.grad(average_frames(twin.module(clip))[0, 1], heard[0])
        handle.remove()
        evidence = (heard[0] * slope.mean((3, 4), keepdim=True)).sum(1).detach()[0]  # (T, H, W)
        rows = found[found["group"] == group]["evidence"]
        assert rows.sum() == pytest.approx(float(evidence.sum()), rel=1e-3)
        assert rows.abs().sum() == pytest.approx(float(evidence.abs().sum()), rel=1e-3)


def test_patches_stand_side_by_side(records: RecordList) -> None:
    found = gst.saliency_maps(bring("tokens"), records[0].path, **CPU).table
    assert sorted(set(found["x"])) == pytest.approx([(2 * n + 1) / 8 for n in range(4)])


def test_a_frame_that_must_be_there_is_stood_in_for_by_its_neighbour(records: RecordList) -> None:
    network = bring("tokens")  # it takes six frames, no fewer
    found = gst.trace(network, records[:1], mode="leave-one-out", **CPU)
    rows = found.table.groupby("frame")["probability"].max()
    clip = read(network, records[0])
    for place, other in enumerate([1, 0, 1, 2, 3, 4]):
        changed = clip.clone()
        changed[:, place] = clip[:, other]
        with torch.no_grad():
            expected = average_frames(network.module(changed)).softmax(-1).max()
        assert rows[place] == pytest.approx(float(expected), rel=1e-4)
    assert any("neighbour stands in" in note for note in found.notes)


@pytest.mark.slow
def test_an_answer_to_five_frames_stands_at_the_middle_one(records: RecordList) -> None:
    """TDN answers once a run of five neighbouring frames: two rows for ten frames."""
    network = gst.create_model(
        gst.SystemSpec.from_name("tdn-r50", num_frames=10, num_classes=CLASSES), seed=0
    )
    small = replace(network.clip_spec, resize=64, crop=64)
    network = replace(network, checkpoint=replace(network.checkpoint, clip_spec=small))
    traced = gst.trace(network, records[:1], **CPU)
    found, made_of = traced.table, traced.tables["trace_influence"]
    assert set(zip(made_of["output_frame"], made_of["input_frame"], strict=True)) == {
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    }
    rows = found[found["rank"] == 1].sort_values("frame")
    runs = sample_frames(9, 10, sampling="segments-of-5").reshape(2, 5)
    assert rows["source_frame"].tolist() == runs[:, 2].tolist()
    steps = np.diff(rows["seconds"]) / np.diff(runs.mean(axis=1))
    assert steps == pytest.approx(rows["seconds"].iloc[0] / runs[0].mean(), rel=1e-6)
