"""Attention on other frames, where it is planted: alike everywhere, on its own frame alone, on one other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.video import MViT, SwinTransformer3d
from torchvision.models.video.mvit import MSBlockConfig

from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.nonlocal2d import NonLocal
from gst_analysis.networks.systems.resnet3d import Attention
from gst_analysis.networks.systems.resnet3d import NonLocal as NonLocal3D
from gst_analysis.networks.undrawn import shapes_alone
from gst_analysis.probes import attention
from gst_analysis.probes.attention import list_attention, measure_attention, watched_attention
from gst_analysis.probes.attention_tokens import lay_windows
from tests.networks.agreement import draw_weights
from tests.networks.tiny_transformers import CONFIGS, FRAMES, build_theirs, draw_clips, save_theirs

JOINT = [name for name in CONFIGS if name != "timesformer-space"]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Network]:
    home = tmp_path_factory.mktemp("folders")
    return {name: load_model(save_theirs(name, home / name)) for name in CONFIGS}


def plant_evenness(network: nn.Module) -> None:
    """Queries that are zero read every key alike."""
    for name, tensor in network.named_parameters():
        if any(part in name for part in ("qkv", ".query.", "q_proj", "theta")):
            nn.init.zeros_(tensor)


@pytest.mark.parametrize("name", JOINT)
def test_attention_that_is_alike_everywhere_lies_on_other_frames_as_often_as_they_are(
    name: str, tmp_path: Path
) -> None:
    network = load_model(save_theirs(name, tmp_path)).module
    plant_evenness(network)
    frames, cells, extra = {
        "timesformer": (FRAMES, 1, 0),
        "timesformer-joint": (FRAMES, 4, 1),
        "vivit": (FRAMES // 2, 4, 1),
    }.get(name, (FRAMES // 2, 4, 0))
    found = measure_attention(network, draw_clips())
    assert list(found) == list_attention(network)
    assert len(found) == (3 if name == "vjepa2" else 2)  # two layers, and V-JEPA's pooler
    for layer in found.values():
        tokens = frames * cells + extra
        assert layer.frames == frames
        assert layer.shares.shape == (2, 4, frames)
        assert layer.other_if_uniform == pytest.approx((frames - 1) * cells / tokens)
        torch.testing.assert_close(layer.other, torch.full((2, 4), layer.other_if_uniform))
        torch.testing.assert_close(layer.nowhere, torch.full((2, 4), extra / tokens))


def plant_order(network: Network, step: int) -> None:
    """In the first layer's first head a frame reads the one `step` after it, around the end."""
    module = network.module
    for name, tensor in module.named_parameters():
        nn.init.zeros_(tensor)
        if name.endswith("time_embeddings"):
            tensor.data[0, :, :FRAMES] = torch.eye(FRAMES)
        if name.endswith("temporal_layernorm.weight"):
            nn.init.ones_(tensor)
        if name.endswith("layer.0.temporal_attention.attention.qkv.weight"):
            width = tensor.shape[1]
            asks, says = torch.eye(FRAMES), torch.eye(FRAMES).roll(-step, 0)
            tensor.data[:FRAMES, :FRAMES] = 50 * asks
            tensor.data[width : width + FRAMES, :FRAMES] = 50 * says


PLANTED = {0: [1.0, 0, 0, 0], 1: [0, 0.75, 0, 0.25], 2: [0, 0, 1.0, 0], 3: [0, 0.75, 0, 0.25]}


