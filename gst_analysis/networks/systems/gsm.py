"""GSM and GSF: gates decide at every place and frame which part of a feature moves one frame on or back.

Enters (N, T, 3, H, W), leaves logits by frame (N, T, K), whose mean over T is the official consensus. Frames
are folded into the batch, (N*T, C, H, W), but for the inside of a gate. On BN-Inception a gate stands between
one convolution of every block and its norm (`gsm_inception_3a_1x1`), on ResNet-50 between the last 1x1 of
every block and its norm (`layer1.0.gsf`). The first half of a gate's channels moves to the frame before, the
second half to the frame after.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.errors import SpecError
from gst_analysis.networks.anatomy import View
from gst_analysis.networks.backbones import Block
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.bn_inception import MIXTURES, BNInception, name_officially, walk_units
from gst_analysis.networks.systems.frame_resnet import (
    BLOCKS,
    Bottleneck,
    FrameResNet,
    count_classes,
    initialise,
    unwrap_names,
)
from gst_analysis.networks.systems.inception_anatomy import describe
from gst_analysis.networks.systems.matching import match, shape_of, unwrap
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.systems.tsn import FrameAverage
from gst_analysis.networks.time_kernels import TimeKind
from gst_analysis.networks.time_modules import OwnUnit

__all__ = ["GateShift", "GateShiftFuse", "build", "describe", "recognise"]


class GateShift(nn.Module):
    """GSM: what passes the gate moves one frame, the rest stays; the two are added."""

    gate_kernels: ClassVar = ("conv3D", "channel_conv1", "channel_conv2")
    heard: ClassVar[tuple[str, TimeKind]] = ("conv3D", "moved by clip")

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm3d(channels)
        self.conv3D = nn.Conv3d(channels, 2, 3, padding=1, groups=2)
        nn.init.zeros_(self.conv3D.weight)  # as published: at first all gates are shut
        nn.init.zeros_(self.conv3D.bias)  # type: ignore[arg-type] # a convolution with a bias

    @property
    def channels(self) -> int:
        return self.bn.num_features

    @property
    def own_units(self) -> tuple[OwnUnit, ...]:
        """Channels by where their gated part comes from, and both gates before the tanh: 0 shuts them."""
        half, view = self.channels // 2, View("(NT)CHW")
        return (
            ("conv3D", "gates", slice(0, 2), View("NCTHW")),
            ("", "from-next", slice(0, half), view),
            ("", "from-previous", slice(half, self.channels), view),
        )

    def forward(self, x: Tensor, frames: int) -> Tensor:
        clips = torch.unflatten(x, 0, (-1, frames)).transpose(1, 2)  # (N, C, T, H, W)
        own = clips[:, : self.channels]
        gates = torch.tanh(self.conv3D(F.relu(self.bn(own))))  # (N, 2, T, H, W)
        halves = zip(own.chunk(2, 1), torch.split(gates, 1, 1), (-1, 1), strict=True)
        mixed = [self.mix(half, gate, step) for half, gate, step in halves]
        out = torch.cat([*map(interleave, mixed), clips[:, self.channels :]], 1)
        return out.transpose(1, 2).flatten(0, 1)

    def mix(self, half: Tensor, gate: Tensor, step: int) -> Tensor:
        """Half of the channels (N, C/2, T, H, W) and their gate (N, 1, T, H, W)."""
        passed = gate * half
        return move(passed, step) + (half - passed)


class GateShiftFuse(GateShift):
    """GSF: what moved and what stayed are weighted channel by channel, and channels may pass by the gate."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.conv3D.reset_parameters()  # unlike GSM's, its gates start at random
        self.channel_conv1 = nn.Conv2d(2, 1, 3, padding=1)
        self.channel_conv2 = nn.Conv2d(2, 1, 3, padding=1)

    def mix(self, half: Tensor, gate: Tensor, step: int) -> Tensor:
        passed = gate * half
        moved, stayed = move(passed, step), half - passed
        means = torch.stack([moved.mean((3, 4)), stayed.mean((3, 4))], 1)  # (N, 2, C/2, T)
        conv = self.channel_conv1 if step < 0 else self.channel_conv2
        weight = torch.sigmoid(conv(means)).squeeze(1)[..., None, None]  # (N, C/2, T, 1, 1)
        return moved * weight + stayed * (1 - weight)


