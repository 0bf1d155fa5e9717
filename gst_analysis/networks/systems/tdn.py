"""TDN: differences between neighbouring frames and between segments, in a 2-D ResNet-50.

A segment is five neighbouring frames: T segments are clips (N, 5*T, 3, H, W). The middle frame goes through
the ResNet. The four steps from frame to frame, at half size, go through a stem (`conv1_5`) and a first stage
(`resnext_layer1`) of their own and are added twice. From the second stage on `mse` weights places and
channels by what changes to the next and from the last segment, and `shift` convolves channels over segments.
Names are the authors'; convolutions have biases. A row of logits is a segment's.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.errors import SpecError
from gst_analysis.groups import Group
from gst_analysis.networks.anatomy import Anatomy, Unit, View
from gst_analysis.networks.backbones import Block
from gst_analysis.networks.network import check_clips
from gst_analysis.networks.probing import probe_network
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.frame_resnet import (
    BLOCKS,
    FEATURES,
    STEM,
    Bottleneck,
    convolve_each_channel,
    count_classes,
    initialise,
    set_part_shift,
    subtract_frames,
    unfold,
    unwrap_names,
)
from gst_analysis.networks.systems.matching import rename
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.time_modules import OwnUnit

LENGTH = 5
STEPS = ("conv1_5", "resnext_layer1")
"""What sees steps from frame to frame alone."""
REDUCTION = 16
SHARE = 8
SMALLEST = 33
"""Below this the last stage has one place, which cannot be pooled."""


class MotionGates(nn.Module):
    """Weight every place and channel by its step to the next segment and to the last one, in equal parts."""

    def __init__(self, width: int) -> None:
        super().__init__()
        few = width // REDUCTION
        self.conv1 = nn.Conv2d(width, few, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(few)
        self.conv2 = nn.Conv2d(few, few, 3, padding=1, groups=few, bias=False)
        self.conv3 = nn.Conv2d(few, width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.conv3_smallscale2 = nn.Conv2d(few, few, 3, padding=1, bias=False)
        self.bn3_smallscale2 = nn.BatchNorm2d(few)
        self.conv3_smallscale4 = nn.Conv2d(few, few, 3, padding=1, bias=False)
        self.bn3_smallscale4 = nn.BatchNorm2d(few)

    @property
    def own_units(self) -> tuple[OwnUnit, ...]:
        """How much each place and channel is weighted, both ways in time, before the sigmoid."""
        return (("bn3", "gates", slice(0, self.bn3.num_features), View("(NT)CHW")),)

    def forward(self, x: Tensor, segments: int) -> Tensor:
        now = self.bn1(self.conv1(x))  # (N*T, C/16, H, W)
        other = self.conv2(now)
        forwards, backwards = (self.weigh(subtract_frames(other, now, segments, step=s)) for s in (1, -1))
        return x + x * (0.5 * forwards + 0.5 * backwards)

    def weigh(self, moved: Tensor) -> Tensor:
        """(N*T, C/16, H, W) -> (N*T, C, H, W), between -1/2 and 1/2."""
        small = self.bn3_smallscale2(self.conv3_smallscale2(F.avg_pool2d(moved, 2)))
        small = F.interpolate(small, moved.shape[2:])
        full = self.bn3_smallscale4(self.conv3_smallscale4(moved))  # whatever its name says, at full size
        gate: Tensor = self.bn3(self.conv3((moved + small + full) / 3))
        return gate.sigmoid() - 0.5


class LearnedShift(nn.Module):
    """A kernel of three segments for every channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=1, groups=width, bias=False)

    @property
    def own_units(self) -> tuple[OwnUnit, ...]:
        return (("", "temporal", slice(0, self.conv.in_channels), View("(NT)CHW")),)

    def forward(self, x: Tensor, segments: int) -> Tensor:
        return convolve_each_channel(x, self.conv.weight, segments)


class DifferenceBottleneck(Bottleneck):
    """A bottleneck with gates and a learned shift after its first convolution."""

    def __init__(self, block: Block) -> None:
        super().__init__(block, bias=True)
        self.mse = MotionGates(block.hidden)
        self.shift = LearnedShift(block.hidden)

    def enter(self, x: Tensor, frames: int) -> Tensor:
        y: Tensor = self.shift(self.mse(super().enter(x, frames), frames), frames)
        return y


