"""Where a network looks: against hand-made weights, second derivations, and the logit itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gst_analysis.analyses.saliency.evidence import find_block, measure_evidence, place_cells
from gst_analysis.analyses.saliency.measure import locate_crop, measure_saliency
from gst_analysis.analyses.saliency.table import SALIENCY
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.transforms import EvalTransform
from gst_analysis.errors import BrokenCheckpoint, DataError, SpecError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import anatomy_of, build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.probes.hooks import listening
from gst_analysis.tables.schema import check
from tests.analyses.saliency.planted_network import plant_clip, plant_network
from tests.clips.planted_clips import write_video
from tests.conftest import build_small
from tests.networks.tiny_transformers import draw_clips, save_theirs
from tests.untyped import submodule, untyped

CPU = InferenceSettings(device="cpu")


def draw_clip(frames: int = 4, size: int = 64) -> Tensor:
    return torch.randn(1, frames, 3, size, size, generator=torch.Generator().manual_seed(0))


def look(network: VideoNetwork, clip: Tensor, block: str, class_id: int = 1) -> dict[str, np.ndarray]:
    return measure_evidence(
        network, clip, class_id, find_block(network.spec, block, clip.shape[-1]), anatomy_of(network.spec)
    )


def build(name: str) -> VideoNetwork:
    if "mobilenet" not in name:
        return build_small(name)
    torch.manual_seed(0)
    network = build_model(ModelSpec.from_name(name, num_classes=5)).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, 0, 0.3)
    return network


def explain_by_splitting(network: VideoNetwork, clip: Tensor, block: str, class_id: int) -> np.ndarray:
    """Grad-CAM of a block's output without hooks: the network is run in two halves."""
    frames = clip.shape[1]
    x = network.embed(clip.flatten(0, 1))
    for name, module in network.stages():
        x = module(x, frames)
        if name == block:
            x = middle = x.detach().requires_grad_()
    logit = network.fc(network.finish(x)).mean(0)[class_id]
    (gradient,) = torch.autograd.grad(logit, middle)
    return (gradient.mean((2, 3), keepdim=True) * middle).sum(1).detach().numpy()


@pytest.mark.parametrize("name", ["gst-resnet26s", "gst-resnet18", "c2d-resnet26s", "tsm-mobilenetv2"])
@pytest.mark.parametrize("block", ["layer1.0", "layer3.1"])
def test_a_blocks_map_is_grad_cam(name: str, block: str) -> None:
    if "mobilenet" in name:
        block = block.replace("layer1.0", "layer2.0")
    network, clip = build(name), draw_clip()
    mine = look(network, clip, block)["all"]
    np.testing.assert_allclose(mine, explain_by_splitting(network, clip, block, 1), rtol=1e-3, atol=1e-6)
    assert len(mine) == 4  # as many maps as frames


