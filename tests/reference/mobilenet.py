"""MobileNetV2 over (N, C, T, H, W)."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.reference.operators import DEPTHWISE, conv3d, shift

# Table 2 of the MobileNetV2 paper: t, c, n, s.
ROWS = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


def make_divisible(value: float) -> int:
    """Rounding to eights as in the published MobileNet code."""
    rounded = max(8, int(value + 8 / 2) // 8 * 8)
    if rounded < 0.9 * value:
        rounded += 8
    return rounded


class InvertedResidual3D(nn.Module):
    def __init__(self, family: str, c_in: int, c_out: int, stride: int, t: int, alpha: Fraction) -> None:
        super().__init__()
        hidden = c_in * t
        self.adds = stride == 1 and c_in == c_out
        self.shifts = family == "tsm" and self.adds and t > 1
        self.t = t
        if t > 1:
            self.conv1 = conv3d(c_in, hidden, 1, 1)
            self.bn1 = nn.BatchNorm3d(hidden)
        self.conv2 = DEPTHWISE[family](hidden, stride, alpha)
        self.bn2 = nn.BatchNorm3d(hidden)
        self.conv3 = conv3d(hidden, c_out, 1, 1)
        self.bn3 = nn.BatchNorm3d(c_out)

    def forward(self, x: Tensor) -> Tensor:
        out = shift(x) if self.shifts else x
        if self.t > 1:
            out = F.relu6(self.bn1(self.conv1(out)))
        out = F.relu6(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return x + out if self.adds else out


class MobileNetV23D(nn.Module):
    """(N, T, 3, H, W) -> (N, T, K)."""

    def __init__(self, family: str, *, alpha: Fraction, width: int, classes: int) -> None:
        super().__init__()
        multiplier = width / 32
        self.conv1 = conv3d(3, width, 1, 3, stride=2)
        self.bn1 = nn.BatchNorm3d(width)
        c_in = width
        for stage, (t, c, n, s) in enumerate(ROWS, start=1):
            c_out = make_divisible(c * multiplier)
            layer = nn.Sequential()
            for index in range(n):
                layer.append(InvertedResidual3D(family, c_in, c_out, s if index == 0 else 1, t, alpha))
                c_in = c_out
            self.add_module(f"layer{stage}", layer)
        features = make_divisible(1280 * max(1.0, multiplier))
        self.last = conv3d(c_in, features, 1, 1)
        self.last_bn = nn.BatchNorm3d(features)
        self.fc = nn.Linear(features, classes)

    def forward(self, clips: Tensor) -> Tensor:
        x = clips.transpose(1, 2)  # (N, 3, T, H, W)
        x = F.relu6(self.bn1(self.conv1(x)))
        for stage in range(1, 8):
            x = self.get_submodule(f"layer{stage}")(x)
        x = F.relu6(self.last_bn(self.last(x)))
        x = torch.mean(x, dim=(3, 4))  # (N, C, T)
        return self.fc(x.transpose(1, 2))
