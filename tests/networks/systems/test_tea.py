"""TEA: counts, the authors' names, and a plain twin."""

from __future__ import annotations

from functools import partial

import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.networks.systems import SystemSpec, tea
from gst_analysis.networks.undrawn import shapes_alone
from tests.checkpoints import foreign
from tests.networks.systems import frames
from tests.networks.systems.frames import State

SHAPES = {
    "base_model.layer1.0.me.conv1.weight": (6, 104, 1, 1),
    "base_model.layer1.0.me.bn1.running_mean": (6,),
    "base_model.layer1.0.me.conv2.weight": (6, 1, 3, 3),
    "base_model.layer1.0.me.conv3.weight": (104, 6, 1, 1),
    "base_model.layer1.0.me.bn3.weight": (104,),
    "base_model.layer1.0.conv1.weight": (104, 64, 1, 1),
    "base_model.layer1.0.convs.0.weight": (26, 26, 3, 3),
    "base_model.layer2.0.bns.2.weight": (52,),
    "base_model.layer2.0.shifts.3.conv.weight": (52, 1, 3),
    "base_model.layer4.2.conv3.weight": (2048, 832, 1, 1),
    "base_model.layer4.0.downsample.0.weight": (2048, 1024, 1, 1),
    "new_fc.weight": (174, 2048),
}


def run_block(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    y = frames.normalise(state, f"{name}.bn1", frames.convolve(state, f"{name}.conv1", x)).relu()
    first = name.endswith(".0")
    parts = list(excite(state, f"{name}.me", y).chunk(4, 1))
    for k in range(4):
        if k in (1, 2) and not first:
            parts[k] = parts[k - 1] + parts[k]
        parts[k] = frames.convolve(
            state, f"{name}.shifts.{k}.conv", parts[k], groups=parts[k].shape[1], time=True
        )
        if k < 3:
            y = frames.convolve(state, f"{name}.convs.{k}", parts[k], stride=stride)
            parts[k] = frames.normalise(state, f"{name}.bns.{k}", y).relu()
    if first:
        parts[3] = F.avg_pool3d(parts[3], (1, 3, 3), (1, stride, stride), (0, 1, 1))
    y = frames.normalise(state, f"{name}.bn3", frames.convolve(state, f"{name}.conv3", torch.cat(parts, 1)))
    return (y + frames.run_shortcut(state, name, x, stride)).relu()


def excite(state: State, name: str, x: Tensor) -> Tensor:
    now = frames.normalise(state, f"{name}.bn1", frames.convolve(state, f"{name}.conv1", x))
    next_one = frames.convolve(state, f"{name}.conv2", now, groups=now.shape[1])
    moved = torch.cat([next_one[:, :, 1:] - now[:, :, :-1], torch.zeros_like(now[:, :, :1])], 2)
    gate = frames.convolve(state, f"{name}.conv3", moved.mean((3, 4), keepdim=True))
    return x * (frames.normalise(state, f"{name}.bn3", gate).sigmoid() + 0.5)


def test_counts() -> None:
    spec = SystemSpec.from_name("tea-r50")
    params, gmacs = frames.count_again(tea, spec)
    assert (params, round(gmacs, 2)) == (spec.record.params, spec.record.gmacs) == (24_456_280, 34.54)


def test_names_and_shapes_are_those_of_the_release() -> None:
    frames.check_names(tea, "tea-r50", SHAPES)


def test_a_plain_twin_agrees_and_files_are_known() -> None:
    spec = SystemSpec.from_name("tea-r50", num_classes=5)
    network = frames.build_drawn(tea, spec)
    frames.check_agreement(network, partial(frames.run_plain, run_block=run_block), frames.draw_clips(3))
    own = dict(network.state_dict())
    for theirs in (own, frames.as_official(own)):
        frames.check_known(tea, network, theirs, spec)


def test_training_starts_with_one_part_in_four_shifted() -> None:
    network = tea.build(SystemSpec.from_name("tea-r50", num_classes=1))
    *still, last = (network.get_parameter(f"layer1.0.shifts.{k}.conv.weight")[:, 0] for k in range(4))
    centre, later, earlier = torch.eye(3)[[1, 2, 0]]
    assert all(torch.equal(part, centre.expand(26, 3)) for part in still)
    assert torch.equal(last, torch.cat([later.expand(13, 3), earlier.expand(13, 3)]))


def test_others_are_left_alone() -> None:
    with shapes_alone():
        assert tea.recognise(torchvision.models.resnet50().state_dict()) is None
    assert tea.recognise(foreign.tsm(planes=8)) is None