class Replacing:
    """A pre-hook that puts a leaf in the place of what enters a module."""

    def __call__(self, module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        self.leaf = given[0].detach().clone().requires_grad_()
        return (self.leaf, *given[1:])


@pytest.mark.parametrize(
    ("name", "block", "temporal"),
    [
        ("gst-resnet26s", "layer2.1", 8),
        ("gst-large-resnet26s", "layer1.0", 4),
        ("sth-mobilenetv2", "layer3.1", 48),
    ],
)
def test_groups_are_the_operators_own_channels_after_norm_and_activation(
    name: str, block: str, temporal: int
) -> None:
    """By hand: a quarter of the operator's channels, at the end, is temporal; the next layer is conv3."""
    network, clip = build(name), draw_clip()
    mine = look(network, clip, block, 2)
    replacing = Replacing()
    handle = network.get_submodule(f"{block}.conv3").register_forward_pre_hook(replacing)
    logit = network(clip)[0, :, 2].mean()
    handle.remove()
    (gradient,) = torch.autograd.grad(logit, replacing.leaf)
    parts = (gradient.mean((2, 3), keepdim=True) * replacing.leaf).detach().numpy()
    assert parts.shape[1] == 4 * temporal
    assert (replacing.leaf >= 0).all()
    np.testing.assert_allclose(mine["spatial"], parts[:, :-temporal].sum(1), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(mine["temporal"], parts[:, -temporal:].sum(1), rtol=1e-3, atol=1e-7)


def test_a_basic_blocks_groups_are_looked_at_after_its_second_norm() -> None:
    network, clip = build("gst-resnet18"), draw_clip()
    heard: list[Tensor] = []
    norm = network.get_submodule("layer2.1.bn2")
    handle = norm.register_forward_hook(lambda module, given, output: heard.append(output))
    logit = network(clip)[0, :, 1].mean()
    handle.remove()
    (gradient,) = torch.autograd.grad(logit, heard[0])
    parts = (gradient.mean((2, 3), keepdim=True) * heard[0]).detach().numpy()
    mine = look(network, clip, "layer2.1")
    np.testing.assert_allclose(mine["temporal"], parts[:, 24:].sum(1), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(mine["spatial"], parts[:, :24].sum(1), rtol=1e-3, atol=1e-7)


def test_evidence_in_the_last_block_adds_up_to_the_logit() -> None:
    network, clip = build("gst-resnet26s"), draw_clip()
    with torch.no_grad():
        network.fc.bias.normal_()
        network.fc.weight.normal_()
        logit = network(clip)[0].mean(0)[3] - network.fc.bias[3]
    assert look(network, clip, "layer4.1", 3)["all"].sum() == pytest.approx(float(logit), rel=1e-4)


@pytest.mark.parametrize("name", ["c2d-resnet26s", "c3d-resnet26s", "tsm-resnet26s", "sth-resnet26s"])
def test_operators_without_groups_have_one_map(name: str) -> None:
    assert list(look(build(name), draw_clip(2), "layer3.0")) == ["all"]


# Corners of 24 pixel squares, on multiples of four; red rests, green leaps.
RED_AT, GREEN_AT = [(16, 80)] * 4, [(80, 8), (80, 8), (64, 48), (88, 88)]


def find_hottest(heat: np.ndarray, stride: int) -> tuple[int, int]:
    row, column = np.unravel_index(heat.argmax(), heat.shape)
    return int(row) * stride, int(column) * stride


def is_inside(point: tuple[int, int], corner: tuple[int, int], side: int = 24) -> bool:
    return all(c - 4 <= p <= c + side for p, c in zip(point, corner, strict=True))  # max pooling adds a cell


def test_each_group_looks_at_what_it_was_made_to_see() -> None:
    network, clip = plant_network(), plant_clip(RED_AT, GREEN_AT)
    seen = {class_id: look(network, clip, "layer1.0", class_id) for class_id in (0, 1)}
    for frame in range(4):
        heat = seen[0]["spatial"][frame]
        assert is_inside(find_hottest(heat, 4), RED_AT[frame])
        assert is_inside(find_hottest(seen[0]["all"][frame], 4), RED_AT[frame])
    # Green is news in the first frame, rests in the second, and has moved in the third and fourth.
    moved = seen[1]["temporal"]
    assert is_inside(find_hottest(moved[0], 4), GREEN_AT[0])
    assert moved[1].max() == 0
    assert is_inside(find_hottest(moved[2], 4), GREEN_AT[2])
    assert is_inside(find_hottest(moved[3], 4), GREEN_AT[3])
    # And neither looks for the other's class.
    assert not seen[0]["temporal"].any()
    assert not seen[1]["spatial"].any()


@pytest.mark.parametrize("block", ["layer1.0", "layer2.1"])
def test_cells_stand_where_their_kernels_are_centred(block: str) -> None:
    """The pixels that a cell depends on lie around where it is said to stand."""
    network, size = build("c2d-resnet26s"), 192
    with torch.no_grad():  # everything positive: nothing is shut off
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                untyped(module.running_mean).zero_()
        for parameter in network.parameters():
            parameter.abs_()
    clip = torch.rand(1, 1, 3, size, size).requires_grad_()
    with listening({"here": network.get_submodule(block)}) as maps:
        network(clip)
    cells = maps["here"].shape[-1]
    (gradient,) = torch.autograd.grad(maps["here"][0, :, cells // 3, cells // 3].sum(), clip)
    reached = torch.nonzero(gradient[0, 0].abs().sum((0, 1))).flatten()
    assert 0 < reached.min() < reached.max() < size - 1
    place = find_block(network.spec, block, size)
    stride = place.stride
    assert stride is not None
    middle = float(reached.float().mean()) + 0.5
    # Max pooling picks one of its pixels, so the edges may lie a pixel in.
    assert middle == pytest.approx(size * place_cells(cells, place, size)[cells // 3], abs=1.1)


@pytest.mark.parametrize(
    ("name", "block", "stride"),
    [
        ("gst-resnet50", "layer4.2", 32),
        ("gst-resnet50", "layer1.0", 4),
        ("tsm-mobilenetv2", "layer1.0", 2),
        ("tsm-mobilenetv2", "layer7.0", 32),
        ("gst-resnet18", "layer3.0", 16),
    ],
)
def test_strides_are_those_of_real_maps(name: str, block: str, stride: int) -> None:
    spec = ModelSpec.from_name(name)
    assert find_block(spec, block, 224).stride == stride


def test_the_default_block_is_the_deepest_that_is_fine_enough() -> None:
    spec = ModelSpec.from_name("gst-resnet50")
    assert [find_block(spec, None, size).name for size in (224, 223, 112, 64, 32)] == [
        "layer4.2",
        "layer3.5",
        "layer3.5",
        "layer2.3",
        "layer1.2",
    ]
    assert find_block(spec, None, 16).name == "layer1.0"
    with pytest.raises(SpecError, match=r"one from layer1\.0 to layer4\.2"):
        find_block(spec, "layer5.0", 224)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "last"), [("vivit", 10), ("timesformer-space", 10), ("videomae", 11)])
def test_the_default_is_not_a_last_layer_of_which_a_class_token_alone_is_read(name: str, last: int) -> None:
    assert find_block(SystemSpec.from_name(name), None, 224).name.endswith(f".{last}")


def test_divided_attention_has_evidence_of_space_and_of_time(tmp_path: Path) -> None:
    """Attention's part of what a layer adds: its gradient is that of the layer's own sum, by hand."""
    network = load_model(save_theirs("timesformer", tmp_path))
    place = network.anatomy.places[0]
    clip = draw_clips()[:1]
    found = measure_evidence(network.module, clip, 2, place, network.anatomy)
    assert set(found) == {"all", "temporal", "spatial"}
    assert all(maps.shape == (4, 2, 2) and np.abs(maps).sum() > 0 for maps in found.values())

    kept: list[Tensor] = []
    written = submodule(network.module, f"{place.name}.temporal_dense")
    handle = written.register_forward_hook(lambda _, __, output: kept.append(output))
    logit = network.module(clip)[0, 0, 2]
    handle.remove()
    (slope,) = torch.autograd.grad(logit, kept)
    output, slope = (one.detach().reshape(2, 2, 4, 32).permute(2, 0, 1, 3) for one in (kept[0], slope))
    by_hand = (output * slope.mean((1, 2), keepdim=True)).sum(-1)
    np.testing.assert_allclose(found["temporal"], by_hand.double().numpy(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(("height", "width"), [(90, 160), (160, 90), (64, 64), (97, 131), (40, 300)])
@pytest.mark.parametrize(("resize", "crop"), [(64, 64), (80, 64), (40, 64)])
def test_the_crop_is_where_the_transform_cuts_it(height: int, width: int, resize: int, crop: int) -> None:
    """Frames whose red and green say how far right and down a pixel is."""
    ramp = np.zeros((1, height, width, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, width)
    ramp[..., 1] = np.linspace(0, 255, height)[:, None]
    spec = ClipSpec(frames=1, resize=resize, crop=crop)
    seen = EvalTransform(spec, normalise=False)(ramp)[0, 0].float() / 255
    left, top, right, bottom = locate_crop(height, width, spec)
    assert float(seen[0].median()) == pytest.approx((left + right) / 2, abs=0.02)
    assert float(seen[1].median()) == pytest.approx((top + bottom) / 2, abs=0.02)
    assert float(seen[0].max() - seen[0].min()) == pytest.approx(right - left, abs=0.06)
    assert float(seen[1].max() - seen[1].min()) == pytest.approx(bottom - top, abs=0.06)


def load_small(folder: Path, name: str = "gst-resnet26s", **clip: int) -> LoadedModel:
    settings: dict[str, Any] = {"frames": 3, "resize": 56, "crop": 56} | clip
    return load_model(save_model(folder / "net.pth", build_small(name), clip_spec=ClipSpec(**settings)))


def test_the_table_holds_every_frame_of_every_group(tmp_path: Path) -> None:
    record = ClipRecord("film", write_video(tmp_path / "film.mp4", frames=12, width=96, height=64))
    model = load_small(tmp_path)
    found = measure_saliency(model, record, settings=CPU)
    assert check(found.table, SALIENCY) is found.table
    assert found.summary.block == "layer2.1"
    assert (found.summary.rows, found.summary.columns) == (7, 7)
    assert len(found.table) == 3 * 3 * 49
    assert list(dict.fromkeys(found.table["group"])) == ["all", "spatial", "temporal"]
    assert found.table.groupby("frame")["seconds"].first().tolist() == pytest.approx(
        [2 / 24, 6 / 24, 10 / 24]
    )
    rows = found.table[found.table["group"] == "all"]
    assert found.summary.groups["all"].evidence_for == pytest.approx(rows["evidence"].clip(lower=0).sum())
    assert found.pictures.shape == (3, 64, 96, 3)
    assert found.window == pytest.approx((14 / 84, 0, 70 / 84, 1))
    assert found.summary.class_id == found.summary.predicted_id
    assert any("numbers" in note for note in found.notes)
    assert found.table["label"].unique().tolist() == [f"class {found.summary.class_id}"]


def test_another_class_has_another_map(tmp_path: Path) -> None:
    record = ClipRecord("film", write_video(tmp_path / "film.mp4", frames=12))
    model = load_small(tmp_path)
    one, other = (measure_saliency(model, record, class_id=c, settings=CPU).table for c in (0, 1))
    assert not np.allclose(one["evidence"], other["evidence"])


def test_large_frames_are_kept_small(tmp_path: Path) -> None:
    record = ClipRecord("film", write_video(tmp_path / "film.mp4", frames=3, width=960, height=400))
    assert measure_saliency(load_small(tmp_path), record, settings=CPU).pictures.shape == (3, 200, 480, 3)


def test_where_nothing_speaks_for_the_class_it_is_said(tmp_path: Path) -> None:
    record = ClipRecord("film", write_video(tmp_path / "film.mp4", frames=3))
    model = load_small(tmp_path)
    with torch.no_grad():
        submodule(model.module, "fc").weight.zero_()
    found = measure_saliency(model, record, settings=CPU)
    assert not found.table["evidence"].any()
    assert found.summary.groups["all"].hottest_frame is None
    assert any("nothing speaks for the class in group temporal" in note for note in found.notes)


@pytest.mark.parametrize("frames", [1, 5])
def test_any_number_of_frames_and_a_clip_of_one(tmp_path: Path, frames: int) -> None:
    record = ClipRecord("one", write_video(tmp_path / "one.mp4", frames=1))
    found = measure_saliency(load_small(tmp_path, frames=frames), record, settings=CPU)
    assert found.table["frame"].nunique() == frames
    assert len(found.pictures) == frames


def test_bad_clips_and_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    model = load_small(tmp_path)
    with pytest.raises(DataError, match=r"bad\.mp4"):
        measure_saliency(model, ClipRecord("bad", tmp_path / "bad.mp4"), settings=CPU)
    record = ClipRecord("film", write_video(tmp_path / "film.mp4", frames=3))
    with torch.no_grad():
        submodule(model.module, "fc").weight.fill_(1e38)
    with pytest.raises(BrokenCheckpoint, match="finite logits"):
        measure_saliency(model, record, settings=CPU)


def test_the_network_is_left_as_it_was_found(tmp_path: Path) -> None:
    record = ClipRecord("film", write_video(tmp_path / "film.mp4", frames=3))
    model = load_small(tmp_path)
    network = model.module.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with torch.no_grad():
        measure_saliency(model, record, settings=CPU)
        assert not torch.is_grad_enabled()
    assert all(module.training for module in network.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in network.parameters())
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    assert not any(getattr(module, kind) for module in network.modules() for kind in hooks)
