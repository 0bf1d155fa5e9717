"""ACTION-Net: counts, the authors' names, and a plain twin."""

from __future__ import annotations

from functools import partial

import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.networks.operators import shift_channels
from gst_analysis.networks.systems import SystemSpec, action
from gst_analysis.networks.systems.frame_resnet import convolve_each_channel, set_part_shift
from gst_analysis.networks.undrawn import shapes_alone
from tests.checkpoints import foreign
from tests.networks.systems import frames
from tests.networks.systems.frames import State

SHAPES = {
    "base_model.layer1.0.conv1.net.weight": (64, 64, 1, 1),
    "base_model.layer1.0.conv1.action_shift.weight": (64, 1, 3),
    "base_model.layer1.0.conv1.action_p1_conv1.weight": (1, 1, 3, 3, 3),
    "base_model.layer1.0.conv1.action_p2_squeeze.weight": (4, 64, 1, 1),
    "base_model.layer1.0.conv1.action_p2_conv1.weight": (4, 4, 3),
    "base_model.layer1.0.conv1.action_p2_expand.weight": (64, 4, 1, 1),
    "base_model.layer1.1.conv1.action_p3_squeeze.weight": (16, 256, 1, 1),
    "base_model.layer1.1.conv1.action_p3_bn1.running_var": (16,),
    "base_model.layer1.1.conv1.action_p3_conv1.weight": (16, 1, 3, 3),
    "base_model.layer4.2.conv1.action_p3_expand.weight": (2048, 128, 1, 1),
    "base_model.layer1.0.bn1.weight": (64,),
    "new_fc.weight": (174, 2048),
}


def run_block(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    y = frames.convolve(state, f"{name}.conv1.net", excite(state, f"{name}.conv1", x))
    return frames.run_rest(state, name, frames.normalise(state, f"{name}.bn1", y).relu(), x, stride)


def excite(state: State, name: str, x: Tensor) -> Tensor:
    """The three paths as the paper draws them, each with its own residual sum."""
    path = partial(frames.convolve, state)
    x = path(f"{name}.action_shift", x, groups=x.shape[1], time=True)
    places = F.conv3d(x.mean(1, keepdim=True), state[f"{name}.action_p1_conv1.weight"], padding=1)
    few = path(f"{name}.action_p2_squeeze", x.mean((3, 4), keepdim=True))
    few = path(f"{name}.action_p2_conv1", few, time=True).relu()
    now = frames.normalise(state, f"{name}.action_p3_bn1", path(f"{name}.action_p3_squeeze", x))
    next_one = path(f"{name}.action_p3_conv1", now, groups=now.shape[1])
    moved = torch.cat([next_one[:, :, 1:] - now[:, :, :-1], torch.zeros_like(now[:, :, :1])], 2)
    moved = path(f"{name}.action_p3_expand", moved.mean((3, 4), keepdim=True))
    gates = (places, path(f"{name}.action_p2_expand", few), moved)
    return sum((x * gate.sigmoid() + x for gate in gates), torch.zeros_like(x))


def test_counts() -> None:
    spec = SystemSpec.from_name("action-r50")
    params, gmacs = frames.count_again(action, spec)
    assert (params, round(gmacs, 2)) == (spec.record.params, spec.record.gmacs) == (28_082_378, 34.44)


def test_names_and_shapes_are_those_of_the_release() -> None:
    frames.check_names(action, "action-r50", SHAPES)


def test_a_plain_twin_agrees_and_files_are_known() -> None:
    spec = SystemSpec.from_name("action-r50", num_classes=5)
    network = frames.build_drawn(action, spec)
    frames.check_agreement(network, partial(frames.run_plain, run_block=run_block), frames.draw_clips(3))
    own = dict(network.state_dict())
    for theirs in (own, frames.as_official(own)):
        frames.check_known(action, network, theirs, spec)


def test_training_starts_from_tsms_shift() -> None:
    module = action.Action(torch.nn.Conv2d(16, 16, 1, bias=False))
    set_part_shift(module.action_shift.weight, 2)
    x = torch.randn(6, 16, 2, 3)
    own = convolve_each_channel(x, module.action_shift.weight, 3)
    torch.testing.assert_close(own, shift_channels(x, 3, 8))


def test_others_are_left_alone() -> None:
    with shapes_alone():
        assert action.recognise(torchvision.models.resnet50().state_dict()) is None
    assert action.recognise(foreign.tsm(planes=8)) is None
