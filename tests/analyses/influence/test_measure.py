"""Influence against arithmetic, against networks worked out by hand, and left as found."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor, nn

from gst_analysis.analyses.influence.means import rank_agreement
from gst_analysis.analyses.influence.measure import measure_influence, measure_occlusion
from gst_analysis.analyses.influence.table import (
    GRADIENT,
    INFLUENCE,
    MEAN,
    METHODS,
    NEIGHBOUR,
    RECEPTIVE_FIELDS,
)
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.sources import find_class, name_class
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import BrokenCheckpoint, DataError, SpecError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import anatomy_of, build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.probes.gradients import share_rows, trace_gradients
from gst_analysis.tables.schema import check
from tests.clips.planted_clips import write_video
from tests.conftest import build_small
from tests.inference.fakes import LABELS, fake_model
from tests.untyped import design, submodule

CPU = InferenceSettings(device="cpu")
FRAMES = 8


def draw_clip(frames: int = FRAMES, seed: int = 0) -> Tensor:
    return torch.randn(1, frames, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def silence(network: VideoNetwork, *, but: tuple[str, ...]) -> VideoNetwork:
    """Make every residual branch add nothing, except those of some blocks."""
    for name, block in network.stages():
        if name not in but:
            last = block.get_submodule("bn3" if hasattr(block, "bn3") else "bn2")
            assert isinstance(last, nn.BatchNorm2d)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
    return network


def measure_both(network: nn.Module, clip: Tensor) -> list[np.ndarray]:
    """The gradient's matrix and that of the occlusion by the mean."""
    return [trace_gradients(network, clip, 1)[0], measure_occlusion(network, clip, 1)]


@pytest.mark.parametrize("name", ["c2d-resnet26s", "c2d-resnet18"])
def test_frames_of_c2d_depend_on_themselves_alone(name: str) -> None:
    for matrix in measure_both(build_small(name), draw_clip()):
        assert (matrix[~np.eye(FRAMES, dtype=bool)] == 0).all()  # exactly
        assert (np.diag(matrix) > 0).all()


ONE_APART = ["gst", "gst-large", "c3d", "c3d-g2", "p3d", "sth", "tsm"]


@pytest.mark.parametrize("family", ONE_APART)
@pytest.mark.parametrize("blocks", [("layer2.1",), ("layer1.0", "layer3.1", "layer4.0")], ids=len)
def test_so_many_temporal_blocks_reach_so_many_frames(family: str, blocks: tuple[str, ...]) -> None:
    network = silence(build_small(f"{family}-resnet26s"), but=blocks)
    apart = np.subtract.outer(np.arange(FRAMES), np.arange(FRAMES))
    for matrix in measure_both(network, draw_clip()):
        assert (matrix[abs(apart) > len(blocks)] == 0).all()  # exactly
        for offset in range(-len(blocks), len(blocks) + 1):  # a ReLU may shut off a single cell
            assert (matrix[apart == offset] > 0).mean() > 0.7


@pytest.mark.parametrize(
    ("name", "half_width"), [("gst-resnet18", 2), ("tsm-resnet18", 1), ("p3d-resnet18", 2)]
)
def test_a_basic_block_has_two_operators_and_one_shift(name: str, half_width: int) -> None:
    matrix, _ = trace_gradients(silence(build_small(name), but=("layer3.1",)), draw_clip(), 1)
    assert ((matrix > 0) == (abs(np.subtract.outer(np.arange(8), np.arange(8))) <= half_width)).all()


class Mixing(nn.Module):
    """Logit k of frame i: k + 1 times the sum over j of weights[i, j] * mean grey of frame j."""

    def __init__(self, weights: np.ndarray, classes: int = 4) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.from_numpy(weights).float())
        self.scale = torch.arange(1, classes + 1)

    def forward(self, clips: Tensor) -> Tensor:
        greys = clips.mean((2, 3, 4))  # (N, T)
        return (greys @ self.weights.T)[..., None] * self.scale


def draw_weights(frames: int = 5) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(frames, frames))


