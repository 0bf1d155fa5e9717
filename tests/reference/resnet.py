"""ResNets over (N, C, T, H, W): 1x1x1 convolutions, BatchNorm3d, pooling in space only."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.reference.operators import OPERATORS, conv3d, shift

DEPTHS = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
    "resnet152": (3, 8, 36, 3),
    "resnet26s": (2, 2, 2, 2),
}


class Basic3D(nn.Module):
    expansion = 1

    def __init__(self, family: str, c_in: int, width: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        operator = OPERATORS[family]
        self.shifts = False
        self.conv1 = operator(c_in, width, stride, alpha)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = operator(width, width, 1, alpha)
        self.bn2 = nn.BatchNorm3d(width)
        self.downsample = shortcut(c_in, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = shift(x) if self.shifts else x
        out = F.relu(self.bn1(self.conv1(out)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.downsample(x))


class Bottleneck3D(nn.Module):
    expansion = 4

    def __init__(self, family: str, c_in: int, width: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        self.shifts = False
        self.conv1 = conv3d(c_in, width, 1, 1)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = OPERATORS[family](width, width, stride, alpha)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = conv3d(width, 4 * width, 1, 1)
        self.bn3 = nn.BatchNorm3d(4 * width)
        self.downsample = shortcut(c_in, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = shift(x) if self.shifts else x
        out = F.relu(self.bn1(self.conv1(out)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return F.relu(out + self.downsample(x))


def shortcut(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """Nothing, or a 1x1x1 convolution and its batch norm."""
    if stride == 1 and c_in == c_out:
        return nn.Sequential()
    return nn.Sequential(conv3d(c_in, c_out, 1, 1, stride=stride), nn.BatchNorm3d(c_out))


class ResNet3D(nn.Module):
    """(N, T, 3, H, W) -> (N, T, K)."""

    def __init__(self, family: str, backbone: str, *, alpha: Fraction, width: int, classes: int) -> None:
        super().__init__()
        depths = DEPTHS[backbone]
        block = Basic3D if backbone in ("resnet18", "resnet34") else Bottleneck3D
        self.conv1 = nn.Conv3d(3, width, (1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        c_in = width
        for stage, depth in enumerate(depths):
            planes = width * 2**stage
            layer = nn.Sequential()
            for index in range(depth):
                stride = 2 if stage > 0 and index == 0 else 1
                built = block(family, c_in, planes, stride, alpha)
                built.shifts = family == "tsm" and (depths[2] < 23 or index % 2 == 0)
                layer.append(built)
                c_in = planes * block.expansion
            self.add_module(f"layer{stage + 1}", layer)
        self.fc = nn.Linear(c_in, classes)

    def forward(self, clips: Tensor) -> Tensor:
        x = clips.transpose(1, 2)  # (N, 3, T, H, W)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool3d(x, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))
        for stage in range(1, 5):
            x = self.get_submodule(f"layer{stage}")(x)
        x = torch.mean(x, dim=(3, 4))  # (N, C, T)
        return self.fc(x.transpose(1, 2))