def move(x: Tensor, step: int) -> Tensor:
    """Shift (N, C, T, H, W) along time, zeros coming in: 1 is one frame on, -1 one frame back."""
    return F.pad(x, (0, 0, 0, 0, max(step, 0), max(-step, 0)))[:, :, max(-step, 0) :][:, :, : x.shape[2]]


def interleave(x: Tensor) -> Tensor:
    """Put the channels of the first and the second half in turn: 0, C/2, 1, C/2 + 1, …"""
    return torch.unflatten(x, 1, (2, -1)).transpose(1, 2).flatten(1, 2)


class GatedInception(BNInception):
    """BN-Inception with a gate in the 1x1 branch of every block, or before the 3x3 where there is none."""

    def __init__(self, gate: Callable[[int], GateShift], kind: str) -> None:
        super().__init__()
        self.kind = kind
        widths = {unit.name: unit.c_out for unit in walk_units()}
        for name in list_gated():
            self.add_module(f"{kind}_{name}", gate(widths[name]))

    def between(self, name: str, x: Tensor, frames: int) -> Tensor:
        gate = self._modules.get(f"{self.kind}_{name}")
        return x if gate is None else gate(x, frames)


def list_gated() -> list[str]:
    """Convolutions of BN-Inception that have a gate behind them."""
    return [
        f"inception_{name}_{'1x1' if mixture.one else '3x3_reduce'}" for name, mixture in MIXTURES.items()
    ]


class GatedBottleneck(Bottleneck):
    """A ResNet block with a gate between its last convolution and that one's norm."""

    def __init__(self, block: Block, share: float) -> None:
        super().__init__(block)
        self.gsf = GateShiftFuse(gated_channels(block.c_out, share))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        y = F.relu(self.bn2(self.conv2(self.enter(x, frames))), inplace=True)
        y = self.bn3(self.gsf(self.conv3(y), frames))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(y + shortcut, inplace=True)


def gated_channels(channels: int, share: float) -> int:
    """How many of a block's channels reach the gate: an even number."""
    if not 0 < share <= 1:
        raise SpecError(
            "GSF's share",
            expected="above 0, at most 1",
            found=repr(share)[:60],
            todo="0.25 is the published one",
        )
    count = int(channels * share)
    return count + count % 2


def build(spec: SystemSpec) -> nn.Module:
    """GSM or GSF on BN-Inception, GSF on ResNet-50."""
    if spec.backbone == "resnet50":
        network = FrameResNet(spec, lambda block: GatedBottleneck(block, spec.chosen["share"]))
        initialise(network)
        return network
    gate = GateShift if spec.family == "gsm" else GateShiftFuse
    return FrameAverage(GatedInception(gate, spec.family), spec.num_classes, dropout=0.5)


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """The official checkpoints of GSM and GSF; which share of the channels has a gate shows in its norm."""
    bare = unwrap(state)
    if any(name.endswith("layer4.2.gsf.bn.weight") for name in bare):
        return _recognise_residual(bare)
    names = name_officially(bare)
    head = shape_of(names, "new_fc.weight")
    gate = "base_model.{}_inception_5b_1x1.conv3D.weight".format
    kind = next((kind for kind in ("gsm", "gsf") if gate(kind) in names), None)
    if kind is None or len(head) != 2:
        return None
    spec = SystemSpec.from_name(f"{kind}-bninception", num_classes=head[0])
    return match(spec, build, names, layout=kind.upper(), notes=_NOTES)


def _recognise_residual(state: Mapping[str, Tensor]) -> Recognised | None:
    names, _ = unwrap_names(state)
    classes, norm = count_classes(names, "conv3"), shape_of(names, "layer4.2.gsf.bn.weight")
    if classes is None or len(norm) != 1:
        return None
    share = norm[0] / BLOCKS[-1].c_out
    settings = {} if share == SYSTEMS["gsf-r50"].settings["share"] else {"share": share}
    spec = SystemSpec.from_name("gsf-r50", num_classes=classes, **settings)
    return match(spec, build, names, layout="GSF", notes=_NOTES)


_NOTES = ("gates have the same weights for any number of frames: 8 assumed",)