def test_all_three_measures_of_a_linear_network_are_what_is_computed_by_hand() -> None:
    weights, clip = draw_weights(), draw_clip(5)
    greys = clip.mean((0, 2, 3, 4)).double().numpy()
    network, pixels = Mixing(weights), clip[0, 0].numel()
    gradient, _ = trace_gradients(network, clip, 2)
    np.testing.assert_allclose(gradient, 3 * abs(weights) / pixels**0.5, rtol=1e-5)
    by_mean = measure_occlusion(network, clip, 2)
    np.testing.assert_allclose(by_mean, 3 * abs(weights * (greys.mean() - greys)), rtol=1e-3, atol=1e-6)
    before = greys[[1, 0, 1, 2, 3]]
    by_neighbour = measure_occlusion(network, clip, 2, stand_ins=NEIGHBOUR)
    np.testing.assert_allclose(by_neighbour, 3 * abs(weights * (before - greys)), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("name", "half_width"), [("c2d-resnet26s", 0), ("banded", 1)])
def test_logits_that_share_a_backward_pass_are_as_they_are_alone(
    name: str, half_width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = draw_weights(6)
    banded = np.tril(np.triu(weights, -half_width), half_width)
    network, clip = Mixing(banded) if name == "banded" else build_small(name), draw_clip(6)
    alone, _ = trace_gradients(network, clip, 2)
    grad = Mock(side_effect=torch.autograd.grad)
    monkeypatch.setattr(torch.autograd, "grad", grad)
    together, _ = trace_gradients(network, clip, 2, half_width=half_width)
    assert grad.call_count == 2 * half_width + 1
    np.testing.assert_allclose(together, alone, rtol=1e-6)
    assert ((together > 0) == (alone > 0)).all()
    assert (together.diagonal() > 0).all()


def test_the_gradient_is_that_of_finite_differences() -> None:
    network, clip = build_small("gst-resnet26s").double(), draw_clip(4).double()
    pixels = clip.clone().requires_grad_()
    exact, _ = trace_gradients(network, clip, 3)
    direction = torch.autograd.grad(network(pixels)[0, 2, 3], pixels)[0][0, 1]
    step = torch.zeros_like(clip)
    step[0, 1] = 1e-5 * direction / direction.norm()  # along the gradient, whose slope is its norm
    with torch.no_grad():
        slope = (network(clip + step) - network(clip - step))[0, 2, 3] / 2e-5
    assert float(slope) == pytest.approx(exact[2, 1], rel=1e-3)


def test_shares_add_up_and_rows_of_nothing_stay_nothing() -> None:
    shares = share_rows(np.array([[1.0, 3.0], [0.0, 0.0]]))
    assert shares.tolist() == [[0.25, 0.75], [0.0, 0.0]]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(1e-6, 1e6))
