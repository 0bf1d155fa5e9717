"""The temporal operators as modules, built from the kernels that a family names.

Enters (N*T, C, H, W): frames folded into the batch, channels_last; leaves the same form. Weights keep
the shapes of the paper's 2-D and 3-D kernels whatever the compute form. How a kernel that reaches over
time is computed is decided in one place, `convolve_over_time`.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.backbones import Site
from gst_analysis.networks.families import Arrangement, Kernel
from gst_analysis.networks.specs import ModelSpec

_FEW = 8
_HALVES = (torch.bfloat16, torch.float16)


def convolve_over_time(x: Tensor, weight: Tensor, frames: int, *, stride: int = 1, groups: int = 1) -> Tensor:
    """A 3xkxk convolution with zero padding, in the form that is fastest where x lies.

    Args:
        x: (N*T, C, H, W), the T frames of a clip in a row.
        weight: (O, C/groups, 3, k, k).
        frames: T.
        stride: of height and width; time is never strided.
        groups: of the convolution.
    """
    deep = x.is_cuda and x.dtype in _HALVES and weight.shape[-1] > 1
    return (convolve_clips if deep else convolve_taps)(x, weight, frames, stride=stride, groups=groups)


def convolve_taps(x: Tensor, weight: Tensor, frames: int, *, stride: int = 1, groups: int = 1) -> Tensor:
    """Convolve over time as one 2-D convolution to the kernel's three taps, then their sum."""
    flat = torch.unflatten(weight, 0, (groups, -1)).movedim(3, 1).flatten(0, 2)  # (3 * O, C/groups, k, k)
    padding = weight.shape[-1] // 2
    if stride > 1 and padding == 0 and x.shape[1] < _FEW:
        # The same sums. oneDNN's weight gradient of such a convolution breaks the heap on processors with
        # AVX2 and no AVX-512 (torch 2.13, below 8 channels, channels_last).
        x, stride = x[..., ::stride, ::stride], 1
    return sum_taps(F.conv2d(x, flat, None, stride, padding, 1, groups), frames, groups=groups)


def convolve_clips(x: Tensor, weight: Tensor, frames: int, *, stride: int = 1, groups: int = 1) -> Tensor:
    """Convolve over time in 3-D: frames with channels last are clips with channels last, not copied.

    Faster for 3x3x3 kernels in half precision on a GPU (docs/gpu-checks.md).
    """
    padding = weight.shape[-1] // 2
    clips = torch.unflatten(x, 0, (-1, frames)).transpose(1, 2)  # (N, C, T, H, W)
    y = F.conv3d(clips, weight, None, (1, stride, stride), (1, padding, padding), 1, groups)
    return y.transpose(1, 2).flatten(0, 1)


def sum_taps(taps: Tensor, frames: int, *, groups: int = 1) -> Tensor:
    """(N*T, 3 * O, H, W) -> (N*T, O, H, W): the first tap moves one frame on, the last one back.

    With groups the three stand side by side within each group. What leaves the clip is dropped.
    """
    grouped = torch.unflatten(torch.unflatten(taps, 0, (-1, frames)), 2, (groups, 3, -1))
    previous, current, following = grouped.unbind(3)  # (N, T, groups, O/groups, H, W) each
    total = current.clone()  # keeps channels_last, which contiguous() would not
    total[:, 1:] += previous[:, :-1]
    total[:, :-1] += following[:, 1:]
    return total.flatten(0, 1).flatten(1, 2)


def shift_channels(x: Tensor, frames: int, share: int) -> Tensor:
    """TSM: the first 1/share of the channels comes from the next frame, the second from the previous."""
    clips = torch.unflatten(x, 0, (-1, frames))  # (N, T, C, H, W)
    fold = x.shape[1] // share
    out = torch.zeros_like(clips)
    out[:, :-1, :fold] = clips[:, 1:, :fold]
    out[:, 1:, fold : 2 * fold] = clips[:, :-1, fold : 2 * fold]
    out[:, :, 2 * fold :] = clips[:, :, 2 * fold :]
    return out.flatten(0, 1)


class Shift(nn.Module):
    """TSM's shift as a module without weights, so that what it hands on can be looked at and changed."""

    def __init__(self, share: int) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return shift_channels(x, frames, self.share)

    def extra_repr(self) -> str:
        return f"1/{self.share} each way"


