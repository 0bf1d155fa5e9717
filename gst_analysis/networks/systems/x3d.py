"""X3D: a small 2-D network grown along one axis at a time, with depthwise 3×3×3 kernels.

Names are PySlowFast's; PyTorchVideo's and MMAction2's are renamed. X3D-S and X3D-M are one network at two
sizes of clip.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.matching import Rule, match, rename, shape_of, unwrap
from gst_analysis.networks.systems.recognised import Recognised

DEPTHS, WIDTHS = (3, 5, 11, 7), (24, 48, 96, 192)
WIDENING = 2.25
"""How much wider a bottleneck is within than at its ends."""


class Stem(nn.Module):
    """A convolution over space, then five frames of each channel by itself."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_xy = nn.Conv3d(3, width, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False)
        self.conv = nn.Conv3d(width, width, (5, 1, 1), padding=(2, 0, 0), groups=width, bias=False)
        self.bn = nn.BatchNorm3d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(self.conv_xy(x))))  # (N, 24, T, H/2, W/2)


class Excitation(nn.Module):
    """Every channel times a number between 0 and 1 that all channels' means over the clip decide."""

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = _round_to_eights(width / 16)
        self.fc1 = nn.Conv3d(width, narrow, 1)
        self.fc2 = nn.Conv3d(narrow, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean((2, 3, 4), keepdim=True)  # (N, C, 1, 1, 1)
        return x * torch.sigmoid(self.fc2(F.relu(self.fc1(means))))


class Bottleneck(nn.Module):
    """1×1×1, a depthwise 3×3×3 that strides in space, 1×1×1."""

    def __init__(self, width: int, inner: int, out: int, stride: int, *, excites: bool) -> None:
        super().__init__()
        self.a = nn.Conv3d(width, inner, 1, bias=False)
        self.a_bn = nn.BatchNorm3d(inner)
        self.b = nn.Conv3d(inner, inner, 3, (1, stride, stride), 1, groups=inner, bias=False)
        self.b_bn = nn.BatchNorm3d(inner)
        self.se = Excitation(inner) if excites else None
        self.c = nn.Conv3d(inner, out, 1, bias=False)
        self.c_bn = nn.BatchNorm3d(out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.a_bn(self.a(x)))
        x = self.b_bn(self.b(x))  # (N, inner, T, H / stride, W / stride)
        x = F.silu(x if self.se is None else self.se(x))
        out: Tensor = self.c_bn(self.c(x))
        return out


class Block(nn.Module):
    """A bottleneck and the path around it."""

    def __init__(self, width: int, out: int, stride: int, *, excites: bool, norm: bool) -> None:
        super().__init__()
        self.branch1 = nn.Conv3d(width, out, 1, (1, stride, stride), bias=False) if stride > 1 else None
        self.branch1_bn = nn.BatchNorm3d(out) if stride > 1 and norm else None
        self.branch2 = Bottleneck(width, int(WIDENING * out), out, stride, excites=excites)

    def forward(self, x: Tensor) -> Tensor:
        around = x if self.branch1 is None else self.branch1(x)
        around = around if self.branch1_bn is None else self.branch1_bn(around)
        return F.relu(around + self.branch2(x))


class Head(nn.Module):
    """Wider, the mean over the clip, wider again, and classes.

    The official heads give the softmax of what this one gives.
    """

    def __init__(self, width: int, inner: int, classes: int) -> None:
        super().__init__()
        self.conv_5 = nn.Conv3d(width, inner, 1, bias=False)
        self.conv_5_bn = nn.BatchNorm3d(inner)
        self.lin_5 = nn.Conv3d(inner, 2048, 1, bias=False)
        self.dropout = nn.Dropout(0.5)
        self.projection = nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv_5_bn(self.conv_5(x))).mean((2, 3, 4), keepdim=True)  # (N, 432, 1, 1, 1)
        x = self.dropout(F.relu(self.lin_5(x)).flatten(1))  # (N, 2048)
        logits: Tensor = self.projection(x)  # (N, K)
        return logits


class X3D(nn.Module):
    """(N, T, 3, H, W) to (N, K); time keeps its length up to the head."""

    def __init__(self, classes: int, *, first_shortcut_norm: bool) -> None:
        super().__init__()
        width = WIDTHS[0]
        self.s1 = nn.ModuleDict({"pathway0_stem": Stem(width)})
        for i, (depth, out) in enumerate(zip(DEPTHS, WIDTHS, strict=True)):
            stage = nn.ModuleDict()
            for block in range(depth):
                # PyTorchVideo has no norm where a shortcut strides without changing its width
                norm, excites = first_shortcut_norm or width != out, block % 2 == 0
                stage[f"pathway0_res{block}"] = Block(
                    width, out, 2 if block == 0 else 1, excites=excites, norm=norm
                )
                width = out
            self.add_module(f"s{i + 2}", stage)
        self.head = Head(width, int(WIDENING * width), classes)
        _initialise(self)

    def forward(self, clips: Tensor) -> Tensor:
        x = self.s1["pathway0_stem"](clips.transpose(1, 2))  # (N, 24, T, H/2, W/2)
        for i in range(len(DEPTHS)):
            for block in self.get_submodule(f"s{i + 2}").children():
                x = block(x)  # (N, 24·2^i, T, H/(4·2^i), W/(4·2^i))
        logits: Tensor = self.head(x)
        return logits


