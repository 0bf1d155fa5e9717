"""S3D and S3D-G: Inception-v1 whose 3-D convolutions are split into space and time (Xie et al., ECCV 2018).

Names are torchvision's; kylemin's are renamed. S3D-G weighs the channels of every branch by what the whole
clip holds; no release has gates under torchvision's names, so theirs are ours: `gate0` to `gate3`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.matching import Rule, match, rename, shape_of, unwrap
from gst_analysis.networks.systems.recognised import Recognised

Norm = partial(nn.BatchNorm3d, eps=1e-3, momentum=0.001)

STEM = (64, 192)
"""Widths of the first convolution and of the one before the Inception blocks."""

MIXED: dict[int, tuple[int, ...]] = {
    5: (192, 64, 96, 128, 16, 32, 32),
    6: (256, 128, 128, 192, 32, 96, 64),
    8: (480, 192, 96, 208, 16, 48, 64),
    9: (512, 160, 112, 224, 24, 64, 64),
    10: (512, 128, 128, 256, 24, 64, 64),
    11: (512, 112, 144, 288, 32, 64, 64),
    12: (528, 256, 160, 320, 32, 128, 128),
    14: (832, 256, 160, 320, 32, 128, 128),
    15: (832, 384, 192, 384, 48, 128, 128),
}
"""Widths of the Inception blocks by their place: in, branch 0, branch 1 (within, out), branch 2, branch 3."""


class Gate(nn.Linear):
    """Every channel times a number between 0 and 1 that all channels' means over the clip decide."""

    def forward(self, x: Tensor) -> Tensor:
        shares = torch.sigmoid(super().forward(x.mean((2, 3, 4))))  # (N, C)
        return x * shares[:, :, None, None, None]


def conv(
    width: int, out: int, kernel: tuple[int, int, int], stride: tuple[int, int, int] = (1, 1, 1)
) -> nn.Sequential:
    """A convolution, its norm and a ReLU."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Sequential(nn.Conv3d(width, out, kernel, stride, padding, bias=False), Norm(out), nn.ReLU())


def split(width: int, out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Space, then time, each with its norm and ReLU."""
    return nn.Sequential(
        conv(width, out, (1, kernel, kernel), (1, stride, stride)),
        conv(out, out, (kernel, 1, 1), (stride, 1, 1)),
    )


class Mixed(nn.Module):
    """Four branches side by side; only the second and the third look along time by learned kernels."""

    def __init__(self, widths: tuple[int, ...], *, gates: bool) -> None:
        super().__init__()
        width, out0, mid1, out1, mid2, out2, out3 = widths
        self.branch0 = conv(width, out0, (1, 1, 1))
        self.branch1 = nn.Sequential(conv(width, mid1, (1, 1, 1)), split(mid1, out1))
        self.branch2 = nn.Sequential(conv(width, mid2, (1, 1, 1)), split(mid2, out2))
        self.branch3 = nn.Sequential(nn.MaxPool3d(3, 1, 1), conv(width, out3, (1, 1, 1)))
        self.gates = gates
        if gates:
            for i, out in enumerate((out0, out1, out2, out3)):
                self.add_module(f"gate{i}", Gate(out, out))

    def forward(self, x: Tensor) -> Tensor:
        branches = [self.branch0(x), self.branch1(x), self.branch2(x), self.branch3(x)]
        if self.gates:
            branches = [self.get_submodule(f"gate{i}")(branch) for i, branch in enumerate(branches)]
        return torch.cat(branches, 1)  # (N, out0 + out1 + out2 + out3, T, H, W)


class S3D(nn.Module):
    """(N, T, 3, H, W) to (N, K); T of 14 or more, so that two frames are left at the end."""

    def __init__(self, classes: int, *, gates: bool) -> None:
        super().__init__()
        first, width = STEM
        second = split(first, width)
        if gates:
            second.append(Gate(width, width))
        layers: list[nn.Module] = [
            split(3, first, 7, 2),  # (N, 64, T/2, H/2, W/2)
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),  # (N, 64, T/2, H/4, W/4)
            conv(first, first, (1, 1, 1)),
            second,
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),  # (N, 192, T/2, H/8, W/8)
        ]
        for place in range(5, 16):
            if place in MIXED:
                layers.append(Mixed(MIXED[place], gates=gates))
            else:  # (N, 480, T/4, H/16, W/16), then (N, 832, T/8, H/32, W/32)
                layers.append(nn.MaxPool3d(3, 2, 1) if place == 7 else nn.MaxPool3d(2, 2))
        self.features = nn.Sequential(*layers)
        _, out0, _, out1, _, out2, out3 = MIXED[15]
        features = out0 + out1 + out2 + out3  # 1024
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Conv3d(features, classes, 1))
        _initialise(self)

    def forward(self, clips: Tensor) -> Tensor:
        x = self.features(clips.transpose(1, 2))  # (N, 1024, T/8, H/32, W/32)
        # means of neighbouring pairs of frames: the frames within count twice, the first and the last once
        x = F.avg_pool3d(x, (2, *x.shape[3:]), 1)  # (N, 1024, T/8 - 1, 1, 1)
        logits: Tensor = self.classifier(x).mean((2, 3, 4))  # (N, K)
        return logits


def _initialise(network: nn.Module) -> None:
    """He's initialisation; gates begin half open."""
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, Gate):
            nn.init.normal_(module.weight, std=0.01)
            nn.init.zeros_(module.bias)


def build(spec: SystemSpec) -> nn.Module:
    """S3D, with gates or without."""
    return S3D(spec.num_classes, **spec.chosen)


KYLEMIN: tuple[Rule, ...] = (
    (r"^base\.", "features."),
    (r"\.conv_s\.", ".0.0."),
    (r"\.bn_s\.", ".0.1."),
    (r"\.conv_t\.", ".1.0."),
    (r"\.bn_t\.", ".1.1."),
    (r"\.branch0\.0\.conv\.", ".branch0.0."),
    (r"\.branch0\.0\.bn\.", ".branch0.1."),
    (r"\.conv\.", ".0."),
    (r"\.bn\.", ".1."),
    (r"^fc\.0\.", "classifier.1."),
)


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Whose S3D or S3D-G this is: under torchvision's names, or kylemin's S3D."""
    weights, layout = unwrap(state), "torchvision"
    notes: tuple[str, ...] = ()
    if "base.0.conv_s.weight" in weights:
        weights, layout = rename(weights, KYLEMIN), "kylemin/S3D"
        notes = ("kylemin/S3D takes colours from -1 to 1: mean and standard deviation 0.5",)
    head = shape_of(weights, "classifier.1.weight")
    if len(head) != 5 or "features.5.branch1.1.0.0.weight" not in weights:
        return None
    name = "s3d-g" if "features.5.gate0.weight" in weights else "s3d"
    return match(SystemSpec.from_name(name, num_classes=head[0]), build, weights, layout=layout, notes=notes)
