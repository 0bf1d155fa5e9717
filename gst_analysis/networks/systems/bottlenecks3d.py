"""CSN-101 and R(2+1)D-50 as PyTorchVideo has them: two 3-D ResNets that differ in their 3×3×3 convolution.

CSN's (ir-CSN) sees each channel alone, R(2+1)D's is split, here over time first and then over space. Names
are PyTorchVideo's, so that its files need no other. It ends R(2+1)D in a softmax; logits are given here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.matching import match, shape_of, unwrap
from gst_analysis.networks.systems.recognised import Recognised

Sizes = tuple[int, int, int]
"""Time, height and width."""


class Plan(NamedTuple):
    """One of the two networks."""

    depths: tuple[int, ...]
    split: bool
    """Whether its 3×3×3 is split into time and space; else it has a filter for each channel alone."""
    stem_time: int
    pool: bool
    """Whether a max pooling follows the stem."""
    times: tuple[int, ...]
    """Strides in time of the four stages."""
    spaces: tuple[int, ...]


PLANS = {
    "csn-r101": Plan((3, 4, 23, 3), False, 3, True, (1, 2, 2, 2), (1, 2, 2, 2)),
    "r2plus1d-r50": Plan((3, 4, 6, 3), True, 1, False, (1, 1, 2, 2), (2, 2, 2, 2)),
}

WIDTH = 64
"""Of the stem, and of the first stage's bottlenecks."""


class Stem(nn.Module):
    """A wide convolution; strides lie in space alone."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        time = plan.stem_time
        self.conv = nn.Conv3d(3, WIDTH, (time, 7, 7), (1, 2, 2), (time // 2, 3, 3), bias=False)
        self.norm = nn.BatchNorm3d(WIDTH)
        self.pool = plan.pool

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.conv(x)))  # (N, 64, T, H/2, W/2)
        return F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1)) if self.pool else x


class Split(nn.Module):
    """3×1×1, its norm and a ReLU, then 1×3×3."""

    def __init__(self, width: int, stride: Sizes) -> None:
        super().__init__()
        self.conv_t = nn.Conv3d(width, width, (3, 1, 1), (stride[0], 1, 1), (1, 0, 0), bias=False)
        self.norm = nn.BatchNorm3d(width)
        self.conv_xy = nn.Conv3d(width, width, (1, 3, 3), (1, stride[1], stride[2]), (0, 1, 1), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv_xy(F.relu(self.norm(self.conv_t(x))))
        return y


class Bottleneck(nn.Module):
    """1×1×1, the 3×3×3, which strides, and 1×1×1."""

    def __init__(self, width: int, inner: int, stride: Sizes, *, split: bool) -> None:
        super().__init__()
        self.conv_a = nn.Conv3d(width, inner, 1, bias=False)
        self.norm_a = nn.BatchNorm3d(inner)
        alone = nn.Conv3d(inner, inner, 3, stride, 1, groups=inner, bias=False)
        self.conv_b = Split(inner, stride) if split else alone
        self.norm_b = nn.BatchNorm3d(inner)
        self.conv_c = nn.Conv3d(inner, 4 * inner, 1, bias=False)
        self.norm_c = nn.BatchNorm3d(4 * inner)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm_a(self.conv_a(x)))
        x = F.relu(self.norm_b(self.conv_b(x)))
        out: Tensor = self.norm_c(self.conv_c(x))
        return out


class Block(nn.Module):
    """A bottleneck and the path around it."""

    def __init__(self, width: int, inner: int, stride: Sizes, *, split: bool) -> None:
        super().__init__()
        self.projects = width != 4 * inner or stride != (1, 1, 1)
        if self.projects:
            self.branch1_conv = nn.Conv3d(width, 4 * inner, 1, stride, bias=False)
            self.branch1_norm = nn.BatchNorm3d(4 * inner)
        self.branch2 = Bottleneck(width, inner, stride, split=split)

    def forward(self, x: Tensor) -> Tensor:
        around = self.branch1_norm(self.branch1_conv(x)) if self.projects else x
        return F.relu(around + self.branch2(x))


def build_stage(width: int, inner: int, depth: int, stride: Sizes, *, split: bool) -> nn.ModuleDict:
    """Blocks in a row, the first of which strides."""
    later = [Block(4 * inner, inner, (1, 1, 1), split=split) for _ in range(depth - 1)]
    return nn.ModuleDict({"res_blocks": nn.Sequential(Block(width, inner, stride, split=split), *later)})


class Head(nn.Module):
    """The mean over the clip, and one linear layer."""

    def __init__(self, width: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.proj = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.proj(self.dropout(x.mean((2, 3, 4))))  # (N, K)
        return logits


class BottleneckNet3D(nn.Module):
    """(N, T, 3, H, W) to (N, K)."""

    def __init__(self, plan: Plan, classes: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Stem(plan)])
        width = inner = WIDTH
        for depth, time, space in zip(plan.depths, plan.times, plan.spaces, strict=True):
            self.blocks.append(build_stage(width, inner, depth, (time, space, space), split=plan.split))
            width, inner = 4 * inner, 2 * inner
        self.blocks.append(Head(width, classes, 0.5 if plan.split else 0.0))
        _initialise(self)

    def forward(self, clips: Tensor) -> Tensor:
        stem, *stages, head = self.blocks
        x = stem(clips.transpose(1, 2))  # (N, 64, T, H/2, W/2), half of that behind a pooling
        for stage in stages:
            x = stage.get_submodule("res_blocks")(x)  # at last (N, 2048, T/8 or T/4, H/32, W/32)
        logits: Tensor = head(x)
        return logits


def _initialise(network: nn.Module) -> None:
    """Weights to train from: every block begins as the path around it."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
        elif isinstance(module, Bottleneck):
            nn.init.zeros_(module.norm_c.weight)


def build(spec: SystemSpec) -> nn.Module:
    """CSN-101 or R(2+1)D-50."""
    return BottleneckNet3D(PLANS[spec.system], spec.num_classes)


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Which of the two a state dict of PyTorchVideo's names is."""
    weights = unwrap(state)
    inside = "blocks.1.res_blocks.0.branch2.conv_b"
    if f"{inside}.conv_t.weight" in weights:
        name = "r2plus1d-r50"
    elif shape_of(weights, f"{inside}.weight") == (64, 1, 3, 3, 3):
        name = "csn-r101"
    else:
        return None
    head = shape_of(weights, "blocks.5.proj.weight")
    if len(head) != 2:
        return None
    spec = SystemSpec.from_name(name, num_classes=head[0])
    notes = (f"{spec.num_frames} frames: no weight shows them",)
    return match(spec, build, weights, layout="PyTorchVideo", notes=notes)
