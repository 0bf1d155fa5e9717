"""GSM and GSF: counts, names, and the same logits by other means."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.errors import SpecError
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.gsm import GateShift, build, recognise
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import relative
from tests.networks.systems.inception import FrameFunctions, State, count_gmacs, draw_lively, spread

NAMES = ("gsm-bninception", "gsf-bninception", "gsf-r50")
OFFICIAL = {
    "gsm-bninception": {
        "base_model.gsm_inception_3a_1x1.conv3D.weight": (2, 32, 3, 3, 3),
        "base_model.gsm_inception_3a_1x1.bn.running_mean": (64,),
        "base_model.gsm_inception_3c_3x3_reduce.conv3D.bias": (2,),
        "base_model.gsm_inception_4e_3x3_reduce.bn.weight": (128,),
        "base_model.gsm_inception_5b_1x1.conv3D.weight": (2, 176, 3, 3, 3),
        "new_fc.weight": (174, 1024),
    },
    "gsf-bninception": {
        "base_model.gsf_inception_4d_1x1.conv3D.weight": (2, 48, 3, 3, 3),
        "base_model.gsf_inception_4d_1x1.channel_conv1.weight": (1, 2, 3, 3),
        "base_model.gsf_inception_5a_1x1.channel_conv2.bias": (1,),
    },
    "gsf-r50": {  # below base_model in the file
        "layer1.0.gsf.conv3D.weight": (2, 32, 3, 3, 3),
        "layer1.0.gsf.channel_conv2.weight": (1, 2, 3, 3),
        "layer4.2.gsf.bn.weight": (512,),
        "layer4.2.conv3.weight": (2048, 512, 1, 1),
    },
}


def build_on_meta(name: str, **settings: Any) -> nn.Module:
    with shapes_alone():
        return build(SystemSpec.from_name(name, **settings)).eval()


def as_official(name: str, state: State) -> dict[str, Tensor]:
    if name != "gsf-r50":
        return dict(state)
    return {
        k.replace("fc.", "new_fc.") if k.startswith("fc.") else f"base_model.{k}": state[k] for k in state
    }


def open_gates(state: State, name: str, x: Tensor, frames: int) -> Tensor:
    """A gate frame by frame and channel by channel, (N*T, C, H, W) in double."""
    part = {
        key.removeprefix(f"{name}."): t.double() for key, t in state.items() if key.startswith(f"{name}.")
    }
    count = len(part["bn.weight"])
    clips = x.double().unflatten(0, (-1, frames))[:, :, :count].transpose(1, 2)
    scale = part["bn.weight"] / (part["bn.running_var"] + 1e-5).sqrt()
    ready = (clips - part["bn.running_mean"].view(-1, 1, 1, 1)) * scale.view(-1, 1, 1, 1)
    ready = (ready + part["bn.bias"].view(-1, 1, 1, 1)).relu()
    out = x.double().unflatten(0, (-1, frames)).clone()
    for half in (0, 1):
        own = clips[:, half * count // 2 : (half + 1) * count // 2]
        seen = ready[:, half * count // 2 : (half + 1) * count // 2]
        weight, bias = part["conv3D.weight"][half], part["conv3D.bias"][half]
        gate = (F.conv3d(seen, weight[None], None, padding=1) + bias).tanh()
        moved, stayed = torch.zeros_like(own), own - gate * own
        for frame in range(frames):
            source = frame + (1, -1)[half]
            if 0 <= source < frames:
                moved[:, :, frame] = (gate * own)[:, :, source]
        mixed = moved + stayed
        if "channel_conv1.weight" in part:
            conv = f"channel_conv{half + 1}."
            means = torch.stack([moved.mean((3, 4)), stayed.mean((3, 4))], 1)
            share = F.conv2d(means, part[conv + "weight"], part[conv + "bias"], 1, 1).sigmoid()[:, 0]
            mixed = moved * share[..., None, None] + stayed * (1 - share[..., None, None])
        quarter = count // 4
        for channel in range(2 * quarter):  # 0, C/4, 1, C/4 + 1, … within each half
            place = half * 2 * quarter + channel
            out[:, :, place] = mixed[:, channel // 2 + channel % 2 * quarter]
    return out.flatten(0, 1)


def second_logits(name: str, state: State, clips: Tensor) -> Tensor:
    """(N, T, 3, H, W) -> (N*T, K)."""
    frames, pixels = clips.shape[1], clips.flatten(0, 1)
    if name == "gsf-r50":
        return residual_logits(state, pixels, frames)
    own = {key.removeprefix("base_model."): tensor for key, tensor in state.items()}
    kind = name[:3]

    def gate(layer: str, x: Tensor) -> Tensor:
        there = f"{kind}_{layer}.bn.weight" in own
        return open_gates(own, f"{kind}_{layer}", x, frames) if there else x

    features = FrameFunctions(state, gate=gate).features(pixels.double())
    return features @ state["new_fc.weight"].double().T + state["new_fc.bias"]


def residual_logits(state: State, pixels: Tensor, frames: int) -> Tensor:
    """torchvision's ResNet-50 with a gate hung behind every last convolution."""
    network = torchvision.models.resnet50(num_classes=len(state["fc.bias"])).double().eval()
    network.load_state_dict({key: tensor for key, tensor in state.items() if ".gsf." not in key})
    for name, module in network.named_modules():
        if name.endswith(".conv3"):
            gate = name.replace("conv3", "gsf")
            module.register_forward_hook(lambda _m, _x, y, gate=gate: open_gates(state, gate, y, frames))
    logits: Tensor = network(pixels.double())
    return logits