def test_shares_sum_to_one_and_know_no_unit(seed: int, frames: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.random((frames, frames)) * (rng.random((frames, frames)) < 0.6)
    shares = share_rows(matrix)
    np.testing.assert_allclose(shares.sum(axis=1), matrix.any(axis=1), rtol=1e-12)
    np.testing.assert_allclose(share_rows(matrix * unit), shares, rtol=1e-12)
    np.testing.assert_allclose(share_rows(shares), shares, rtol=1e-12)
    assert (shares >= 0).all()
    per_row = rng.uniform(0.1, 10, (frames, 1))
    np.testing.assert_allclose(share_rows(matrix * per_row), shares, rtol=1e-12)


def test_rank_agreement_is_spearmans_over_what_can_be_reached() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.random((2, 4, 4))
    near = abs(np.subtract.outer(np.arange(4), np.arange(4))) <= 1
    ranks = [pd.Series(matrix[near]).rank() for matrix in (one, other)]
    assert rank_agreement(one, other, near) == pytest.approx(ranks[0].corr(ranks[1]))
    assert rank_agreement(one, one**3, near) == pytest.approx(1.0)
    assert rank_agreement(one, np.ones((4, 4)), near) is None
    assert rank_agreement(one[:1, :1], one[:1, :1], near[:1, :1]) is None


def write_clips(folder: Path, count: int = 2) -> list[ClipRecord]:
    folder.mkdir(exist_ok=True)
    paths = [write_video(folder / f"{n}.mp4", frames=12 + n, width=48, height=40) for n in range(count)]
    return [ClipRecord(path.name, path) for path in paths]


def load_small(folder: Path, name: str = "gst-resnet26s", **clip: int) -> LoadedModel:
    settings: dict[str, Any] = {"frames": 6, "resize": 32, "crop": 32} | clip
    path = save_model(folder / "net.pth", build_small(name), clip_spec=ClipSpec(**settings))
    return load_model(path)


def test_tables_are_the_means_over_clips(tmp_path: Path) -> None:
    model, records = load_small(tmp_path), write_clips(tmp_path / "clips", 3)
    found = measure_influence(model, records, settings=CPU)
    single = [measure_influence(model, [record], settings=CPU) for record in records]
    assert check(found.table, INFLUENCE) is found.table
    assert check(found.receptive_fields, RECEPTIVE_FIELDS) is found.receptive_fields
    for column in ("influence", "share"):
        mean = np.mean([one.table[column] for one in single], axis=0)
        np.testing.assert_allclose(found.table[column], mean, rtol=1e-6)
    sums = found.table.groupby(["method", "output_frame"])["share"].sum()
    np.testing.assert_allclose(sums, 1, rtol=1e-9)
    np.testing.assert_allclose(found.receptive_fields.groupby("block")["share"].sum(), 1, rtol=1e-9)
    assert list(dict.fromkeys(found.table["method"])) == list(METHODS)
    assert found.summary.clips == 3
    assert found.summary.half_width == 8
    assert [block.half_width for block in found.summary.blocks] == list(range(1, 9))
    assert 0 < found.summary.blocks[0].spread < 1


def test_the_summary_says_what_the_table_says(tmp_path: Path) -> None:
    found = measure_influence(load_small(tmp_path), write_clips(tmp_path / "c"), settings=CPU)
    by_method = dict(iter(found.table.groupby("method")))
    own = by_method[GRADIENT][by_method[GRADIENT]["output_frame"] == by_method[GRADIENT]["input_frame"]]
    assert found.summary.own_share[GRADIENT] == pytest.approx(own["share"].mean())
    for method in (MEAN, NEIGHBOUR):
        rank = stats.spearmanr(by_method[GRADIENT]["influence"], by_method[method]["influence"]).statistic
        assert found.summary.agreement[method].of_means == pytest.approx(rank)  # all six frames reach
        assert rank > 0.5  # two independent ways see the same


def test_the_class_is_the_clips_own_unless_one_is_asked_for(tmp_path: Path) -> None:
    weights = draw_weights(3)
    model = fake_model(module=Mixing(weights))
    records = write_clips(tmp_path / "c", 1)
    found = measure_influence(model, records, blocks=False, settings=CPU)
    asked = measure_influence(model, records, class_id=0, blocks=False, settings=CPU)
    rows = found.table["method"] == GRADIENT
    ratio = found.table[rows]["influence"] / asked.table[rows]["influence"]
    # Logits are 1 to 4 times one number, so the first or the last class is predicted.
    assert np.allclose(ratio, 4) or np.allclose(ratio, 1)
    assert found.receptive_fields.empty


def test_one_frame_has_all_the_influence(tmp_path: Path) -> None:
    found = measure_influence(load_small(tmp_path, frames=1), write_clips(tmp_path / "c", 1), settings=CPU)
    gradient = found.table[found.table["method"] == GRADIENT]
    assert gradient["share"].tolist() == [1.0]
    assert found.table["share"].tolist() == [1.0, 0.0, 0.0]
    assert found.summary.agreement[MEAN].of_means is None
    assert any("one frame" in note for note in found.notes)


def test_a_clip_of_one_frame_is_said_to_be_still(tmp_path: Path) -> None:
    path = write_video(tmp_path / "one.mp4", frames=1, width=48, height=40)
    found = measure_influence(load_small(tmp_path, frames=5), [ClipRecord("one", path)], settings=CPU)
    occluded = found.table[found.table["method"] != GRADIENT]
    assert (occluded["influence"] == 0).all()  # exactly: the mean of equal frames is that frame
    assert not found.table.isna().any().any()
    assert found.summary.unmoved == {GRADIENT: 0, MEAN: 1, NEIGHBOUR: 1}
    assert any("all alike" in note for note in found.notes)


def test_clips_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    model, records = load_small(tmp_path), write_clips(tmp_path / "c", 1)
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    bad = ClipRecord("bad", tmp_path / "bad.mp4")
    heard: list[tuple[int, int, str]] = []
    found = measure_influence(model, [bad, *records], settings=CPU, progress=lambda *at: heard.append(at))
    assert found.summary.clips == 1
    assert list(found.failures) == ["bad"]
    steps = 3 * model.clip_spec.frames + len(list(design(model.spec).blocks()))
    assert [done for done, _, _ in heard] == list(range(1, 2 * steps + 1))  # the bad clip's at once
    assert [name for _, _, name in heard] == ["bad"] * steps + [records[0].clip] * steps
    assert {total for _, total, _ in heard} == {2 * steps}
    with pytest.raises(DataError, match="at least one clip that can be read"):
        measure_influence(model, [bad], settings=CPU)


def test_weights_that_overflow_are_said(tmp_path: Path) -> None:
    model, records = load_small(tmp_path), write_clips(tmp_path / "c", 1)
    with torch.no_grad():
        submodule(model.module, "fc").weight.fill_(1e38)
    with pytest.raises(BrokenCheckpoint, match="finite logits"):
        measure_influence(model, records, settings=CPU)


def test_the_network_is_left_as_it_was_found(tmp_path: Path) -> None:
    model, records = load_small(tmp_path), write_clips(tmp_path / "c", 1)
    model.module.train()
    model.module.get_submodule("layer2.0").eval()
    modes = [module.training for module in model.module.modules()]
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    with torch.no_grad():
        measure_influence(model, records, settings=CPU)
        assert not torch.is_grad_enabled()
    assert [module.training for module in model.module.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.module.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.module.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.module.modules())


def test_hooks_are_gone_also_after_an_error() -> None:
    network = build_small("gst-resnet26s")
    with pytest.raises(SpecError):
        trace_gradients(network, torch.zeros(1, 2, 3, 8, 8), 0, places=anatomy_of(network.spec).places)
    assert not any(module._forward_hooks for module in network.modules())


def test_two_networks_with_frozen_weights_give_gradients_too() -> None:
    network = build_small("gst-resnet26s")
    free, _ = trace_gradients(network, draw_clip(4), 0)
    frozen, _ = trace_gradients(network.requires_grad_(False), draw_clip(4), 0)
    np.testing.assert_allclose(frozen, free, rtol=1e-5)


def test_block_profiles_estimate_the_whole_jacobian() -> None:
    """The mean over many random directions of the squared norm is the squared Frobenius norm."""
    torch.manual_seed(0)
    network = build_model(ModelSpec.from_name("gst-resnet26s", width=8, num_classes=2, num_frames=3)).eval()
    clip = draw_clip(3).requires_grad_()
    block = network.get_submodule("layer4.1")
    heard: list[Tensor] = []
    block.register_forward_hook(lambda module, given, output: heard.append(output))
    network(clip)
    middle = heard[0][1].flatten()
    exact = np.zeros(3)
    for value in middle:
        gradient = torch.autograd.grad(value, clip, retain_graph=True)[0][0]
        exact += gradient.square().sum((1, 2, 3)).numpy()
    _, profiles = trace_gradients(network, clip, 0, places=anatomy_of(network.spec).places[-1:])
    estimate = profiles["layer4.1"] ** 2
    np.testing.assert_allclose(estimate / estimate.sum(), exact / exact.sum(), atol=0.15)
    np.testing.assert_allclose(estimate.sum(), exact.sum(), rtol=0.5)


@pytest.mark.slow
def test_many_clips_take_no_more_memory_than_a_few(tmp_path: Path) -> None:
    model = load_small(tmp_path)
    (record,) = write_clips(tmp_path / "c", 1)

    def measure_peak(clips: int) -> int:
        records = [ClipRecord(str(n), record.path) for n in range(clips)]
        tracemalloc.start()
        try:
            measure_influence(model, records, settings=CPU)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    measure_peak(2)
    assert measure_peak(40) < 1.3 * measure_peak(4) + 200_000


def test_classes_are_found_by_name_or_number() -> None:
    model = fake_model()
    assert find_class(model, "pushing something RIGHT") == 2
    assert find_class(model, "3") == find_class(model, "class 3") == 3
    assert find_class(model, 1) == 1
    assert name_class(model, 3) == LABELS[3]
    assert name_class(fake_model(labels=None), 3) == "class 3"
    for wanted in ("4", "class 4", "class ", "-1", "", "²", "9" * 5_000):
        with pytest.raises(SpecError, match="number from 0 to 3"):
            find_class(model, wanted)
    with pytest.raises(SpecError, match="did you mean 'Watching something'"):
        find_class(model, "Watching somthing")
    with pytest.raises(SpecError, match="holds no names"):
        find_class(fake_model(labels=None), "Watching something")
