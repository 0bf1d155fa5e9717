"""Every analysis of networks that somebody brought, against what is known of them by construction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import gst_analysis as gst
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.records import ClipRecord, RecordList
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


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_are_the_modules_own(name: str, records: RecordList) -> None:
    network = bring(name)
    found = gst.predict(network, records, **CPU)
    assert len(found.table) >= len(records)
    assert not found.failures


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
    views, _ = load_views(records[0], ReadingPlan(network.clip_spec))
    clip = views.float()
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
            expected = network.module.get_submodule(layer).weight.detach().numpy()  # type: ignore[operator]
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
