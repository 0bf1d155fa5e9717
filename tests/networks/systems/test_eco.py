"""ECO Full and Lite: counts, names, and the same logits by other means."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.eco import build, recognise
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import relative
from tests.networks.systems.inception import FrameFunctions, State, count_gmacs, draw_lively, spread

OFFICIAL = {
    "base_model.inception_3c_double_3x3_1.weight": (96, 64, 3, 3),
    "base_model.res3a_2.weight": (128, 96, 3, 3, 3),
    "base_model.res3a_2.bias": (128,),
    "base_model.res3a_bn.running_var": (128,),
    "base_model.res3b_1_bn.weight": (128,),
    "base_model.res4a_down.weight": (256, 128, 3, 3, 3),
    "base_model.res4b_bn.weight": (256,),
    "base_model.res5a_1_bn.weight": (512,),
    "base_model.res5b_2.weight": (512, 512, 3, 3, 3),
}


def build_on_meta(name: str, **settings: Any) -> nn.Module:
    with shapes_alone():
        return build(SystemSpec.from_name(name, **settings)).eval()


class SolidFunctions(FrameFunctions):
    """The 3-D part, too."""

    def solid(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        y = F.conv3d(F.pad(x, (1,) * 6), self.state[f"{name}.weight"], None, stride)
        return y + self.state[f"{name}.bias"].view(-1, 1, 1, 1)

    def run_solid(self, x: Tensor) -> Tensor:
        x = self.solid("res3a_2", x)
        for stage in "345":
            if stage != "3":
                branch = self.normalise(f"res{stage}a_1_bn", self.solid(f"res{stage}a_1", x, 2))
                x = self.solid(f"res{stage}a_2", branch) + self.solid(f"res{stage}a_down", x, 2)
            branch = self.normalise(f"res{stage}a_bn", x)
            branch = self.normalise(f"res{stage}b_1_bn", self.solid(f"res{stage}b_1", branch))
            x = self.normalise(f"res{stage}b_bn", self.solid(f"res{stage}b_2", branch) + x)
        return x.mean((2, 3, 4))


def second_logits(state: State, clips: Tensor, *, full: bool) -> Tensor:
    network = SolidFunctions(state)
    x = network.mix("3b", network.mix("3a", network.embed(clips.flatten(0, 1).double())))
    name = "inception_3c_double_3x3_"
    branch = network.convolve(name + "1", network.convolve(name + "reduce", x))
    features = network.run_solid(branch.view(*clips.shape[:2], *branch.shape[1:]).transpose(1, 2))
    if full:
        for block in ("3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
            x = network.mix(block, x)
        flat = x.mean((2, 3)).view(*clips.shape[:2], -1).mean(1)
        features = torch.cat([flat, features], 1)
    return features @ state["new_fc.weight"].double().T + state["new_fc.bias"]


@pytest.mark.parametrize(("name", "gmacs_of_8"), [("eco-full", 32.206), ("eco-lite", 23.243)])
def test_the_size_is_the_published_one(name, gmacs_of_8):
    record = SYSTEMS[name]
    network = build_on_meta(name)
    assert sum(p.numel() for p in network.parameters()) == record.params
    for frames, gmacs in ((16, record.gmacs), (8, gmacs_of_8)):
        clips = torch.empty(1, frames, 3, record.size, record.size, device="meta")
        assert count_gmacs(network, clips) == pytest.approx(gmacs, abs=0.005)


@pytest.mark.parametrize("name", ["eco-full", "eco-lite"])
def test_names_and_shapes_are_the_official_ones(name):
    state = build_on_meta(name).state_dict()
    assert {name: tuple(state[name].shape) for name in OFFICIAL} == OFFICIAL
    assert tuple(state["new_fc.weight"].shape) == (400, 1536 if name == "eco-full" else 512)
    assert ("base_model.inception_3c_3x3.weight" in state) == (name == "eco-full")


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("name", ["eco-full", "eco-lite"])
def test_its_own_state_is_recognised(name, prefix):
    own = build_on_meta(name, num_classes=5).state_dict()
    found = recognise({prefix + key: tensor for key, tensor in own.items()})
    assert found is not None
    assert (found.spec.name, found.spec.num_classes, found.layout) == (name, 5, "ECO-pytorch")
    assert found.state.keys() == own.keys()
    assert any("16" in note for note in found.notes)


def test_a_head_inside_the_network_is_renamed_and_another_3d_part_left_alone():
    own = build_on_meta("eco-lite").state_dict()
    inside = {key.replace("new_fc", "base_model.fc_final"): tensor for key, tensor in own.items()}
    found = recognise(inside)
    assert found is not None
    assert found.state.keys() == own.keys()
    first = dict(own) | {"base_model.res3a_1.weight": torch.zeros(128, 96, 3, 3, 3)}  # an earlier ECO
    assert recognise(first) is None


@pytest.mark.parametrize("name", ["eco-full", "eco-lite"])
def test_logits_equal_a_second_derivation_and_move_with_the_clip_and_its_order(name):
    clips = torch.randn(2, 4, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 60
    network = build(SystemSpec.from_name(name, num_classes=7))
    state = draw_lively(network, clips)
    with torch.no_grad():
        logits, mixed = network(clips), network(clips[:, [2, 0, 3, 1]])
    assert relative(logits, second_logits(state, clips, full=name == "eco-full")) < 1e-4
    assert spread(logits) > 0.1
    assert relative(mixed, logits.double()) > 0.05


def test_any_length_is_taken():
    assert build_on_meta("eco-full")(torch.empty(2, 5, 3, 96, 64, device="meta")).shape == (2, 400)