def _round_to_eights(width: float) -> int:
    """The nearest multiple of 8, not below 8, nor more than a tenth below what was asked for."""
    rounded = max(8, int(width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * width else rounded


def _initialise(network: nn.Module) -> None:
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


def build(spec: SystemSpec) -> nn.Module:
    """X3D-S or X3D-M."""
    return X3D(spec.num_classes, **spec.chosen)


PYTORCHVIDEO: tuple[Rule, ...] = (
    # its stem calls the convolution over space conv_t, and that over time conv_xy
    (r"^blocks\.0\.conv\.conv_t\.", "s1.pathway0_stem.conv_xy."),
    (r"^blocks\.0\.conv\.conv_xy\.", "s1.pathway0_stem.conv."),
    (r"^blocks\.0\.norm\.", "s1.pathway0_stem.bn."),
    (r"^blocks\.([1-4])\.res_blocks\.", lambda m: f"s{int(m[1]) + 1}.pathway0_res"),
    (r"\.branch1_conv\.", ".branch1."),
    (r"\.branch1_norm\.", ".branch1_bn."),
    (r"\.branch2\.conv_([abc])\.", r".branch2.\1."),
    (r"\.branch2\.norm_b\.0\.", ".branch2.b_bn."),
    (r"\.branch2\.norm_b\.1\.block\.0\.", ".branch2.se.fc1."),
    (r"\.branch2\.norm_b\.1\.block\.2\.", ".branch2.se.fc2."),
    (r"\.branch2\.norm_([ac])\.", r".branch2.\1_bn."),
    (r"^blocks\.5\.pool\.pre_conv\.", "head.conv_5."),
    (r"^blocks\.5\.pool\.pre_norm\.", "head.conv_5_bn."),
    (r"^blocks\.5\.pool\.post_conv\.", "head.lin_5."),
    (r"^blocks\.5\.proj\.", "head.projection."),
)
MMACTION: tuple[Rule, ...] = (
    (r"^backbone\.conv1_s\.conv\.", "s1.pathway0_stem.conv_xy."),
    (r"^backbone\.conv1_t\.", "s1.pathway0_stem."),
    (r"^backbone\.layer(\d)\.(\d+)\.", lambda m: f"s{int(m[1]) + 1}.pathway0_res{m[2]}."),
    (r"(_res\d+)\.conv([123])\.conv\.", lambda m: f"{m[1]}.branch2.{'abc'[int(m[2]) - 1]}."),
    (r"(_res\d+)\.conv([123])\.bn\.", lambda m: f"{m[1]}.branch2.{'abc'[int(m[2]) - 1]}_bn."),
    (r"\.se_module\.", ".branch2.se."),
    (r"\.downsample\.conv\.", ".branch1."),
    (r"\.downsample\.bn\.", ".branch1_bn."),
    (r"^backbone\.conv5\.conv\.", "head.conv_5."),
    (r"^backbone\.conv5\.bn\.", "head.conv_5_bn."),
    (r"^cls_head\.fc1\.", "head.lin_5."),
    (r"^cls_head\.fc2\.", "head.projection."),
)


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Whose X3D this is: PySlowFast's, PyTorchVideo's or MMAction2's; larger ones (X3D-L) are not known."""
    weights = unwrap(state)
    if "s1.pathway0_stem.conv_xy.weight" in weights:
        layout = "PySlowFast"
    elif "blocks.0.conv.conv_xy.weight" in weights:
        weights, layout = rename(weights, PYTORCHVIDEO), "PyTorchVideo"
    elif "backbone.conv1_s.conv.weight" in weights:
        weights, layout = rename(weights, MMACTION), "MMAction2"
        lin_5 = weights.get("head.lin_5.weight")
        if lin_5 is not None:
            weights["head.lin_5.weight"] = lin_5[(..., *(None,) * (5 - lin_5.ndim))]  # a linear layer there
    else:
        return None
    head = shape_of(weights, "head.projection.weight")
    if len(head) != 2:
        return None
    normed = "s2.pathway0_res0.branch1_bn.weight" in weights
    different = {} if normed else {"first_shortcut_norm": False}
    spec = SystemSpec.from_name("x3d-m", num_classes=head[0], **different)
    notes = ("X3D-XS, S and M have the same weights: taken for M, 16 frames of 224 pixels (S: 13 of 160)",)
    return match(spec, build, weights, layout=layout, notes=notes)
