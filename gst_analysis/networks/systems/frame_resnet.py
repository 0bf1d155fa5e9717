"""The plain ResNet-50 into which several published systems put a temporal module, and how files name it.

Enters (N, T, 3, H, W), leaves logits by frame (N, T, K), whose mean over T is those systems' consensus.
Frames are folded into the batch, (N*T, C, H, W) with channels last; every block is told how many a clip has.
Names are the releases' own after `base_model.`; their head, `new_fc` or `base_model.fc`, is `fc` here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.backbones import BACKBONES, Block, walk_blocks
from gst_analysis.networks.network import check_clips
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.matching import Rule, rename, unwrap

BLOCKS = tuple(walk_blocks(BACKBONES["resnet50"], 64))
STEM = 64
FEATURES = BLOCKS[-1].c_out


class Bottleneck(nn.Module):
    """1x1 down, 3x3 with the stride, 1x1 up, and the shortcut, in two halves with room between them."""

    conv1: nn.Module

    def __init__(self, block: Block, *, bias: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(block.c_in, block.hidden, 1, bias=bias)
        self.bn1 = nn.BatchNorm2d(block.hidden)
        self.conv2 = nn.Conv2d(block.hidden, block.hidden, 3, block.stride, 1, bias=bias)
        self.bn2 = nn.BatchNorm2d(block.hidden)
        self.conv3 = nn.Conv2d(block.hidden, block.c_out, 1, bias=bias)
        self.bn3 = nn.BatchNorm2d(block.c_out)
        self.downsample = build_projection(block, bias=bias) if block.projects else None

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return self.finish(self.enter(x, frames), x)

    def enter(self, x: Tensor, frames: int) -> Tensor:
        """(N*T, C_in, H, W) -> (N*T, hidden, H, W)."""
        return F.relu(self.bn1(self.conv1(x)), inplace=True)

    def finish(self, y: Tensor, x: Tensor) -> Tensor:
        """(N*T, hidden, H, W) and what entered the block -> (N*T, C_out, H', W')."""
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(y + shortcut, inplace=True)


class ReachingBottleneck(Bottleneck):
    """A bottleneck whose first convolution is told of frames, too: TSM's shift and ACTION stand around it."""

    def __init__(self, block: Block, around: Callable[[nn.Conv2d], nn.Module]) -> None:
        super().__init__(block)
        assert isinstance(self.conv1, nn.Conv2d)
        self.conv1 = around(self.conv1)

    def enter(self, x: Tensor, frames: int) -> Tensor:
        return F.relu(self.bn1(self.conv1(x, frames)), inplace=True)


