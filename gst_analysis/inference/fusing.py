"""Folded bottlenecks for an NVIDIA GPU: what follows a convolution is done as its output is written.

A bias, a ReLU and a shortcut are otherwise passes over memory of their own, which is what a GPU spends most
of its time on. cuDNN adds them within the convolution. GST's operator and the steps around the first
convolution may be compiled kernels (gpu_steps.py). See docs/gpu-checks.md for what each saves.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.inference.gpu_steps import CompiledOperator, FusedStem, StemmedResNet, can_compute
from gst_analysis.networks.folding import FoldedKernel
from gst_analysis.networks.operators import Concatenated, shift_channels
from gst_analysis.networks.resnet import Bottleneck, VideoResNet

_LAST = torch.channels_last


def fuse_network_on_gpu(network: nn.Module, kind: torch.dtype, *, compiled: str = "") -> nn.Module:
    """A folded network on a GPU whose stem and bottlenecks are fused; the one that is given is used up.

    Blocks of other kinds, and such as kept a batch norm, stay as they are.

    Args:
        network: on the GPU.
        kind: of weights and of what goes through.
        compiled: use Triton's kernels where there are any, and how they multiply float32 ("tf32", "ieee").

    Raises:
        ImportError: kernels are asked for, and Triton is not there.
    """
    if type(network) is VideoResNet and isinstance(network.bn1, nn.Identity):
        network = StemmedResNet(network, FusedStem(network.conv1, compiled=bool(compiled)).to(kind))
    return fuse_blocks(network, kind, compiled=compiled)


def fuse_blocks(network: nn.Module, kind: torch.dtype, *, compiled: str = "") -> nn.Module:
    """Replace every folded bottleneck of a network by one that is fused, with weights of a type."""
    for parent in list(network.modules()):
        for name, block in list(parent.named_children()):
            if isinstance(block, Bottleneck) and _is_folded(block):
                operator = _fuse_operator(block.conv2, block.conv1.out_channels, kind, compiled)
                setattr(parent, name, FusedBottleneck(block, operator).to(kind))
    return network


class FusedBottleneck(nn.Module):
    """A bottleneck of three steps, whose operator brings its own bias and ReLU."""

    first: nn.Conv2d
    last: nn.Conv2d
    project: nn.Conv2d | None

    def __init__(self, block: Any, operator: nn.Module) -> None:
        super().__init__()
        self.share: int = getattr(block, "share", 0)
        self.first, self.operator, self.last = block.conv1, operator, block.conv3
        self.project = None if block.downsample is None else block.downsample[0]
        bias = _take_bias(self.last).double()
        if self.project is not None:
            bias = bias + _take_bias(self.project).double()
        if isinstance(operator, OneConvolution):  # it leaves out what a 1x1 convolution makes a constant of
            bias = bias + self.last.weight.detach().double().flatten(1) @ operator.bias.double()
        self.bias = nn.Parameter(bias.to(self.last.weight.dtype), requires_grad=False)

    def forward(self, x: Tensor, frames: int = 1) -> Tensor:
        x = x.to(self.bias.dtype)
        y = shift_channels(x, frames, self.share) if self.share else x
        y = convolve_relu(y, self.first.weight, _take_bias(self.first))
        y = self.operator(y, frames)
        project = self.project
        shortcut = x if project is None else F.conv2d(x, project.weight, None, project.stride[0])
        return convolve_add_relu(y, self.last.weight, shortcut, self.bias)


class FusedKernel(nn.Module):
    """A convolution within the frame, with bias and ReLU."""

    def __init__(self, weight: Tensor, bias: Tensor, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.weight = nn.Parameter(weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(bias.detach(), requires_grad=False)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return convolve_relu(x, self.weight, self.bias, self.stride)


class OneConvolution(nn.Module):
    """Kernels of space and of time as one convolution of all channels, its taps summed where they lie.

    Channels that a kernel does not read have weights of zero: more arithmetic, and no copies of channels.
    With bias b it returns max(y, -b), which is the ReLU of y + b without b: the next convolution adds that.
    """

    def __init__(self, spatial: FoldedKernel, temporal: FoldedKernel, channels: int) -> None:
        super().__init__()
        previous, current, following = (_widen(tap, temporal, channels) for tap in temporal.weight.unbind(2))
        within = _widen(spatial.weight, spatial, channels)
        rows = torch.cat([within, current, previous, following]).detach()
        self.stride, self.filters = spatial.stride, len(current)
        self.weight = nn.Parameter(rows.contiguous(memory_format=_LAST), requires_grad=False)
        self.bias = torch.cat([_take_bias(spatial), _take_bias(temporal)])
        self.least = nn.Parameter(-self.bias[:, None, None], requires_grad=False)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        y = F.conv2d(x, self.weight, None, self.stride, self.weight.shape[-1] // 2)
        out, count = len(self.least), self.filters
        clips = torch.unflatten(y, 0, (-1, frames))
        total = clips[:, :, out - count : out]
        total[:, 1:] += clips[:, :-1, out : out + count]
        total[:, :-1] += clips[:, 1:, out + count :]
        return torch.maximum(y[:, :out], self.least)


class Rectified(nn.Module):
    """Any other operator, and a ReLU."""

    def __init__(self, operator: nn.Module) -> None:
        super().__init__()
        self.operator = operator

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return F.relu(self.operator(x, frames), inplace=True)


def convolve_relu(x: Tensor, weight: Tensor, bias: Tensor, stride: int = 1) -> Tensor:
    """A convolution that keeps the size, or halves it, with bias and ReLU."""
    side = weight.shape[-1] // 2
    if not can_compute(x):
        return F.relu(F.conv2d(x, weight, bias, stride, side))
    return torch.cudnn_convolution_relu(x, weight, bias, (stride, stride), (side, side), (1, 1), 1)


def convolve_add_relu(x: Tensor, weight: Tensor, other: Tensor, bias: Tensor) -> Tensor:
    """A 1x1 convolution, with bias, another tensor added, and ReLU."""
    if not can_compute(x, other):
        return F.relu(F.conv2d(x, weight, bias) + other)
    one, none = (1, 1), (0, 0)
    return torch.cudnn_convolution_add_relu(x, weight, other, 1.0, bias, one, none, one, 1)


def _is_folded(block: Bottleneck) -> bool:
    shortcut = [] if block.downsample is None else list(block.downsample)
    norms = [block.bn1, block.bn2, block.bn3, *shortcut[1:]]
    return all(isinstance(norm, nn.Identity) for norm in norms)


def _fuse_operator(operator: nn.Module, channels: int, kind: torch.dtype, compiled: str) -> nn.Module:
    """In fp32 arithmetic is what takes the time, so nothing is multiplied by zero there."""
    parts = list(operator.values()) if isinstance(operator, Concatenated) else []
    kernels = [part for part in parts if isinstance(part, FoldedKernel) and part.kernel.groups == 1]
    if not parts or len(kernels) < len(parts):
        return Rectified(operator)
    first, last = kernels[0], kernels[-1]
    if len(parts) == 1 and first.kernel.time == 1:
        return FusedKernel(first.weight, _take_bias(first), first.stride)
    sizes = (first.kernel.space, last.kernel.space)
    if len(parts) != 2 or (first.kernel.time, last.kernel.time) != (1, 3) or sizes[0] != sizes[1]:
        return Rectified(operator)
    if compiled and sizes == (3, 3):
        own = CompiledOperator(first, last, channels, plain=Rectified(operator), precision=compiled)
        if own.layer.fits:
            return own
    return Rectified(operator) if kind == torch.float32 else OneConvolution(first, last, channels)


def _widen(weight: Tensor, part: FoldedKernel, channels: int) -> Tensor:
    """A 2-D kernel of some channels as one of all of them."""
    kernel = part.kernel
    after = channels - kernel.start - kernel.channels
    return F.pad(weight, (0, 0, 0, 0, kernel.start, after))


def _take_bias(part: FoldedKernel | nn.Conv2d) -> Tensor:
    assert part.bias is not None  # folding a norm gives one
    return part.bias.detach()