@pytest.mark.parametrize("name", NAMES)
def test_the_size_is_the_published_one(name):
    record = SYSTEMS[name]
    network = build_on_meta(name)
    assert sum(p.numel() for p in network.parameters()) == record.params
    clips = torch.empty(1, record.frames, 3, record.size, record.size, device="meta")
    assert count_gmacs(network, clips) == pytest.approx(record.gmacs, abs=0.005)


@pytest.mark.parametrize("name", NAMES)
def test_names_and_shapes_are_the_official_ones(name):
    state = build_on_meta(name).state_dict()
    assert {key: tuple(state[key].shape) for key in OFFICIAL[name]} == OFFICIAL[name]
    assert sum(key.endswith("conv3D.weight") for key in state) == (16 if name == "gsf-r50" else 10)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("name", NAMES)
def test_official_states_and_its_own_are_recognised(name, prefix):
    own = build_on_meta(name, num_classes=5).state_dict()
    for theirs in (as_official(name, own), own):
        found = recognise({prefix + key: tensor for key, tensor in theirs.items()})
        assert found is not None
        assert (found.spec.name, found.spec.num_classes, found.layout) == (name, 5, name[:3].upper())
        assert found.state.keys() == own.keys()


def test_the_share_of_gated_channels_is_read_from_the_weights():
    own = build_on_meta("gsf-r50", share=0.5).state_dict()
    assert tuple(own["layer1.0.gsf.bn.weight"].shape) == (128,)
    found = recognise(as_official("gsf-r50", own))
    assert found is not None
    assert found.spec.chosen["share"] == 0.5


@pytest.mark.parametrize("share", [0, 1.5])
def test_a_share_that_there_is_not_is_refused(share):
    with pytest.raises(SpecError, match="above 0, at most 1"):
        build_on_meta("gsf-r50", share=share)


def test_networks_without_gates_are_left_alone():
    own = build_on_meta("gsf-r50").state_dict()
    assert recognise({key: t for key, t in as_official("gsf-r50", own).items() if "gsf" not in key}) is None
    own = build_on_meta("gsm-bninception").state_dict()
    assert recognise({key: tensor for key, tensor in own.items() if "gsm" not in key}) is None
    assert recognise({key: tensor for key, tensor in own.items() if "gsm_inception_3b" not in key}) is None


@pytest.mark.parametrize("name", NAMES)
def test_logits_equal_a_second_derivation_and_move_with_the_clip_and_its_order(name):
    size = 1 if name == "gsf-r50" else 60
    clips = torch.randn(2, 3, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * size
    network = build(SystemSpec.from_name(name, num_classes=7))
    state = draw_lively(network, clips)
    with torch.no_grad():
        logits, mixed = network(clips), network(clips.flip(1))
        assert relative(logits.flatten(0, 1), second_logits(name, state, clips)) < 1e-4
    assert spread(logits.mean(1)) > 0.05
    assert relative(mixed.mean(1), logits.mean(1)) > 0.05


def test_shut_gates_only_put_channels_in_another_order():
    x = torch.arange(8.0).view(1, 8, 1, 1).expand(3, 8, 2, 2)
    assert GateShift(8).eval()(x, 3)[0, :, 0, 0].tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
