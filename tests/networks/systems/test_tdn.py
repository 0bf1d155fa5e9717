"""TDN: counts, the authors' names, five frames a segment, and a plain twin."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.errors import SpecError
from gst_analysis.networks.systems import SystemSpec, tdn
from gst_analysis.networks.undrawn import shapes_alone
from tests.checkpoints import foreign
from tests.networks.agreement import relative
from tests.networks.systems import frames
from tests.networks.systems.frames import State

SHAPES = {
    "base_model.conv1.bias": (64,),
    "base_model.conv1_5.0.weight": (64, 12, 7, 7),
    "base_model.conv1_5.1.running_mean": (64,),
    "base_model.resnext_layer1.0.conv1.bias": (64,),
    "base_model.resnext_layer1.2.conv3.weight": (256, 64, 1, 1),
    "base_model.layer1_bak.0.downsample.0.bias": (256,),
    "base_model.layer2_bak.0.mse.conv1.weight": (8, 128, 1, 1),
    "base_model.layer2_bak.0.mse.conv2.weight": (8, 1, 3, 3),
    "base_model.layer2_bak.0.mse.conv3_smallscale2.weight": (8, 8, 3, 3),
    "base_model.layer2_bak.0.mse.bn3_smallscale4.weight": (8,),
    "base_model.layer4_bak.2.mse.bn3.bias": (512,),
    "base_model.layer3_bak.5.shift.conv.weight": (256, 1, 3),
    "new_fc.weight": (174, 2048),
}
UNUSED = 64 * 3 * 7 * 7 + 64
"""Weights of the authors' `conv1_temp`, which their network holds and never runs."""


def as_official(state: State) -> State:
    spare = {"conv1_temp.weight": torch.zeros(64, 3, 7, 7), "conv1_temp.bias": torch.zeros(64)}
    return frames.as_official(state | spare)


def run_plain(state: State, clips: Tensor, *, seen: float, motion: float) -> Tensor:
    """Whole clips as (N, C, T, H, W), T segments: the middle frames, and the steps between frames."""
    x1, x2, x3, x4, x5 = (clips[:, k::5].transpose(1, 2) for k in range(5))
    steps = torch.cat([x2 - x1, x3 - x2, x4 - x3, x5 - x4], 1)
    moved = frames.convolve(state, "conv1_5.0", F.avg_pool3d(steps, (1, 2, 2)), stride=2)
    x = frames.normalise(state, "bn1", frames.convolve(state, "conv1", x3, stride=2)).relu()
    moved = frames.normalise(state, "conv1_5.1", moved).relu()
    x, moved = (F.max_pool3d(y, (1, 3, 3), (1, 2, 2), (0, 1, 1)) for y in (x, moved))
    x = seen * x + motion * moved.repeat_interleave(2, 3).repeat_interleave(2, 4)
    for k in range(3):
        x = frames.run_bottleneck(state, f"layer1_bak.{k}", x, 1)
        moved = frames.run_bottleneck(state, f"resnext_layer1.{k}", moved, 1)
    x = seen * x + motion * moved.repeat_interleave(2, 3).repeat_interleave(2, 4)
    for name, stride in frames.walk():
        if not name.startswith("layer1"):
            x = run_block(state, name.replace(".", "_bak."), x, stride)
    return x.mean((3, 4)).transpose(1, 2) @ state["fc.weight"].T + state["fc.bias"]


def run_block(state: State, name: str, x: Tensor, stride: int) -> Tensor:
    def between(y: Tensor) -> Tensor:
        gate = (
            weigh(state, f"{name}.mse", y, later=True) / 2 + weigh(state, f"{name}.mse", y, later=False) / 2
        )
        y = y * (1 + gate)
        return frames.convolve(state, f"{name}.shift.conv", y, groups=y.shape[1], time=True)

    return frames.run_bottleneck(state, name, x, stride, between)


