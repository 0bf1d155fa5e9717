"""What stands in the place of a 3x3 convolution, one class a family; x is (N, C, T, H, W)."""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def conv3d(c_in: int, c_out: int, time: int, space: int, *, stride: int = 1, groups: int = 1) -> nn.Conv3d:
    """No bias, zero padding, stride in space only."""
    return nn.Conv3d(
        c_in,
        c_out,
        (time, space, space),
        stride=(1, stride, stride),
        padding=(time // 2, space // 2, space // 2),
        groups=groups,
        bias=False,
    )


class C2D(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        self.conv = conv3d(c_in, c_out, 1, 3, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class C3D(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        self.conv = conv3d(c_in, c_out, 3, 3, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class C3DTwoGroups(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        self.conv = conv3d(c_in, c_out, 3, 3, stride=stride, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class P3D(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        self.conv = conv3d(c_in, c_out, 1, 3, stride=stride)
        self.bn = nn.BatchNorm3d(c_out)
        self.Tconv = conv3d(c_out, c_out, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.Tconv(F.relu(self.bn(self.conv(x))))


class GST(nn.Module):
    """The official form: conv on the first half of the channels, Tconv on the second."""

    def __init__(self, c_in: int, c_out: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        self.in_half = c_in // 2
        temporal = int(c_out * alpha)
        self.conv = conv3d(self.in_half, c_out - temporal, 1, 3, stride=stride)
        self.Tconv = conv3d(self.in_half, temporal, 3, 3, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        spatial = self.conv(x[:, : self.in_half])
        temporal = self.Tconv(x[:, self.in_half :])
        return torch.cat([spatial, temporal], dim=1)


class GSTLarge(nn.Module):
    """Both paths read every channel."""

    def __init__(self, c_in: int, c_out: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        temporal = int(c_out * alpha)
        self.conv = conv3d(c_in, c_out - temporal, 1, 3, stride=stride)
        self.Tconv = conv3d(c_in, temporal, 3, 3, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x), self.Tconv(x)], dim=1)


class STH(nn.Module):
    """Our reading, as one dense 3x3x3 kernel with most of its entries zero.

    Filter o has a 3x1x1 kernel on input group o mod G and 1x3x3 kernels on the other groups.
    """

    def __init__(self, c_in: int, c_out: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        self.stride = stride
        self.groups = int(1 / alpha)
        self.width = c_in // self.groups
        self.within = nn.Parameter(torch.empty(c_out, c_in - self.width, 1, 3, 3))
        self.across = nn.Parameter(torch.empty(c_out, self.width, 3, 1, 1))

    def dense(self) -> Tensor:
        filters = []
        for o in range(len(self.within)):
            within = F.pad(self.within[o], (0, 0, 0, 0, 1, 1))  # 1x3x3 -> 3x3x3
            across = F.pad(self.across[o], (1, 1, 1, 1))  # 3x1x1 -> 3x3x3
            start = (o % self.groups) * self.width
            filters.append(torch.cat([within[:start], across, within[start:]]))
        return torch.stack(filters)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv3d(x, self.dense(), stride=(1, self.stride, self.stride), padding=1)


class DepthwiseC2D(nn.Module):
    def __init__(self, width: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        self.conv = conv3d(width, width, 1, 3, stride=stride, groups=width)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class DepthwiseSTH(nn.Module):
    """The last alpha of the channels is filtered over time, the others within the frame."""

    def __init__(self, width: int, stride: int, alpha: Fraction) -> None:
        super().__init__()
        temporal = int(width * alpha)
        self.spatial = width - temporal
        self.conv = conv3d(self.spatial, self.spatial, 1, 3, stride=stride, groups=self.spatial)
        self.Tconv = conv3d(temporal, temporal, 3, 1, stride=stride, groups=temporal)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.conv(x[:, : self.spatial]), self.Tconv(x[:, self.spatial :])], dim=1)


def shift(x: Tensor) -> Tensor:
    """TSM: an eighth of the channels from the next frame, the next eighth from the previous one."""
    fold = x.shape[1] // 8
    zeros = torch.zeros_like(x[:, :fold, :1])
    from_next = torch.cat([x[:, :fold, 1:], zeros], dim=2)
    from_previous = torch.cat([zeros, x[:, fold : 2 * fold, :-1]], dim=2)
    return torch.cat([from_next, from_previous, x[:, 2 * fold :]], dim=1)


OPERATORS = {
    "c2d": C2D,
    "tsm": C2D,
    "c3d": C3D,
    "c3d-g2": C3DTwoGroups,
    "p3d": P3D,
    "gst": GST,
    "gst-large": GSTLarge,
    "sth": STH,
}
DEPTHWISE = {"c2d": DepthwiseC2D, "tsm": DepthwiseC2D, "sth": DepthwiseSTH}
