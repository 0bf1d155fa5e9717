"""What clips decide on, in the networks themselves: how far gates open, and kernels that they make."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import gst_analysis as gst
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.finding import find_clips
from gst_analysis.networks.systems.tanet import TemporalAdaptiveModule
from gst_analysis.probes.attention import measure_attention
from tests.analyses.contract import fingerprint
from tests.analyses.labelled_clips import write_clips
from tests.networks.tiny_transformers import save_theirs

pytestmark = pytest.mark.slow


def build(name: str) -> gst.Network:
    """A system for small clips of eight frames."""
    network = gst.create_model(gst.SystemSpec.from_name(name, num_classes=3), seed=0)
    small = replace(network.clip_spec, resize=64, crop=64)
    return replace(network, checkpoint=replace(network.checkpoint, clip_spec=small))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_clips(tmp_path / "videos", [0, 1], frames=8)
    return tmp_path / "videos"


@pytest.mark.parametrize("name", ["gsm-bninception", "gsf-r50"])
def test_gates_that_are_held_open_move_as_much(name: str, folder: Path) -> None:
    """Without weights a gate is the tanh of its bias, whatever the clip shows."""
    network = build(name)
    for part, module in network.module.named_modules():
        if part.endswith("conv3D") and isinstance(module, nn.Conv3d) and module.bias is not None:
            with torch.no_grad():
                module.weight.zero_()
                module.bias.copy_(torch.tensor([math.atanh(0.25), -math.atanh(0.75)]))
    before = fingerprint(network)
    assert any("give clips" in note for note in gst.temporal_use(network).notes)
    result = gst.temporal_use(network, clips=folder, device="cpu")
    assert fingerprint(network) == before
    moved = result.table[result.table["source"] == "clips"]
    assert set(moved["kind"]) == {"moved by clip"}
    by_side = moved.groupby(moved["shift"] > 0)["off_frame"]
    np.testing.assert_allclose([by_side.min()[True], by_side.max()[True]], 0.25, rtol=1e-5)
    np.testing.assert_allclose([by_side.min()[False], by_side.max()[False]], 0.75, rtol=1e-5)
    assert result.summary.clips == 2
    assert not any("give clips" in note for note in result.notes)


def test_even_kernels_made_for_clips_average_frames(folder: Path) -> None:
    network = build("tanet-r50")
    made = [module for module in network.module.modules() if isinstance(module, TemporalAdaptiveModule)]
    with torch.no_grad():
        for module in made[8:]:
            module.G.get_parameter("3.weight").mul_(1000)  # it starts close to even
        for module in made[:8]:
            module.G.get_parameter("3.weight").zero_()  # what is even before a softmax is even behind it
    result = gst.temporal_use(network, clips=folder, device="cpu").kernels
    rows = result[result["source"] == "clips"]
    assert len(rows) == 16
    np.testing.assert_allclose(rows["varying"][:8], 0, atol=1e-9)
    np.testing.assert_allclose(rows["off_frame"][:8], 2 / 3, atol=1e-6)
    assert (rows["varying"][8:] > 1e-7).all()


@pytest.mark.parametrize("name", ["timesformer", "videomae"])
def test_attention_to_other_frames_is_that_of_the_probe(name: str, folder: Path, tmp_path: Path) -> None:
    """Head by head; of a network whose queries are nothing, what evenness gives."""
    network = gst.load_model(save_theirs(name, tmp_path / name))
    result = gst.temporal_use(network, clips=folder, device="cpu")
    rows = result.table[result.table["kind"] == "attention"]
    views = torch.cat(
        [load_views(record, ReadingPlan(network.clip_spec))[0] for record in find_clips(folder)]
    )
    heads = result.tables["head_use"]
    assert heads["off_frame"].tolist() == rows["off_frame"].tolist()
    assert set(heads["head"]) == set(rows["channel"])
    probed = measure_attention(network.module, views.float())
    assert list(dict.fromkeys(rows["layer"])) == list(probed)
    for layer, found in probed.items():
        own = rows[rows["layer"] == layer]
        np.testing.assert_allclose(own["off_frame"], found.other.mean(0).numpy(), atol=1e-5)
        assert (own["even"] == found.other_if_uniform).all()
        assert set(own["group"]) == ({"temporal"} if name == "timesformer" else {"all"})
    for part, tensor in network.module.named_parameters():
        if any(word in part for word in ("qkv", ".query.")):
            nn.init.zeros_(tensor)
    even = gst.temporal_use(network, clips=folder, device="cpu").kernels
    even = even[even["kind"] == "attention"]
    np.testing.assert_allclose(even["off_frame"], even["even"], rtol=1e-5)
    kind = next(k for k in result.summary.checkpoints[network.checkpoint.name].kinds if k.kind == "attention")
    assert "of attention lies on other frames (if all were read alike" in kind.describe()
