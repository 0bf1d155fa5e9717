"""Blocks of the 3-D ResNets with 1×3×3 bottlenecks: SlowFast, Slow, I3D and C2D are made of them.

Names are PySlowFast's. A stage holds the blocks of every pathway side by side: pathway0_res0, pathway0_res1,
…, pathway1_res0, ….
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.systems.matching import Rule, rename, unwrap

DEPTHS = (3, 4, 6, 3)
"""Blocks of the four stages of a ResNet-50."""


@dataclass(frozen=True)
class Attention:
    """How a non-local block weighs positions; no weight tells these apart."""

    kind: str
    """dot-product, embedded-gaussian or gaussian."""
    scaled: bool
    """Whether similarities are divided by the square root of their width."""
    pool_first: bool
    """Whether positions are pooled before they are projected (PySlowFast) or after (MMAction2)."""
    out_bias: bool
    """Whether the convolution back to all channels has a bias."""


class Stem(nn.Module):
    """A wide convolution and a max pooling; `strides` are those in time of the two."""

    def __init__(self, width: int, time: int, strides: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, width, (time, 7, 7), (strides[0], 2, 2), (time // 2, 3, 3), bias=False)
        self.bn = nn.BatchNorm3d(width)
        self.pool_stride = strides[1]

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv(x)))  # (N, width, T / strides[0], H/2, W/2)
        return F.max_pool3d(x, (1, 3, 3), (self.pool_stride, 2, 2), (0, 1, 1))


class Bottleneck(nn.Module):
    """time×1×1, then 1×3×3, which strides, then 1×1×1."""

    def __init__(self, width: int, inner: int, out: int, time: int, stride: int) -> None:
        super().__init__()
        self.a = nn.Conv3d(width, inner, (time, 1, 1), padding=(time // 2, 0, 0), bias=False)
        self.a_bn = nn.BatchNorm3d(inner)
        self.b = nn.Conv3d(inner, inner, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.b_bn = nn.BatchNorm3d(inner)
        self.c = nn.Conv3d(inner, out, 1, bias=False)
        self.c_bn = nn.BatchNorm3d(out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.a_bn(self.a(x)))
        x = F.relu(self.b_bn(self.b(x)))  # (N, inner, T, H / stride, W / stride)
        out: Tensor = self.c_bn(self.c(x))
        return out


class Block(nn.Module):
    """A bottleneck and the path around it."""

    def __init__(self, width: int, inner: int, out: int, time: int, stride: int) -> None:
        super().__init__()
        self.projects = width != out or stride != 1
        if self.projects:
            self.branch1 = nn.Conv3d(width, out, 1, (1, stride, stride), bias=False)
            self.branch1_bn = nn.BatchNorm3d(out)
        self.branch2 = Bottleneck(width, inner, out, time, stride)

    def forward(self, x: Tensor) -> Tensor:
        around = self.branch1_bn(self.branch1(x)) if self.projects else x
        return F.relu(around + self.branch2(x))


class NonLocal(nn.Module):
    """Every position of the clip as a weighted sum of all positions, added to itself."""

    def __init__(self, channels: int, attention: Attention) -> None:
        super().__init__()
        inner = channels // 2
        self.attention = attention
        if attention.kind != "gaussian":
            self.conv_theta = nn.Conv3d(channels, inner, 1)
            self.conv_phi = nn.Conv3d(channels, inner, 1)
        self.conv_g = nn.Conv3d(channels, inner, 1)
        self.conv_out = nn.Conv3d(inner, channels, 1, bias=attention.out_bias)
        self.bn = nn.BatchNorm3d(channels)

    def forward(self, x: Tensor) -> Tensor:
        theta = x if self.attention.kind == "gaussian" else self.conv_theta(x)
        phi = self._halve(x) if self.attention.kind == "gaussian" else self._project(x, self.conv_phi)
        values = self._project(x, self.conv_g).flatten(2).transpose(1, 2)  # (N, THW/4, inner)
        weights = self._weigh(theta.flatten(2).transpose(1, 2) @ phi.flatten(2))  # (N, THW, THW/4)
        mixed = (
            (weights @ values).transpose(1, 2).reshape(-1, self.conv_g.out_channels, *x.shape[2:])
        )  # (N, inner, T, H, W)
        out: Tensor = x + self.bn(self.conv_out(mixed))
        return out

    def _project(self, x: Tensor, conv: nn.Module) -> Tensor:
        projected: Tensor = conv(self._halve(x)) if self.attention.pool_first else self._halve(conv(x))
        return projected

    def _halve(self, x: Tensor) -> Tensor:
        """Half the height and the width, by the maximum."""
        return F.max_pool3d(x, (1, 2, 2))

    def _weigh(self, similarity: Tensor) -> Tensor:
        if self.attention.kind == "dot-product":
            return similarity / similarity.shape[-1]
        width = self.conv_g.out_channels
        return (similarity * width**-0.5 if self.attention.scaled else similarity).softmax(-1)


@dataclass(frozen=True)
class Pathway:
    """One pathway's part of a stage."""

    width: int
    """Channels that enter, with those of a lateral connection."""
    inner: int
    times: tuple[int, ...]
    """Kernel sizes in time, one a block."""
    stride: int
    """In space, of the first block."""
    non_local: tuple[int, ...] = ()
    """Blocks that a non-local block follows."""


