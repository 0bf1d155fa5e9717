"""Folded networks say what the networks say."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from benchmarks import folding
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec, model_names
from tests.conftest import build_small
from tests.untyped import gradient, submodule, untyped

SMALL = [name for name in model_names() if name.endswith(("resnet18", "resnet26s", "mobilenetv2"))]
LARGE = [name for name in model_names() if name.endswith("resnet50")]


def draw_clips(size: int = 40) -> Tensor:
    return torch.randn(2, 3, 3, size, size + 8, generator=torch.Generator().manual_seed(0))


def measure_change(network: VideoNetwork, clips: Tensor) -> float:
    with torch.no_grad():
        before, after = network(clips), fold_norms(network)(clips)
    return float((after - before).abs().max() / before.abs().max())


def count_norms(network: nn.Module) -> int:
    return sum(isinstance(module, _BatchNorm) for module in network.modules())


@pytest.mark.parametrize("name", SMALL)
def test_folding_changes_nothing(name: str) -> None:
    network = build_small(name)
    assert measure_change(network, draw_clips()) < 1e-5
    assert count_norms(network) > 0
    assert count_norms(fold_norms(network)) == 0


@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 2**32 - 1), spread=st.floats(0.05, 3), negative=st.booleans())
def test_folding_changes_nothing_whatever_the_norms(seed: int, spread: float, negative: bool) -> None:
    """Scales of either sign and of any size, and variances over four orders of magnitude."""
    generator = torch.Generator().manual_seed(seed)
    for name in ("gst-resnet26s", "sth-resnet26s", "p3d-resnet18"):
        network = build_small(name).double()
        with torch.no_grad():
            for norm in (one for one in network.modules() if isinstance(one, _BatchNorm)):
                norm.weight.normal_(0.0 if negative else 1.0, spread, generator=generator)
                norm.bias.normal_(0, spread, generator=generator)
                untyped(norm.running_mean).normal_(0, spread, generator=generator)
                spreads = 10 ** (4 * torch.rand(norm.num_features, generator=generator) - 2)
                untyped(norm.running_var).copy_(spreads)
        assert measure_change(network, draw_clips(32).double()) < 1e-10


@pytest.mark.parametrize("alpha", ["1/2", "1/8"])
@pytest.mark.parametrize("name", ["gst-resnet26s", "gst-large-resnet18", "sth-resnet26s"])
def test_folding_changes_nothing_whatever_alpha(name: str, alpha: str) -> None:
    assert measure_change(build_small(name, alpha=alpha), draw_clips()) < 1e-5


def test_folding_changes_nothing_with_one_frame() -> None:
    for name in ("gst-resnet26s", "sth-mobilenetv2", "p3d-resnet18"):
        assert measure_change(build_small(name), draw_clips()[:, :1]) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_folding_changes_nothing_in_real_networks(name: str) -> None:
    torch.manual_seed(0)
    network = build_model(ModelSpec.from_name(name, num_classes=11)).eval()
    for norm in network.modules():
        if isinstance(norm, _BatchNorm):
            nn.init.normal_(norm.weight, 1, 0.2)
            nn.init.normal_(norm.bias, 0, 0.2)
            untyped(norm.running_mean).normal_(0, 0.2)
            untyped(norm.running_var).uniform_(0.5, 1.5)
    assert measure_change(network, draw_clips(64)) < 1e-4
    assert count_norms(fold_norms(network)) == 0


def test_the_network_itself_stays_as_it_was() -> None:
    network = build_small("gst-resnet26s").train()
    state = copy.deepcopy(network.state_dict())
    folded = fold_norms(network)
    assert network.training
    assert not folded.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not any(parameter.requires_grad for parameter in folded.parameters())
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())


def test_a_wrong_statistic_would_be_noticed() -> None:
    """The tolerance is far below what the smallest mistake in one norm makes."""
    network = build_small("gst-resnet26s")
    clips = draw_clips()
    folded = fold_norms(network)
    submodule(network, "layer4.1.bn2").running_mean += 0.01
    with torch.no_grad():
        change = (folded(clips) - network(clips)).abs().max() / network(clips).abs().max()
    assert change > 1e-4


@pytest.mark.parametrize("listened", ["layer2.0.bn2", "layer2.0.conv2", "layer2.0.conv2.temporal"])
def test_what_somebody_listens_to_is_not_folded(listened: str) -> None:
    network = build_small("gst-resnet26s")
    heard: list[tuple[int, ...]] = []

    def silence(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        heard.append(tuple(output.shape))
        return output * 0

    network.get_submodule(listened).register_forward_hook(silence)
    with torch.no_grad():
        before = network(draw_clips())
        folded = fold_norms(network)
        after = folded(draw_clips())
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)
    assert len(heard) == 2
    assert count_norms(folded) == 1


def test_networks_of_other_makes_come_back_as_copies() -> None:
    other = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval()
    folded = fold_norms(other)
    assert folded is not other
    assert count_norms(folded) == 1
    x = torch.randn(4, 3)
    torch.testing.assert_close(folded(x), other(x))


def test_norms_without_scale_and_convolutions_with_bias_fold_too() -> None:
    torch.manual_seed(0)
    pair = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, affine=False)).eval()
    untyped(pair[1]).running_mean.normal_()
    untyped(pair[1]).running_var.uniform_(0.5, 2)
    folded = fold_norms(pair)
    assert count_norms(folded) == 0
    x = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(folded(x), pair(x), rtol=1e-5, atol=1e-5)


def test_a_norm_without_running_statistics_is_left_alone() -> None:
    pair = nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, track_running_stats=False)).eval()
    folded = fold_norms(pair)
    assert count_norms(folded) == 1
    x = torch.randn(2, 3, 9, 9)
    torch.testing.assert_close(folded(x), pair(x))


def test_folded_networks_still_pass_gradients_to_their_input() -> None:
    network = build_small("gst-resnet26s")
    gradients = []
    for one in (network, fold_norms(network)):
        clips = draw_clips().requires_grad_()
        one(clips).square().sum().backward()
        gradients.append(gradient(clips))
    scale = gradients[0].abs().max()
    assert (gradients[0] - gradients[1]).abs().max() / scale < 1e-2  # ReLU flips at rounding are allowed


def test_the_benchmark_times_both_and_compares_them(tmp_path: Path) -> None:
    arguments = [
        "--backbone",
        "resnet26s",
        "--families",
        "gst,nonesuch",
        "--precisions",
        "fp32",
        "--size",
        "32",
    ]
    threads = torch.get_num_threads()
    try:
        assert (
            folding.main(
                [
                    *arguments,
                    "--rounds",
                    "3",
                    "--tries",
                    "1",
                    "--threads",
                    "1",
                    "--json",
                    str(tmp_path / "f.json"),
                ]
            )
            == 0
        )
    finally:
        torch.set_num_threads(threads)
    (row,) = json.loads((tmp_path / "f.json").read_text())["rows"]
    assert row["name"] == "gst-resnet26s"
    assert row["difference"] < 1e-5
    assert 0 < row["faster"]["low"] <= row["faster"]["median"] <= row["faster"]["high"]
