"""Importance scores: against integrals, simulated activations, plain loops, and rescaled networks."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats
from torch import Tensor, nn

from gst_analysis.analyses.importance.activations import expect_activation, listen_to_activations
from gst_analysis.analyses.importance.measure import (
    infer_importance,
    summarise_importance,
    tabulate_importance,
)
from gst_analysis.analyses.importance.table import IMPORTANCE
from gst_analysis.analyses.scales.measure import tabulate_bn_scales
from gst_analysis.analyses.scales.table import NO_GROUPS
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_checkpoint, load_model
from gst_analysis.checkpoints.next_weights import Following, infer_following
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.specs import model_names
from gst_analysis.tables.schema import check
from tests.conftest import SaveSmall, build_small
from tests.untyped import design, submodule, untyped

CLIPS = torch.randn(2, 4, 3, 32, 32, generator=torch.Generator().manual_seed(3))
SMALL_NAMES = [n for n in model_names() if "resnet26s" in n or "resnet18" in n or "mobile" in n]


def load_small(network: VideoNetwork, folder: Path) -> LoadedModel:
    return load_model(save_model(folder / "model.pth", network, overwrite=True))


@pytest.mark.parametrize("cap", [np.inf, 6.0, 0.5])
def test_the_closed_form_is_the_integral(cap: float) -> None:
    for mean, std in itertools.product((-3.0, -0.2, 0.0, 1.5, 8.0), (0.05, 1.0, 4.0)):
        y = np.linspace(mean - 12 * std, mean + 12 * std, 400_001)
        density, active = stats.norm(mean, std).pdf(y), np.clip(y, 0, cap)
        first, second = (integrate.simpson(active**k * density, x=y) for k in (1, 2))
        got = expect_activation(np.array([mean]), np.array([std]), cap=cap)
        assert got.mean[0] == pytest.approx(first, abs=1e-8)
        assert got.std[0] ** 2 == pytest.approx(second - first**2, abs=1e-8)


def test_without_spread_an_activation_is_its_offset() -> None:
    got = expect_activation(np.array([-1.0, 0.0, 2.0, 9.0]), np.zeros(4), cap=6.0)
    np.testing.assert_allclose(got.mean, [0, 0, 2, 6])
    np.testing.assert_allclose(got.std, 0, atol=1e-12)


@pytest.mark.parametrize("name", ["gst-resnet26s", "gst-resnet18", "sth-resnet26s", "c2d-mobilenetv2"])
def test_measured_activations_of_normal_outputs_are_the_closed_form(name: str, tmp_path: Path) -> None:
    """The second derivation: what passes is counted, not calculated. The outputs are made normal by hand."""
    model = load_small(build_small(name), tmp_path)
    inferred = infer_importance(model.checkpoint)
    with listen_to_activations(model) as listener:
        for layer in inferred.loc[inferred["undefined"] == "", "layer"].unique():
            norm = submodule(model.module, layer)
            noise = torch.randn(64, norm.num_features, 12, 12, generator=torch.Generator().manual_seed(1))
            scale, mean = norm.running_var.sqrt()[:, None, None], norm.running_mean[:, None, None]
            norm(noise * scale + mean)
    measured = tabulate_importance(model.checkpoint, listener.moments())
    assert set(measured["source"]) == {"measured"}
    for score in ("activation", "activation_std"):
        np.testing.assert_allclose(measured[score], inferred[score], atol=0.06, equal_nan=True)
    np.testing.assert_allclose(measured["column_norm"], inferred["column_norm"], equal_nan=True)


def test_a_listener_hears_what_enters_the_next_convolution(tmp_path: Path) -> None:
    model = load_small(build_small("gst-resnet26s"), tmp_path)
    inputs: list[Tensor] = []
    conv = model.module.get_submodule("layer3.1.conv3")
    hook = conv.register_forward_pre_hook(lambda _m, args: inputs.append(args[0].clone()))
    with torch.no_grad(), listen_to_activations(model) as listener:
        model.module(CLIPS)
        model.module(CLIPS + 1)
    hook.remove()
    seen = torch.cat(inputs).double()
    heard = listener.moments()["layer3.1.bn2"]
    np.testing.assert_allclose(heard.mean, seen.mean((0, 2, 3)), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(heard.std, seen.std((0, 2, 3), correction=0), rtol=1e-4, atol=1e-6)


def test_a_listener_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    model = load_small(build_small("gst-resnet18"), tmp_path)
    model.module.train()
    with pytest.raises(KeyError), listen_to_activations(model):
        raise KeyError
    assert model.module.training
    assert not any(module._forward_hooks for module in model.module.modules())


@pytest.mark.parametrize("name", SMALL_NAMES)
def test_columns_are_what_the_network_reads(name: str, tmp_path: Path) -> None:
    """Second derivation: zero the weights that read a channel, by gradient, and see what is left.

    The gradient of the next convolution's summed output to its weights is not zero exactly where a weight
    meets a channel that is on. So the squared weights that a channel meets can be summed by trying.
    """
    model = load_small(build_small(name), tmp_path)
    block = list(design(model.spec).blocks())[-1]
    site = block.sites[0]
    layer = f"{block.name}.{site.norm}"
    found = infer_following(model.checkpoint, layer, dict(model.anatomy.readers)[layer])
    assert isinstance(found, Following)
    module = submodule(model.module, block.name)
    conv = module.conv3 if block.kind != "basic" else module.conv2
    frames = 3
    for channel in (0, site.c_out // 2, site.c_out - 1):
        x = torch.zeros(frames, site.c_out, 3, 3)
        x[:, channel] = 1.0
        total = sum(weight_met(conv, parameter, x, frames) for parameter in operator_weights(conv))
        assert found.columns[channel] == pytest.approx(total**0.5, rel=1e-5)


def operator_weights(conv: nn.Module) -> list[nn.Parameter]:
    """Weights that meet the operator's input: in a cascade only the first kernel's."""
    weights = [(name, p) for name, p in conv.named_parameters() if p.ndim > 2]
    cascade = hasattr(conv, "norm")
    return [p for name, p in weights if not cascade or name.startswith("spatial")]


def weight_met(conv: nn.Module, weight: nn.Parameter, x: Tensor, frames: int) -> float:
    target: Any = conv.spatial if hasattr(conv, "norm") else conv
    plain = isinstance(target, nn.Conv2d)
    with torch.enable_grad():
        out = target(x) if plain else target(x, frames)
        generator = torch.Generator().manual_seed(0)
        (grad,) = torch.autograd.grad((out * torch.rand(out.shape, generator=generator)).sum(), weight)
    return float(weight.detach().double()[grad != 0].square().sum())


def rescale(network: VideoNetwork, factor: float, *, group: str = "temporal") -> None:
    """Multiply γ and β of a group in every bottleneck, and divide conv3's columns."""
    with torch.no_grad():
        for block in network.spec.blocks():
            channels = untyped(network.spec.groups(block.hidden))[group]
            module = submodule(network, block.name)
            module.bn2.weight[channels] *= factor
            module.bn2.bias[channels] *= factor
            module.conv3.weight[:, channels] /= factor


