"""Whether maps say what a network uses: orders, curves and forgetting against what is known by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import gst_analysis as gst
from gst_analysis.analyses.saliency.testing import (
    EVERYTHING,
    STEPS,
    correlate,
    find_owners,
    forgotten,
    list_forgetting,
    measure_curves,
    measure_forgetting,
    order_pixels,
    summarise_curves,
)
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import anatomy_of
from tests.clips.planted_clips import write_video
from tests.conftest import build_small


class SeesSquare(nn.Module):
    """Its first logit is ten times the mean of a square's pixels, its second is 0."""

    def forward(self, clips: Tensor) -> Tensor:
        seen = 10 * clips[..., :5, :5].mean((2, 3, 4))
        return torch.stack([seen, torch.zeros_like(seen)], -1)


SIZE, FRAMES = 10, 2


def order_by(corner: float) -> Tensor:
    """Cells of five pixels each way; the upper left one is that hot, the others stand at 0."""
    heat = np.zeros((FRAMES, 2, 2))
    heat[:, 0, 0] = corner
    owners = find_owners(np.array([0.25, 0.75]), SIZE)
    return order_pixels(heat, (owners, owners))


def test_hotter_cells_go_first_and_take_their_pixels_along() -> None:
    owners = find_owners(np.array([0.0, 0.5, 1.0]), 8)  # cells at the edges own half as many pixels
    assert np.bincount(owners).tolist() == [2, 4, 2]
    heat = np.array([[[1.0, 3.0, 2.0]]])
    ahead = order_pixels(heat, (np.zeros(4, dtype=np.intp), owners))
    assert ahead[0, 0].tolist() == pytest.approx([6 / 8] * 2 + [0.0] * 4 + [4 / 8] * 2)


def test_cells_that_are_alike_go_in_any_order_but_none_twice() -> None:
    ahead = order_by(0.0)
    cells = ahead[:, ::5, ::5].flatten()
    assert sorted(cells.tolist()) == pytest.approx(list(np.arange(8) / 8))
    assert cells.tolist() != sorted(cells.tolist())


def test_curves_are_those_of_a_network_that_is_known() -> None:
    clip = torch.ones(1, FRAMES, 3, SIZE, SIZE)
    orders = {"all": order_by(1.0), "random": order_by(-1.0)}
    curves = measure_curves(SeesSquare(), clip, 0, orders)
    found = {
        key: rows["probability"].to_numpy() for key, rows in curves.groupby(["map", "direction"], sort=False)
    }
    # In each of two frames the square is an eighth of all pixels; logits are averaged over frames.
    expected = {
        ("all", "deletion"): [10, 5, *[0] * 9],
        ("all", "insertion"): [0, 5, *[10] * 9],
        ("random", "deletion"): [*[10] * 8, 5, 0, 0],
        ("random", "insertion"): [*[0] * 8, 5, 10, 10],
    }
    assert found.keys() == expected.keys()
    for key, logits in expected.items():
        assert found[key] == pytest.approx(1 / (1 + np.exp(-np.array(logits, dtype=float))), rel=1e-5)
    areas = summarise_curves(curves)
    assert areas["all"].deletion == pytest.approx(
        (found["all", "deletion"].sum() - found["all", "deletion"][[0, -1]].mean()) / STEPS
    )
    assert areas["all"].deletion < areas["random"].deletion
    assert areas["all"].insertion > areas["random"].insertion


def test_a_map_that_is_not_of_the_network_survives_forgetting_and_one_that_is_does_not() -> None:
    network = build_small("gst-resnet26s")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    steps = list_forgetting(network, anatomy_of(network.spec))
    assert list(steps) == ["head", "and stage 4", "and stage 3", "and stage 2", "and stage 1", EVERYTHING]
    assert steps["head"] == ["fc.weight", "fc.bias"]
    assert set(steps["head"]) < set(steps["and stage 4"]) < set(steps[EVERYTHING])
    fixed = np.random.default_rng(0).random((2, 4, 4))

    def explain() -> dict[str, np.ndarray]:
        return {"all": fixed, "spatial": network.fc.weight.detach().double().numpy()}

    found = measure_forgetting(network, steps, explain).set_index(["group", "forgotten"])["correlation"]
    assert (found["all"] == 1).all()
    assert found["spatial"].abs().max() < 0.5
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_what_is_forgotten_keeps_its_values_in_other_places() -> None:
    network = build_small("gst-resnet26s")
    own = network.fc.weight.detach().clone()
    with forgotten(network, ["fc.weight"]):
        shuffled = network.fc.weight.detach().clone()
    assert not torch.equal(shuffled, own)
    assert torch.equal(shuffled.flatten().sort().values, own.flatten().sort().values)


def test_a_networks_weights_come_back_after_an_error() -> None:
    network = build_small("gst-resnet26s")
    own = network.fc.weight.detach().clone()
    with pytest.raises(ZeroDivisionError), forgotten(network, ["fc.weight"]):
        raise ZeroDivisionError
    assert torch.equal(network.fc.weight, own)


def test_maps_are_compared_by_rank() -> None:
    random = np.random.default_rng(0).normal(size=(2, 3, 3))
    assert correlate(random, np.exp(random)) == pytest.approx(1)
    assert correlate(random, -random) == pytest.approx(-1)
    assert correlate(random, np.zeros((2, 3, 3))) is None


def test_saliency_tests_its_maps_when_asked(tmp_path: Path) -> None:
    save_model(tmp_path / "net.pth", build_small("gst-resnet26s"), clip_spec=ClipSpec(2, resize=32, crop=32))
    write_video(tmp_path / "clip.mp4")
    plain = gst.saliency_maps(tmp_path / "net.pth", tmp_path / "clip.mp4", device="cpu")
    assert list(plain.tables) == ["saliency"]
    assert plain.summary.areas is None
    assert plain.to_document()["tests"] is None
    found = gst.saliency_maps(tmp_path / "net.pth", tmp_path / "clip.mp4", device="cpu", check=True)
    assert found.table.equals(plain.table)
    assert list(found.tables) == ["saliency", "saliency_curves", "saliency_forgetting"]
    assert list(found.summary.areas or {}) == ["all", "spatial", "temporal", "colour", "random"]
    curves = found.tables["saliency_curves"].pivot_table(
        index="map", columns=["direction", "share"], values="probability"
    )
    whole = found.summary.probability
    assert np.allclose(curves["deletion", 0.0], whole, atol=1e-6)
    assert np.allclose(curves["insertion", 1.0], whole, atol=1e-6)
    assert np.allclose(curves["deletion", 1.0], curves["insertion", 0.0], atol=1e-6)
    assert curves["deletion"].to_numpy().std(axis=1).all()  # the answer moves with what is left


@pytest.mark.slow
def test_tested_maps_are_saved_and_drawn(tmp_path: Path) -> None:
    save_model(tmp_path / "net.pth", build_small("gst-resnet26s"), clip_spec=ClipSpec(2, resize=32, crop=32))
    write_video(tmp_path / "clip.mp4")
    found = gst.saliency_maps(tmp_path / "net.pth", tmp_path / "clip.mp4", device="cpu", check=True)
    written = found.save(tmp_path / "out", ["csv", "png"])
    assert (tmp_path / "out" / "saliency_tests.png").stat().st_size > 10_000
    assert {"csv", "png", "saliency_curves.csv", "saliency_tests.png"} <= set(written)