def weigh(state: State, name: str, x: Tensor, *, later: bool) -> Tensor:
    """From the step to the next segment, or to the one before."""
    now = frames.normalise(state, f"{name}.bn1", frames.convolve(state, f"{name}.conv1", x))
    other = frames.convolve(state, f"{name}.conv2", now, groups=now.shape[1])
    none = torch.zeros_like(now[:, :, :1])
    if later:
        moved = torch.cat([other[:, :, 1:] - now[:, :, :-1], none], 2)
    else:
        moved = torch.cat([none, other[:, :, :-1] - now[:, :, 1:]], 2)
    small = frames.convolve(state, f"{name}.conv3_smallscale2", F.avg_pool3d(moved, (1, 2, 2)))
    small = frames.normalise(state, f"{name}.bn3_smallscale2", small)
    small = F.interpolate(small, moved.shape[2:])
    full = frames.convolve(state, f"{name}.conv3_smallscale4", moved)
    mean = (moved + small + frames.normalise(state, f"{name}.bn3_smallscale4", full)) / 3
    return (
        frames.normalise(state, f"{name}.bn3", frames.convolve(state, f"{name}.conv3", mean)).sigmoid() - 0.5
    )


def test_counts() -> None:
    spec = SystemSpec.from_name("tdn-r50")
    params, gmacs = frames.count_again(tdn, spec)
    assert (params, round(gmacs, 2)) == (spec.record.params, spec.record.gmacs) == (24_410_574, 35.64)
    assert params + UNUSED == 24_420_046  # as the authors' code builds it
    assert (spec.num_frames, spec.rows) == (40, 8)


@pytest.mark.slow
def test_sixteen_segments_cost_twice_as_much() -> None:
    spec = SystemSpec.from_name("tdn-r50", num_frames=80)
    assert spec.rows == 16
    assert round(frames.count_again(tdn, spec)[1], 2) == 71.28


def test_names_and_shapes_are_those_of_the_release() -> None:
    frames.check_names(tdn, "tdn-r50", SHAPES)


@pytest.mark.parametrize("segments", [8, pytest.param(16, marks=pytest.mark.slow)])
def test_a_plain_twin_agrees_and_files_are_known(segments: int) -> None:
    """A network made for 8 segments fuses half and half, any other 3 to 1; it runs on three of them."""
    spec = SystemSpec.from_name("tdn-r50", num_classes=5, num_frames=5 * segments)
    network = frames.build_drawn(tdn, spec)
    clips = frames.draw_clips(15)
    both = torch.cat([clips, clips.flip(1)])
    seen = 0.5 if segments == 8 else 0.75
    with torch.no_grad():
        own = network(both)
        assert relative(own, run_plain(dict(network.state_dict()), both, seen=seen, motion=1 - seen)) < 1e-9
    assert own.shape == (2, 3, 5)
    assert relative(own[1].mean(0), own[0].mean(0)) > 1e-2
    state = dict(network.state_dict())
    for theirs in (state, as_official(state)):
        found = frames.check_known(tdn, network, theirs, SystemSpec.from_name("tdn-r50", num_classes=5))
        assert "num_frames=80" in found.notes[0]


def test_what_is_no_clip_of_segments_is_refused() -> None:
    with shapes_alone():
        network = tdn.build(SystemSpec.from_name("tdn-r50"))
        for shape in ((1, 8, 3, 64, 64), (1, 10, 3, 32, 64)):
            with pytest.raises(SpecError, match="5 frames for every segment"):
                network(torch.zeros(shape))
        with pytest.raises(SpecError, match="a multiple of 5 frames"):
            tdn.build(SystemSpec.from_name("tdn-r50", num_frames=8))


def test_others_are_left_alone() -> None:
    with shapes_alone():
        assert tdn.recognise(torchvision.models.resnet50().state_dict()) is None
    assert tdn.recognise(foreign.tsm(planes=8)) is None
