"""TEA: motion excitation, then kernels over time and within the frame in a hierarchy.

A Res2Net-50 block (26 channels, 4 parts). After its first convolution `me` weights channels by how the frame
differs from the next. Channels are then parted in four: each part is convolved over time, channel by
channel, and the first three within the frame, too, a part reading what the one before it gave. Where a stage
begins parts stand alone and the fourth is pooled. Names are the authors': `convs.0`, `shifts.0.conv`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.anatomy import View
from gst_analysis.networks.backbones import Block
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.frame_resnet import (
    FrameResNet,
    build_projection,
    convolve_each_channel,
    count_classes,
    initialise,
    set_part_shift,
    subtract_frames,
    unwrap_names,
)
from gst_analysis.networks.systems.recognised import FRAMES_UNSEEN, Recognised
from gst_analysis.networks.time_modules import OwnUnit

BASE = 26
PARTS = 4
REDUCTION = 16


class MotionExcitation(nn.Module):
    """Weight a frame's channels by its features' step to the next frame's; the last frame has none."""

    def __init__(self, width: int) -> None:
        super().__init__()
        few = width // REDUCTION
        self.conv1 = nn.Conv2d(width, few, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(few)
        self.conv2 = nn.Conv2d(few, few, 3, padding=1, groups=few, bias=False)
        self.conv3 = nn.Conv2d(few, width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)

    @property
    def own_units(self) -> tuple[OwnUnit, ...]:
        """How much motion excites each channel, before the sigmoid: where this is 0, nothing is excited."""
        return (("bn3", "gates", slice(0, self.bn3.num_features), View("(NT)CHW")),)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        now = self.bn1(self.conv1(x))  # (N*T, C/16, H, W)
        moved = subtract_frames(self.conv2(now), now, frames, step=1).mean((2, 3), keepdim=True)
        gate = self.bn3(self.conv3(moved)).sigmoid() - 0.5  # (N*T, C, 1, 1)
        y: Tensor = x + x * gate
        return y


class LearnedShift(nn.Module):
    """A kernel of three frames for every channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(width, width, 3, padding=1, groups=width, bias=False)

    @property
    def own_units(self) -> tuple[OwnUnit, ...]:
        return (("", "temporal", slice(0, self.conv.in_channels), View("(NT)CHW")),)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return convolve_each_channel(x, self.conv.weight, frames)


class TemporalAggregationBlock(nn.Module):
    """1x1, motion excitation, four parts over time and within the frame, 1x1, and the shortcut."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        width = block.hidden * BASE // 64
        self.width = width
        self.conv1 = nn.Conv2d(block.c_in, width * PARTS, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width * PARTS)
        self.me = MotionExcitation(width * PARTS)
        self.shifts = nn.ModuleList(LearnedShift(width) for _ in range(PARTS))
        self.convs = nn.ModuleList(
            nn.Conv2d(width, width, 3, block.stride, 1, bias=False) for _ in range(PARTS - 1)
        )
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(PARTS - 1))
        self.first = block.index == 0
        self.pool = nn.AvgPool2d(3, block.stride, 1) if self.first else nn.Identity()
        self.conv3 = nn.Conv2d(width * PARTS, block.c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(block.c_out)
        self.downsample = build_projection(block) if block.projects else None

    def forward(self, x: Tensor, frames: int) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.aggregate(self.me(y, frames), frames)
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(y + shortcut, inplace=True)

    def aggregate(self, y: Tensor, frames: int) -> Tensor:
        """(N*T, 4 * width, H, W) -> (N*T, 4 * width, H', W')."""
        *parts, last = torch.split(y, self.width, 1)
        out: list[Tensor] = []
        for part, shift, conv, norm in zip(parts, self.shifts[:-1], self.convs, self.bns, strict=True):
            entering = part if self.first or not out else out[-1] + part
            out.append(F.relu(norm(conv(shift(entering, frames))), inplace=True))
        return torch.cat([*out, self.pool(self.shifts[-1](last, frames))], 1)


def build(spec: SystemSpec) -> nn.Module:
    """Build the network: (N, T, 3, H, W) -> (N, T, K)."""
    network = FrameResNet(spec, TemporalAggregationBlock)
    initialise(network)
    for module in network.modules():
        if isinstance(module, TemporalAggregationBlock):
            *inner, last = module.shifts
            for shift in inner:
                set_part_shift(shift.get_parameter("conv.weight"), 0)  # nothing moves to start with
            set_part_shift(last.get_parameter("conv.weight"), module.width // 2)
    return network


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """TEA's blocks, all sixteen."""
    if not any(".shifts.0.conv." in name for name in state):
        return None
    own, _ = unwrap_names(state)
    classes = count_classes(own, "conv3")
    if classes is None or "layer1.0.me.conv1.weight" not in own:
        return None
    note = f"{FRAMES_UNSEEN}assumed 8 (say it with frames: --frames)"
    return Recognised(SystemSpec.from_name("tea-r50", num_classes=classes), "TEA", own, (note,))