class TDN(nn.Module):
    """The middle frames' ResNet and, beside its beginning, that of the steps between frames."""

    def __init__(self, spec: SystemSpec) -> None:
        super().__init__()
        if spec.num_frames % LENGTH:
            raise SpecError(
                spec.label,
                expected=f"a multiple of {LENGTH} frames: {LENGTH} for every segment",
                found=str(spec.num_frames),
                todo="give 40 for 8 segments, or 80 for 16",
            )
        self.spec = spec
        # The authors' code takes these by the number of segments it is made for; no checkpoint has them.
        self.shares = (0.5, 0.5) if spec.num_frames == 8 * LENGTH else (0.75, 0.25)
        self.conv1 = nn.Conv2d(3, STEM, 7, 2, 3)
        self.bn1 = nn.BatchNorm2d(STEM)
        steps = nn.Conv2d(3 * (LENGTH - 1), STEM, 7, 2, 3, bias=False)
        self.conv1_5 = nn.Sequential(steps, nn.BatchNorm2d(STEM), nn.ReLU(inplace=True))
        stages = {stage: list(blocks) for stage, blocks in itertools.groupby(BLOCKS, key=lambda b: b.stage)}
        self.resnext_layer1 = nn.ModuleList(Bottleneck(block, bias=True) for block in stages[1])
        self.layer1_bak = nn.ModuleList(Bottleneck(block, bias=True) for block in stages[1])
        self.layer2_bak = nn.ModuleList(DifferenceBottleneck(block) for block in stages[2])
        self.layer3_bak = nn.ModuleList(DifferenceBottleneck(block) for block in stages[3])
        self.layer4_bak = nn.ModuleList(DifferenceBottleneck(block) for block in stages[4])
        self.fc = nn.Linear(FEATURES, spec.num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        _check_segments(clips)
        segments = clips.shape[1] // LENGTH
        five = torch.unflatten(clips, 1, (segments, LENGTH)).flatten(0, 1)  # (N*T, 5, 3, H, W)
        middle, steps = five[:, LENGTH // 2], (five[:, 1:] - five[:, :-1]).flatten(1, 2)  # 3 and 12 channels
        x, moved = (y.contiguous(memory_format=torch.channels_last) for y in (middle, steps))
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x)), inplace=True), 3, 2, 1)  # (N*T, 64, H/4, W/4)
        moved = F.max_pool2d(self.conv1_5(F.avg_pool2d(moved, 2)), 3, 2, 1)  # (N*T, 64, H/8, W/8)
        x = self.fuse(x, moved)
        for block in self.layer1_bak:
            x = block(x, segments)
        for block in self.resnext_layer1:
            moved = block(moved, segments)
        x = self.fuse(x, moved)
        for block in (*self.layer2_bak, *self.layer3_bak, *self.layer4_bak):
            x = block(x, segments)
        return unfold(self.fc(x.mean((2, 3))), segments)  # (N, T, K)

    def fuse(self, x: Tensor, moved: Tensor) -> Tensor:
        """Add what moves to what is seen, at its size."""
        seen, motion = self.shares
        return seen * x + motion * F.interpolate(moved, x.shape[2:])


def build(spec: SystemSpec) -> nn.Module:
    """Build the network: (N, 5*T, 3, H, W) -> (N, T, K), a row a segment."""
    network = TDN(spec)
    initialise(network)
    for module in network.modules():
        if isinstance(module, LearnedShift):
            set_part_shift(module.conv.weight, module.conv.in_channels // SHARE)
    return network


def describe(spec: SystemSpec, network: nn.Module) -> Anatomy:
    """What probing finds, the path of steps between frames being that of time."""
    probed = probe_network(network, frames=spec.num_frames, size=spec.record.size)
    places = tuple(replace(place, stage=_stage_of(place.name)) for place in probed.places)
    units = tuple(replace(unit, stage=_stage_of(unit.block), group=_group_of(unit)) for unit in probed.units)
    return replace(probed, places=places, units=units, any_length=False)


def _stage_of(name: str) -> int:
    """The stage in a name, such as 2 of layer2_bak.0; what lies before the stages is of the first."""
    digits = re.findall(r"layer(\d)", name)
    return int(digits[0]) if digits else 1


def _group_of(unit: Unit) -> Group:
    return "temporal" if unit.block.startswith(STEPS) else unit.group


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Both stems and all blocks of a TDN in ResNet-50."""
    if not any(name.endswith("conv1_5.0.weight") for name in state):
        return None
    renamed, _ = unwrap_names(state)
    # The authors' first convolution for steps, from which conv1_5 was made: saved, but no longer read.
    own = {name: tensor for name, tensor in renamed.items() if not name.startswith("conv1_temp")}
    classes = count_classes(rename(own, ((r"_bak\.", "."),)), "conv3")
    if classes is None or "resnext_layer1.0.conv1.weight" not in own:
        return None
    note = (
        "the number of segments is not in the weights: assumed 8 of 5 frames, whose two paths count alike "
        "(num_frames=80 overrides: 16, and 3 to 1)"
    )
    return Recognised(SystemSpec.from_name("tdn-r50", num_classes=classes), "TDN", own, (note,))


def _check_segments(clips: Tensor) -> None:
    check_clips(clips)
    if clips.shape[1] % LENGTH or min(clips.shape[3:]) < SMALLEST:
        raise SpecError(
            "clips",
            expected=f"{LENGTH} frames for every segment, of at least {SMALLEST} pixels each way",
            found=str(tuple(clips.shape)),
            todo="sample whole segments, or enlarge the frames",
        )