class FrameResNet(nn.Module):
    """Stem, four stages, mean over the frame's places, linear head."""

    def __init__(self, spec: SystemSpec, build_block: Callable[[Block], nn.Module]) -> None:
        super().__init__()
        self.spec = spec
        self.conv1 = nn.Conv2d(3, STEM, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(STEM)
        for stage, blocks in itertools.groupby(BLOCKS, key=lambda block: block.stage):
            self.add_module(f"layer{stage}", nn.ModuleList(build_block(block) for block in blocks))
        self.fc = nn.Linear(FEATURES, spec.num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        check_clips(clips)
        frames = clips.shape[1]
        x = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)  # (N*T, 3, H, W)
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = F.max_pool2d(x, 3, 2, 1)  # (N*T, 64, H/4, W/4)
        for block in BLOCKS:
            x = self.get_submodule(block.name)(x, frames)
        return unfold(self.fc(x.mean((2, 3))), frames)  # (N, T, K)


def build_projection(block: Block, *, bias: bool = False) -> nn.Sequential:
    """The shortcut of a block that changes channels or size."""
    conv = nn.Conv2d(block.c_in, block.c_out, 1, block.stride, bias=bias)
    return nn.Sequential(conv, nn.BatchNorm2d(block.c_out))


def initialise(network: nn.Module) -> None:
    """He's initialisation of 2-D convolutions and a small head; temporal modules did theirs."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
            module.to(memory_format=torch.channels_last)
    head = network.get_submodule("fc")
    assert isinstance(head, nn.Linear)
    nn.init.normal_(head.weight, 0, 0.001)
    nn.init.zeros_(head.bias)


def unfold(x: Tensor, frames: int) -> Tensor:
    """(N*T, ...) -> (N, T, ...)."""
    return torch.unflatten(x, 0, (-1, frames))


def convolve_each_channel(x: Tensor, weight: Tensor, frames: int) -> Tensor:
    """Convolve every channel with a kernel of its own over time, zeros beyond the clip.

    With channels last, (N, C, T, H*W) is the same memory as the folded frames: nothing is copied.

    Args:
        x: (N*T, C, H, W).
        weight: (C, 1, 3), as a Conv1d with one group a channel holds it.
        frames: T.
    """
    height, width = x.shape[2:]
    clips = unfold(x, frames).flatten(3).transpose(1, 2)  # (N, C, T, H*W)
    y = F.conv2d(clips, weight.unsqueeze(-1), None, 1, (1, 0), 1, x.shape[1])
    return torch.unflatten(y.transpose(1, 2), 3, (height, width)).flatten(0, 1)


def set_part_shift(weight: Tensor, fold: int) -> None:
    """Let kernels (C, 1, 3) start as TSM's shift: `fold` channels move back a frame, `fold` on by one."""
    nn.init.zeros_(weight)
    with torch.no_grad():
        weight[:fold, 0, 2] = 1
        weight[fold : 2 * fold, 0, 0] = 1
        weight[2 * fold :, 0, 1] = 1


def subtract_frames(other: Tensor, now: Tensor, frames: int, *, step: int) -> Tensor:
    """other[t + step] - now[t] for every frame t; 0 where the clip has no frame t + step. Step is 1 or -1."""
    other, now = unfold(other, frames), unfold(now, frames)
    out = torch.zeros_like(now)
    if step == 1:
        out[:, :-1] = other[:, 1:] - now[:, :-1]
    else:
        out[:, 1:] = other[:, :-1] - now[:, 1:]
    return out.flatten(0, 1)


_OFFICIAL: tuple[Rule, ...] = ((r"^base_model\.", ""), (r"^new_fc\.", "fc."))
_MMACTION2: tuple[Rule, ...] = (  # it wraps a convolution with its norm
    (r"^backbone\.", ""),
    (r"^cls_head\.fc_cls\.", "fc."),
    (r"^conv1\.conv\.", "conv1."),
    (r"^conv1\.bn\.", "bn1."),
    (r"\.conv(\d)\.conv\.", r".conv\1."),
    (r"\.conv(\d)\.bn\.", r".bn\1."),
    (r"\.downsample\.conv\.", ".downsample.0."),
    (r"\.downsample\.bn\.", ".downsample.1."),
)


def unwrap_names(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], bool]:
    """Take wrappers' names away and call the head fc; and whether MMAction2 wrote the file."""
    bare = unwrap(state)
    theirs = any(name.startswith(("backbone.", "cls_head.")) for name in bare)
    return rename(bare, _MMACTION2 if theirs else _OFFICIAL), theirs


def count_classes(state: Mapping[str, Tensor], *last: str) -> int | None:
    """Classes of a state whose blocks are those of ResNet-50; None for any other.

    Args:
        state: names as the network's own.
        last: what a block's last convolution may be called below the block's name, such as conv3.
    """
    pattern = re.compile(rf"(layer\d\.\d+)\.(?:{'|'.join(map(re.escape, last))})\.weight")
    found = {match[1] for match in map(pattern.fullmatch, state) if match}
    head = state.get("fc.weight")
    if found != {block.name for block in BLOCKS} or head is None or head.shape[1:] != (FEATURES,):
        return None
    return int(head.shape[0]) or None