@pytest.mark.parametrize(("step", "shares"), PLANTED.items())
def test_attention_lies_where_it_is_planted(step: int, shares: list[float], tmp_path: Path) -> None:
    network = load_model(save_theirs("timesformer", tmp_path))
    plant_order(network, step)
    layer = next(iter(measure_attention(network.module, draw_clips()).values()))
    torch.testing.assert_close(layer.shares[:, 0], torch.tensor([shares] * 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(layer.shares[:, 1:], torch.tensor([0.25, 0.375, 0.25, 0.125]).expand(2, 3, -1))
    assert torch.allclose(layer.own, layer.shares[..., 0])


def share_by_hand(weights: Tensor, name: str) -> Tensor:
    """(N, heads) of attention on other frames, pair by pair."""
    frames = FRAMES if name == "timesformer-joint" else FRAMES // 2
    extra = weights.shape[-1] % frames
    each = (weights.shape[-1] - extra) // frames
    total = torch.zeros(weights.shape[:2])
    for query in range(each * frames):
        for key in range(each * frames):
            one, other = (n % frames if name == "timesformer-joint" else n // each for n in (query, key))
            if one != other:
                total += weights[:, :, extra + query, extra + key]
    return total / (each * frames)


@pytest.mark.parametrize("name", ["timesformer-joint", "videomae", "vivit", "vjepa2"])
def test_weights_are_those_that_the_library_itself_tells(
    networks: dict[str, Network], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = build_theirs(name)
    theirs.config._attn_implementation = "eager"
    with torch.no_grad():
        told = theirs(draw_clips(), output_attentions=True).attentions
    monkeypatch.setattr(attention, "_MOST_AT_ONCE", 500)  # some queries at a time
    network = networks[name].module
    with torch.no_grad(), watched_attention(network) as seen:
        logits = network(draw_clips())
        found = list(seen.values())
        assert torch.equal(logits, network(draw_clips()))
    assert torch.equal(logits, network(draw_clips()))  # as if nobody had watched
    for layer, weights in zip(found, told, strict=False):
        torch.testing.assert_close(layer.other, share_by_hand(weights, name))
        assert (layer.other - layer.other_if_uniform).abs().max() > 1e-2


def test_a_network_that_looks_at_one_frame_alone_has_none(networks: dict[str, Network]) -> None:
    assert list_attention(networks["timesformer-space"].module) == []
    assert measure_attention(networks["timesformer-space"].module, draw_clips()) == {}


@pytest.mark.parametrize("subsample", [True, False])
@torch.no_grad()
def test_non_local_blocks_of_frames(subsample: bool) -> None:
    frames = 3
    block = NonLocal(8, pairwise="embedded", subsample=subsample, bias=True).eval()
    draw_weights(block)
    x = torch.zeros(2 * frames, 8, 4, 4)
    x[range(2 * frames), [0, 1, 2, 0, 1, 2]] = 1  # a channel tells the frame
    network = nn.Sequential()
    network.append(Framed(block, frames))
    weights = block.state_dict()
    for read in ("theta", "phi.0" if subsample else "phi"):
        weights[f"{read}.bias"].zero_()
        weights[f"{read}.weight"].copy_(9 * torch.eye(4, 8)[:, :, None, None])
    (own,) = measure_attention(network, x.unflatten(0, (2, frames))).values()
    torch.testing.assert_close(own.other, torch.zeros(2, 1), atol=1e-6, rtol=0)
    nn.init.zeros_(block.theta.weight)
    (even,) = measure_attention(network, x.unflatten(0, (2, frames))).values()
    torch.testing.assert_close(even.other, torch.full((2, 1), 2 / 3))
    assert even.other_if_uniform == pytest.approx(2 / 3)


class Framed(nn.Module):
    """A block over folded frames, as a network over clips."""

    def __init__(self, block: nn.Module, frames: int) -> None:
        super().__init__()
        self.block = block
        self.frames = frames

    def forward(self, clips: Tensor) -> Tensor:
        y: Tensor = self.block(clips.flatten(0, 1), self.frames)
        return y


@torch.no_grad()
@pytest.mark.parametrize("kind", ["embedded-gaussian", "gaussian", "dot-product"])
def test_non_local_blocks_of_clips(kind: str) -> None:
    block = NonLocal3D(8, Attention(kind, True, True, True)).eval()
    draw_weights(block)
    x = torch.zeros(1, 8, 3, 4, 4)
    found = measure_attention(block, x + 1)
    assert [round(float(layer.other), 4) for layer in found.values()] == [0.6667] * (kind != "dot-product")
    for frame in range(3):
        x[:, frame, frame] = 30
    if kind == "gaussian":  # what enters is compared as it is
        (own,) = measure_attention(block, x).values()
        assert float(own.other) < 1e-6


def test_mvit_and_its_class_token() -> None:
    kernel, stride = [3, 3, 3], [1, 2, 2]
    blocks = [
        MSBlockConfig(2, 8, 8, kernel, kernel, [1, 1, 1], stride),
        MSBlockConfig(2, 8, 16, kernel, kernel, stride, stride),
    ]
    network = MViT((32, 32), 8, blocks, True, False, True, True, num_classes=5).eval()
    plant_evenness(network)
    clips = torch.randn(2, 3, 8, 32, 32)
    first, second = measure_attention(network, clips).values()
    assert (first.frames, first.shares.shape) == (4, (2, 2, 4))
    for layer, cells in ((first, 16), (second, 16)):
        assert layer.other_if_uniform == pytest.approx(3 * cells / (4 * cells + 1))
        torch.testing.assert_close(layer.other, torch.full((2, 2), layer.other_if_uniform))


def test_windows_that_are_moved_hold_ends_that_do_not_see_each_other() -> None:
    still, moved = lay_windows((4, 4, 4), [2, 2, 2], [0, 0, 0]), lay_windows((4, 4, 4), [2, 2, 2], [1, 1, 1])
    assert attention._share_evenly(still)[0] == pytest.approx(0.5)
    assert moved.keys[-1].tolist() == [3, 3, 3, 3, 0, 0, 0, 0]
    assert attention._share_evenly(moved).tolist() == pytest.approx([0.75, 0.25, 0, 0])
    filled = lay_windows((3, 2, 2), [2, 2, 2], [0, 0, 0])
    assert filled.keys.tolist() == [[0] * 4 + [1] * 4, [2] * 4 + [-1] * 4]


EVEN = {8: [1 / 2, 1 / 4], 6: [1 / 3, 1 / 3]}
"""By hand, for windows of two frames on four and on three, of which the fourth is filled up."""


@pytest.mark.parametrize("frames", EVEN)
def test_video_swin_in_moved_and_filled_windows(frames: int) -> None:
    network = SwinTransformer3d([2, 4, 4], 8, [2, 2], [1, 2], [2, 2, 2], num_classes=5).eval()
    plant_evenness(network)
    for name, tensor in network.named_parameters():
        if "relative_position_bias_table" in name:
            nn.init.zeros_(tensor)
    found = measure_attention(network, torch.randn(2, 3, frames, 32, 32))
    assert len(found) == 4
    for layer in found.values():
        assert layer.frames == frames // 2
        torch.testing.assert_close(layer.other, torch.full_like(layer.other, layer.other_if_uniform))
    still, moved = list(found.values())[:2]
    assert [still.other_if_uniform, moved.other_if_uniform] == pytest.approx(EVEN[frames])


@pytest.mark.parametrize(
    ("name", "layers"), [("nl-i3d-r50-8x8", 5), ("tsm-nl-r50", 5), ("mvit-v2-s", 16), ("r2plus1d-18", 0)]
)
def test_layers_of_published_systems_are_found(name: str, layers: int) -> None:
    with shapes_alone():
        network = build_model(SystemSpec.from_name(name))
    assert len(list_attention(network)) == layers