def select_channels(x: Tensor, kernel: Kernel) -> Tensor:
    """The channels that a kernel reads, of all or of what was parted for it."""
    count = kernel.channels * kernel.groups
    return x if x.shape[1] == count else x[:, kernel.start : kernel.start + count]


class KernelWeight(nn.Module):
    """One kernel's weight and how it is applied; a kernel within the frame is a plain 2-D convolution."""

    def __init__(self, kernel: Kernel, stride: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride
        self.weight = nn.Parameter(torch.empty(kernel.shape))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """Convolve the channels that this kernel reads."""
        kernel, x = self.kernel, select_channels(x, self.kernel)
        if kernel.time > 1:
            return convolve_over_time(x, self.weight, frames, stride=self.stride, groups=kernel.groups)
        return F.conv2d(x, self.weight, None, self.stride, kernel.space // 2, 1, kernel.groups)

    def extra_repr(self) -> str:
        return f"{tuple(self.kernel.shape)}, stride={self.stride}, groups={self.kernel.groups}"


class Concatenated(nn.ModuleDict):
    """Kernels side by side, each writing its own output channels: C2D, C3D, GST, GST-Large."""

    def __init__(self, kernels: tuple[Kernel, ...], stride: int) -> None:
        super().__init__({kernel.name: KernelWeight(kernel, stride) for kernel in kernels})
        counts = [kernel.channels * kernel.groups for kernel in kernels]
        beside = [kernel.start for kernel in kernels] == list(itertools.accumulate(counts[:-1], initial=0))
        self.counts = counts if beside else []

    def forward(self, x: Tensor, frames: int) -> Tensor:
        # Channels that are parted once are put together in one step on the way back.
        parted = torch.split(x, self.counts, 1) if sum(self.counts) == x.shape[1] else [x] * len(self)
        outputs: list[Tensor] = [
            weight(part, frames) for weight, part in zip(self.values(), parted, strict=True)
        ]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, 1)


class Cascaded(nn.Module):
    """A spatial kernel, batch norm and ReLU, then a temporal kernel: P3D, Figure 2(c)."""

    def __init__(self, kernels: tuple[Kernel, ...], stride: int) -> None:
        super().__init__()
        first, second = kernels
        self.spatial = KernelWeight(first, stride)
        self.norm = nn.BatchNorm2d(first.filters)
        self.temporal = KernelWeight(second, 1)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        x = F.relu(self.norm(self.spatial(x, frames)), inplace=True)
        y: Tensor = self.temporal(x, frames)
        return y


class Interleaved(nn.Module):
    """STH in our reading: filter o reads group o mod G through time and the other groups within a frame."""

    def __init__(self, kernels: tuple[Kernel, ...], stride: int) -> None:
        super().__init__()
        spatial, temporal = kernels
        self.count = 1 + spatial.channels // temporal.channels  # G
        self.spatial = KernelWeight(spatial, stride)
        self.temporal = KernelWeight(temporal, stride)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        groups = x.chunk(self.count, 1)
        outputs = [self._filters_of(g, groups, frames) for g in range(self.count)]
        last = [output.permute(0, 2, 3, 1) for output in outputs]  # so that channels_last is kept
        return torch.stack(last, -1).flatten(3).permute(0, 3, 1, 2)  # filter k of class g: channel k * G + g

    def _filters_of(self, g: int, groups: tuple[Tensor, ...], frames: int) -> Tensor:
        """The filters o with o mod G == g: (N*T, C_o / G, H', W')."""
        rest = torch.cat(groups[:g] + groups[g + 1 :], 1)
        spatial, temporal = self.spatial.weight[g :: self.count], self.temporal.weight[g :: self.count]
        stride = self.spatial.stride
        within = F.conv2d(rest, spatial, None, stride, 1)
        return within + convolve_over_time(groups[g], temporal, frames, stride=stride)


ARRANGEMENTS: dict[Arrangement, type[Concatenated] | type[Cascaded] | type[Interleaved]] = {
    "concatenate": Concatenated,
    "cascade": Cascaded,
    "interleave": Interleaved,
}


def build_operator(spec: ModelSpec, site: Site) -> nn.Module:
    """The spec's operator for the place where a 3x3 convolution stood."""
    arrangement = "concatenate" if site.depthwise else spec.operator.arrangement
    return ARRANGEMENTS[arrangement](spec.kernels(site), site.stride)