def test_rescaling_moves_raw_scales_and_nothing_that_counts(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    before = infer_importance(load_small(network, tmp_path).checkpoint)
    with torch.no_grad():
        logits = network(CLIPS)
        rescale(network, 10.0)
        torch.testing.assert_close(network(CLIPS), logits, rtol=1e-5, atol=1e-5)
    after = infer_importance(load_small(network, tmp_path).checkpoint)
    for score in ("invariant", "invariant_spread", "invariant_output"):
        np.testing.assert_allclose(after[score], before[score], rtol=1e-5)
    medians = [t[t["group"] == "temporal"].groupby("layer")["abs_gamma"].median() for t in (before, after)]
    np.testing.assert_allclose(medians[1] / medians[0], 10, rtol=1e-5)
    others = [t[t["group"] == "spatial"]["gamma"] for t in (before, after)]
    np.testing.assert_array_equal(others[0], others[1])


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_any_rescaling_of_any_channel_leaves_the_invariant_score(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """A factor of its own for every channel, between a hundredth and a hundred."""
    rng, folder = np.random.default_rng(seed), tmp_path_factory.mktemp("rescaled")
    network = build_small("gst-resnet26s").double()
    before = infer_importance(load_small(network, folder).checkpoint)
    moved: list[np.ndarray] = []
    with torch.no_grad():
        logits = network(CLIPS[:1, :2].double())
        for block in network.spec.blocks():
            module = submodule(network, block.name)
            factors = 10 ** torch.from_numpy(rng.uniform(-2, 2, block.hidden))
            module.bn2.weight *= factors
            module.bn2.bias *= factors
            module.conv3.weight /= factors[:, None, None]
            moved.append(factors.numpy())
        torch.testing.assert_close(network(CLIPS[:1, :2].double()), logits, rtol=1e-9, atol=1e-9)
    after = infer_importance(load_small(network, folder).checkpoint)
    for score in ("invariant", "invariant_spread", "invariant_output"):
        np.testing.assert_allclose(after[score], before[score], rtol=1e-5)
    np.testing.assert_allclose(after["abs_gamma"] / before["abs_gamma"], np.concatenate(moved), rtol=1e-5)


def test_rescaling_a_basic_block_and_the_next_filters(tmp_path: Path) -> None:
    """In a basic block the next convolution is an operator; its filters' scale is undone by their norm."""
    network = build_small("gst-resnet18").double()
    model = load_small(network, tmp_path)
    before = infer_importance(model.checkpoint)
    with torch.no_grad():
        logits = network(CLIPS.double())
        block = submodule(network, "layer2.0")
        width = block.bn1.num_features
        block.bn1.weight[: width // 2] *= 7
        block.bn1.bias[: width // 2] *= 7
        block.conv2.spatial.weight /= 7  # beta is a half: it reads exactly those
        row = block.conv2.spatial.weight
        row *= 3
        filters = len(row)
        block.bn2.running_mean[:filters] *= 3
        block.bn2.running_var[:filters] = (block.bn2.running_var[:filters] + 1e-5) * 9 - 1e-5
        torch.testing.assert_close(network(CLIPS.double()), logits, rtol=1e-7, atol=1e-7)
    after = infer_importance(load_small(network, tmp_path).checkpoint)
    rows = before["layer"] == "layer2.0.bn1"
    np.testing.assert_allclose(after["invariant_output"], before["invariant_output"], rtol=1e-5)
    first = rows & (before["channel"] < width // 2)
    np.testing.assert_allclose(after["invariant"][first], 3 * before["invariant"][first], rtol=1e-5)


@pytest.mark.parametrize("name", SMALL_NAMES)
def test_every_family_has_scores_or_says_why_not(name: str, save_small: SaveSmall) -> None:
    checkpoint = load_checkpoint(save_small(name))
    table = infer_importance(checkpoint)
    check(table, IMPORTANCE)
    defined = table["undefined"] == ""
    scores = ["activation", "column_norm", "invariant", "invariant_spread", "invariant_output"]
    assert np.isfinite(table.loc[defined, scores]).all(axis=None)
    assert table.loc[~defined, scores].isna().all(axis=None)
    second = table["layer"].str.endswith("bn2") & ("resnet18" in name)
    pd.testing.assert_series_equal(defined, ~second, check_names=False)
    scales = tabulate_bn_scales(checkpoint)
    np.testing.assert_array_equal(table["abs_gamma"], scales["importance"])
    np.testing.assert_array_equal(table["channel"], scales["channel"])


def test_scores_of_nothing_are_nothing(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    with torch.no_grad():
        submodule(network, "layer1.0.bn2").weight.zero_()
        submodule(network, "layer1.0.bn2").bias.zero_()
        submodule(network, "layer1.1.bn2").running_var.zero_()  # nothing ever came through
    table = infer_importance(load_small(network, tmp_path).checkpoint)
    assert (table.loc[table["block"] == "layer1.0", "invariant"] == 0).all()
    dead = table[table["block"] == "layer1.1"]
    assert (dead["invariant_spread"] == 0).all()
    np.testing.assert_allclose(dead["activation"], _beta_of(network, "layer1.1.bn2").clip(0), rtol=1e-6)
    summary = summarise_importance(table).set_index(["layer", "score"])
    first = untyped(summary.loc[("layer1.0.bn2", "invariant")])
    assert (first["against_median"], first["median"]) == (0, 0)
    assert np.isnan(first["log2_ratio"])
    assert "no ratio" in first["undefined"]


def _beta_of(network: VideoNetwork, layer: str) -> np.ndarray:
    return submodule(network, layer).bias.detach().double().numpy()


def test_group_summaries_are_medians_and_say_what_has_none(save_small: SaveSmall) -> None:
    table = infer_importance(load_checkpoint(save_small("gst-resnet26s")))
    summary = summarise_importance(table).set_index(["layer", "score"])
    row = untyped(summary.loc[("layer4.1.bn2", "invariant")])
    part = table[table["layer"] == "layer4.1.bn2"].groupby("group")["invariant"].median()
    assert row["log2_ratio"] == pytest.approx(np.log2(part["temporal"] / part["spatial"]))
    flat = summarise_importance(infer_importance(load_checkpoint(save_small("c2d-resnet26s"))))
    assert set(flat["undefined"]) == {NO_GROUPS}