def build_stage(pathways: Sequence[Pathway], attention: Attention | None = None) -> nn.ModuleDict:
    """The blocks of every pathway of one stage, in the order in which they run."""
    stage = nn.ModuleDict()
    for number, path in enumerate(pathways):
        out = path.inner * 4
        for i, time in enumerate(path.times):
            width, stride = (path.width, path.stride) if i == 0 else (out, 1)
            stage[f"pathway{number}_res{i}"] = Block(width, path.inner, out, time, stride)
            if attention is not None and i in path.non_local:
                stage[f"pathway{number}_nonlocal{i}"] = NonLocal(out, attention)
    return stage


def run_pathway(stage: nn.ModuleDict, number: int, x: Tensor) -> Tensor:
    """What one pathway of a stage makes of its input."""
    for name, block in stage.items():
        if name.startswith(f"pathway{number}_"):
            x = block(x)
    return x


class Head(nn.Module):
    """The mean over the clip of every pathway, side by side, and one linear layer.

    PySlowFast slides the training crop's window over a larger one, and averages the softmax of its
    positions. At the training crop there is one position; the logits before that softmax are given here.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.5)
        self.projection = nn.Linear(width, classes)

    def forward(self, *pathways: Tensor) -> Tensor:
        x = torch.cat([pathway.mean((2, 3, 4)) for pathway in pathways], 1)  # (N, width)
        logits: Tensor = self.projection(self.dropout(x))  # (N, K)
        return logits


def initialise(network: nn.Module) -> None:
    """Weights to train from: every block begins as the path around it."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)
        elif isinstance(module, Bottleneck):
            nn.init.zeros_(module.c_bn.weight)
        elif isinstance(module, NonLocal):
            nn.init.zeros_(module.bn.weight)


def _mmaction_block(match: re.Match[str]) -> str:
    pathway, stage, block = match.groups()
    return f"s{int(stage) + 1}.pathway{int(pathway == 'fast_path.')}_res{block}."


def _mmaction_conv(match: re.Match[str]) -> str:
    return f"{match[1]}.branch2.{'abc'[int(match[2]) - 1]}{'_bn' if match[3] == 'bn' else ''}."


