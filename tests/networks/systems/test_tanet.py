"""TANet: counts, the authors' and MMAction2's names, T in the shapes, and a plain twin."""

from __future__ import annotations

import re
from functools import partial

import pytest
import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.errors import SpecError
from gst_analysis.networks.systems import SystemSpec, tanet
from gst_analysis.networks.undrawn import shapes_alone
from tests.checkpoints import foreign
from tests.networks.systems import frames
from tests.networks.systems.frames import State
from tests.networks.systems.narrow import narrow_systems

TAM_SHAPES = {
    "base_model.layer1.0.tam.G.0.weight": (16, 8),
    "base_model.layer1.0.tam.G.1.running_mean": (16,),
    "base_model.layer1.0.tam.G.3.weight": (3, 16),
    "base_model.layer1.0.tam.L.0.weight": (16, 64, 3),
    "base_model.layer1.0.tam.L.1.weight": (16,),
    "base_model.layer4.2.tam.L.3.weight": (512, 128, 1),
    "base_model.layer1.0.net.conv1.weight": (64, 64, 1, 1),
    "base_model.layer1.0.net.downsample.1.running_var": (256,),
    "new_fc.weight": (174, 2048),
}
MMACTION2_KEYS = (
    "backbone.conv1.bn.weight",
    "backbone.layer1.0.block.conv1.conv.weight",
    "backbone.layer1.0.block.conv3.bn.running_mean",
    "backbone.layer2.0.block.downsample.conv.weight",
    "backbone.layer2.0.block.downsample.bn.weight",
    "backbone.layer1.0.tam.G.0.weight",
    "backbone.layer1.0.tam.L.3.weight",
    "cls_head.fc_cls.bias",
)


def as_mmaction2(state: State) -> State:
    out = {}
    for name, tensor in state.items():
        name = f"cls_head.fc_cls.{name[3:]}" if name.startswith("fc.") else f"backbone.{name}"
        name = re.sub(r"\.bn(\d)\.", r".conv\1.bn.", name)
        name = re.sub(r"\.conv(\d)\.weight", r".conv\1.conv.weight", name).replace(".net.", ".block.")
        out[name.replace("sample.0.", "sample.conv.").replace("sample.1.", "sample.bn.")] = tensor
    return out


def run_block(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    return frames.run_bottleneck(state, f"{name}.net", x, stride, partial(adapt, state, f"{name}.tam"))


def adapt(state: State, name: str, x: Tensor) -> Tensor:
    """A clip and a tap at a time."""
    means = x.mean((3, 4))  # (N, C, T)
    hidden = F.linear(means, state[f"{name}.G.0.weight"]).flatten(0, 1)
    hidden = frames.normalise(state, f"{name}.G.1", hidden).relu()
    taps = F.softmax(F.linear(hidden, state[f"{name}.G.3.weight"]), -1).view(*means.shape[:2], 3)
    local = F.conv1d(means, state[f"{name}.L.0.weight"], padding=1)
    local = frames.normalise(state, f"{name}.L.1", local).relu()
    x = x * F.conv1d(local, state[f"{name}.L.3.weight"]).sigmoid()[..., None, None]
    padded = F.pad(x, (0, 0, 0, 0, 1, 1))
    return sum(
        (taps[:, :, k, None, None, None] * padded[:, :, k : k + x.shape[2]] for k in range(3)),
        torch.zeros_like(x),
    )


def test_counts() -> None:
    spec = SystemSpec.from_name("tanet-r50")
    params, gmacs = frames.count_again(tanet, spec)
    assert (params, round(gmacs, 2)) == (spec.record.params, spec.record.gmacs) == (25_127_246, 32.76)


def test_names_and_shapes_are_those_of_the_releases() -> None:
    own = frames.check_names(tanet, "tanet-r50", TAM_SHAPES)
    assert set(MMACTION2_KEYS) <= set(as_mmaction2(own))


def test_a_plain_twin_agrees_and_files_are_known() -> None:
    spec = SystemSpec.from_name("tanet-r50", num_classes=5, num_frames=3)
    network = frames.build_drawn(tanet, spec)
    frames.check_agreement(network, partial(frames.run_plain, run_block=run_block), frames.draw_clips(3))
    own = dict(network.state_dict())
    for theirs in (own, frames.as_official(own), as_mmaction2(own)):
        frames.check_known(tanet, network, theirs, spec)  # the shapes say how many frames it takes
    with pytest.raises(SpecError, match="expected 3 frames"):
        network(frames.draw_clips(4))


def test_others_are_left_alone() -> None:
    with shapes_alone():
        assert tanet.recognise(torchvision.models.resnet50().state_dict()) is None
        deep = {
            f"{n.replace('layer3.5', 'layer3.6')}": t
            for n, t in tanet.build(SystemSpec.from_name("tanet-r50")).state_dict().items()
        }
    assert tanet.recognise(deep) is None
    assert tanet.recognise(foreign.tsm(planes=8, nonlocal_=True)) is None


def test_even_taps_are_a_mean_over_three_frames() -> None:
    module = tanet.TemporalAdaptiveModule(8, 4)
    torch.nn.init.zeros_(module.get_parameter("G.3.weight"))
    torch.nn.init.zeros_(module.get_parameter("L.3.weight"))  # local weights of one half
    x = torch.randn(8, 8, 2, 2)
    own = module(x, 4).unflatten(0, (2, 4))
    clips = x.unflatten(0, (2, 4))
    torch.testing.assert_close(own[:, 1], clips[:, :3].mean(1) / 2)


def test_training_starts_with_taps_of_many_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """From even taps order is hardly ever found: a clip and its reversal are one and the same to them."""
    narrow_systems(monkeypatch)
    torch.manual_seed(0)
    network = tanet.build(SystemSpec.from_name("tanet-r50", num_classes=5, num_frames=4))
    for block in ("layer1.0", "layer4.2"):
        taps = network.get_submodule(f"{block}.tam.G")(torch.randn(64, 4))
        assert (taps[:, 0] - taps[:, 2]).abs().mean() > 0.03
        assert taps.std(0).min() > 0.03
