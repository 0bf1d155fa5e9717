"""ACTION-Net: three gates over a learned shift, before the first convolution of every block.

The gates say where and when (one 3x3x3 convolution over the mean channel), which channels (along the
frames), and what moves (each frame's features from those of the next). Each multiplies the shifted features
and adds them again; the convolution, `layer1.0.conv1.net`, reads the sum. Names are the authors'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.anatomy import Anatomy, View
from gst_analysis.networks.probing import probe_network
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.frame_resnet import (
    FrameResNet,
    ReachingBottleneck,
    convolve_each_channel,
    count_classes,
    initialise,
    set_part_shift,
    subtract_frames,
    unfold,
    unwrap_names,
)
from gst_analysis.networks.systems.recognised import FRAMES_UNSEEN, Recognised
from gst_analysis.networks.time_modules import OwnUnit

REDUCTION = 16
NO_GROUPS = "its learned shift and its gates reach every channel, so none are of space or of time alone"
SHARE = 8


class Action(nn.Module):
    """Shift, three gates (`p1` space and time, `p2` channels, `p3` motion), then the convolution `net`."""

    gate_kernels: ClassVar = ("action_p1_conv1", "action_p2_conv1")

    def __init__(self, net: nn.Conv2d) -> None:
        super().__init__()
        width, few = net.in_channels, net.in_channels // REDUCTION
        self.net = net
        self.action_shift = nn.Conv1d(width, width, 3, padding=1, groups=width, bias=False)
        self.action_p1_conv1 = nn.Conv3d(1, 1, 3, padding=1, bias=False)
        self.action_p2_squeeze = nn.Conv2d(width, few, 1, bias=False)
        self.action_p2_conv1 = nn.Conv1d(few, few, 3, padding=1, bias=False)
        self.action_p2_expand = nn.Conv2d(few, width, 1, bias=False)
        self.action_p3_squeeze = nn.Conv2d(width, few, 1, bias=False)
        self.action_p3_bn1 = nn.BatchNorm2d(few)
        self.action_p3_conv1 = nn.Conv2d(few, few, 3, padding=1, groups=few, bias=False)
        self.action_p3_expand = nn.Conv2d(few, width, 1, bias=False)

    @property
    def own_units(self) -> tuple[OwnUnit, ...]:
        """The three gates before their sigmoids: where these are 0, a gate is half open whatever happens."""
        every, frames = slice(0, self.net.in_channels), View("(NT)CHW")
        return (
            ("action_p1_conv1", "gates", slice(0, 1), View("NCTHW")),
            ("action_p2_expand", "gates", every, frames),
            ("action_p3_expand", "gates", every, frames),
        )

    def forward(self, x: Tensor, frames: int) -> Tensor:
        x = convolve_each_channel(x, self.action_shift.weight, frames)
        gates = self.weigh_places(x, frames) + self.weigh_channels(x, frames) + self.weigh_motion(x, frames)
        y: Tensor = self.net(x * (gates + 3))  # each gate's x * gate + x, summed
        return y

    def weigh_places(self, x: Tensor, frames: int) -> Tensor:
        """(N*T, 1, H, W)."""
        mean = unfold(x.mean(1), frames)[:, None]  # (N, 1, T, H, W)
        gate: Tensor = self.action_p1_conv1(mean).sigmoid()
        return gate.transpose(1, 2).flatten(0, 1)

    def weigh_channels(self, x: Tensor, frames: int) -> Tensor:
        """(N*T, C, 1, 1)."""
        few = self.action_p2_squeeze(x.mean((2, 3), keepdim=True))  # (N*T, C/16, 1, 1)
        few = self.action_p2_conv1(unfold(few.flatten(1), frames).mT)  # (N, C/16, T)
        few = F.relu(few, inplace=True).mT.flatten(0, 1)[..., None, None]
        gate: Tensor = self.action_p2_expand(few)
        return gate.sigmoid()

    def weigh_motion(self, x: Tensor, frames: int) -> Tensor:
        """(N*T, C, 1, 1); the last frame of a clip has no next one and a gate of one half."""
        now = self.action_p3_bn1(self.action_p3_squeeze(x))  # (N*T, C/16, H, W)
        moved = subtract_frames(self.action_p3_conv1(now), now, frames, step=1)
        gate: Tensor = self.action_p3_expand(moved.mean((2, 3), keepdim=True))
        return gate.sigmoid()


def build(spec: SystemSpec) -> nn.Module:
    """Build the network: (N, T, 3, H, W) -> (N, T, K)."""
    network = FrameResNet(spec, lambda block: ReachingBottleneck(block, Action))
    initialise(network)
    for module in network.modules():
        if isinstance(module, Action):
            set_part_shift(module.action_shift.weight, module.net.in_channels // SHARE)
    return network


def describe(spec: SystemSpec, network: nn.Module) -> Anatomy:
    """What probing finds, and why no channels are those of time."""
    probed = probe_network(network, frames=spec.num_frames, size=spec.record.size)
    return replace(probed, unknown=(*probed.unknown, NO_GROUPS))


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """ACTION in every block of a ResNet-50."""
    if not any(".action_shift." in name for name in state):
        return None
    own, _ = unwrap_names(state)
    classes = count_classes(own, "conv3")
    if classes is None or "layer1.0.conv1.action_p3_bn1.weight" not in own:
        return None
    note = f"{FRAMES_UNSEEN}assumed 8 (say it with frames: --frames)"
    return Recognised(SystemSpec.from_name("action-r50", num_classes=classes), "ACTION-Net", own, (note,))