MMACTION: tuple[Rule, ...] = (
    (r"^backbone\.(slow_path\.|fast_path\.)?layer(\d)\.(\d+)\.", _mmaction_block),
    (r"(_res\d+)\.conv([123])\.(conv|bn)\.", _mmaction_conv),
    (r"\.downsample\.conv\.", ".branch1."),
    (r"\.downsample\.bn\.", ".branch1_bn."),
    (r"^backbone\.slow_path\.conv1_lateral\.conv\.", "s1_fuse.conv_f2s."),
    (r"^backbone\.slow_path\.conv1_lateral\.bn\.", "s1_fuse.bn."),
    (r"^backbone\.slow_path\.layer(\d)_lateral\.conv\.", lambda m: f"s{int(m[1]) + 1}_fuse.conv_f2s."),
    (r"^backbone\.slow_path\.layer(\d)_lateral\.bn\.", lambda m: f"s{int(m[1]) + 1}_fuse.bn."),
    (r"^backbone\.(?:slow_path\.)?conv1\.", "s1.pathway0_stem."),
    (r"^backbone\.fast_path\.conv1\.", "s1.pathway1_stem."),
    (
        r"_res(\d+)\.non_local_block\.(theta(?=\.conv)|phi(?=\.0)|g(?=\.0))\.(?:0\.)?conv\.",
        r"_nonlocal\1.conv_\2.",
    ),
    (r"_res(\d+)\.non_local_block\.conv_out\.conv\.", r"_nonlocal\1.conv_out."),
    (r"_res(\d+)\.non_local_block\.conv_out\.bn\.", r"_nonlocal\1.bn."),
    (r"^cls_head\.fc_cls\.", "head.projection."),
)
"""MMAction2's names of two pathways, or of one."""

PYTORCHVIDEO: tuple[Rule, ...] = (
    (r"^blocks\.0\.multipathway_blocks\.(\d)\.conv\.", r"s1.pathway\1_stem.conv."),
    (r"^blocks\.0\.multipathway_blocks\.(\d)\.norm\.", r"s1.pathway\1_stem.bn."),
    (r"^blocks\.0\.conv\.", "s1.pathway0_stem.conv."),
    (r"^blocks\.0\.norm\.", "s1.pathway0_stem.bn."),
    (
        r"^blocks\.(\d)\.multipathway_fusion\.conv_fast_to_slow\.",
        lambda m: f"s{int(m[1]) + 1}_fuse.conv_f2s.",
    ),
    (r"^blocks\.(\d)\.multipathway_fusion\.norm\.", lambda m: f"s{int(m[1]) + 1}_fuse.bn."),
    (
        r"^blocks\.(\d)\.multipathway_blocks\.(\d)\.res_blocks\.",
        lambda m: f"s{int(m[1]) + 1}.pathway{m[2]}_res",
    ),
    (r"^blocks\.(\d)\.res_blocks\.", lambda m: f"s{int(m[1]) + 1}.pathway0_res"),
    (r"\.branch1_conv\.", ".branch1."),
    (r"\.branch1_norm\.", ".branch1_bn."),
    (r"\.branch2\.conv_([abc])\.", r".branch2.\1."),
    (r"\.branch2\.norm_([abc])\.", r".branch2.\1_bn."),
    (r"^blocks\.[56]\.proj\.", "head.projection."),
)
"""PyTorchVideo's names of two pathways, or of one."""

PYSLOWFAST: tuple[Rule, ...] = ((r"_nonlocal(\d)\.norm\.", r"_nonlocal\1.bn."),)
"""PySlowFast's own names; some of its versions call a non-local block's batch norm `norm`."""


def read_layout(state: Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor]] | None:
    """Whose names a state dict bears, and its weights under PySlowFast's."""
    state = unwrap(state)
    if "s1.pathway0_stem.conv.weight" in state:
        return "PySlowFast", rename(state, PYSLOWFAST)
    if {"backbone.slow_path.conv1.conv.weight", "backbone.conv1.conv.weight"} & state.keys():
        return "MMAction2", rename(state, MMACTION)
    if {"blocks.0.multipathway_blocks.0.conv.weight", "blocks.0.conv.weight"} & state.keys():
        # a pooling between the first two stages takes a number of its own
        pools = "blocks.6.proj.weight" in state and "blocks.0.conv.weight" in state
        later: tuple[Rule, ...] = ((r"^blocks\.([345])\.", lambda m: f"blocks.{int(m[1]) - 1}."),)
        return "PyTorchVideo", rename(state, (*(later if pools else ()), *PYTORCHVIDEO))
    return None
