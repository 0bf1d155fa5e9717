"""Other forms of the same networks on a GPU: what `forward_gpu` compares the product's form with.

A *form* computes GST's operator (its 3x3s of space and of time, the batch norm's offset and a ReLU) in
another way with the same folded weights. A *treatment* is what any network may get, torchvision's 2-D one
too: batch norms folded, or folded with bias, ReLU and shortcut done by cuDNN as it writes a convolution's
output ("fused").
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from gst_analysis.inference.fusing import FusedBottleneck, FusedKernel, convolve_relu
from gst_analysis.inference.gpu_steps import FusedStem, StemmedResNet
from gst_analysis.networks import operators as temporal
from gst_analysis.networks.resnet import VideoResNet
from tests.reference.operators import GST
from tests.untyped import submodule, untyped

LAST = torch.channels_last


class Form(nn.Module):
    """GST's operator, with bias and ReLU, from the folded kernels of one."""

    def __init__(self, operator: nn.ModuleDict) -> None:
        super().__init__()
        spatial, temporal = untyped(operator["spatial"]), untyped(operator["temporal"])
        self.stride: int = spatial.stride
        self.filters, self.in_half = temporal.weight.shape[0], temporal.weight.shape[1]
        self.spatial, self.temporal = spatial.weight.detach(), temporal.weight.detach()
        self.biases = (spatial.bias.detach(), temporal.bias.detach())
        self.bias = torch.cat(self.biases)
        self.prepare()

    def prepare(self) -> None:
        """Weights in the order in which they are read."""

    def flat(self) -> Tensor:
        """The temporal filters as three taps' 2-D filters, (3 * O, C / 2, 3, 3)."""
        return self.temporal.movedim(2, 0).flatten(0, 1)


class AsIs(Form):
    """The halves by themselves, the temporal filters as the sum of three taps."""

    over_time = staticmethod(temporal.convolve_taps)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        within, across = x[:, : self.in_half], x[:, self.in_half :]
        spatial = convolve_relu(within, self.spatial, self.biases[0], self.stride)
        moved = self.over_time(across, self.temporal, frames, stride=self.stride)
        return torch.cat([spatial, moved.add_(self.biases[1][:, None, None]).relu_()], 1)


class Native3D(AsIs):
    """The temporal filters as a 3-D convolution."""

    over_time = staticmethod(temporal.convolve_clips)

    def prepare(self) -> None:
        self.temporal = self.temporal.contiguous(memory_format=torch.channels_last_3d)


class Grouped(Form):
    """One convolution of two groups, so that no half of the channels is copied; where both write as much."""

    groups = 2

    def prepare(self) -> None:
        if len(self.spatial) != 3 * self.filters:
            raise ValueError("the groups write different numbers of channels")
        self.kernel = torch.cat([self.spatial, self.flat()]).contiguous(memory_format=LAST)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return self.finish(F.conv2d(x, self.kernel, None, self.stride, 1, 1, self.groups), frames)

    def finish(self, y: Tensor, frames: int) -> Tensor:
        """Sum the taps in place, where the middle one lies, and close the gap."""
        spatial, taps = y[:, : -3 * self.filters], y[:, -3 * self.filters :]
        out = torch.cat([spatial, temporal.sum_taps(taps, frames)], 1)
        return out.add_(self.bias[:, None, None]).relu_()


class Dense(Grouped):
    """One convolution of all channels, half of whose weights are zeros: twice the arithmetic, any alpha."""

    groups = 1

    def prepare(self) -> None:
        self.kernel = pad_to_dense(self.spatial, self.flat()).contiguous(memory_format=LAST)


class GroupedKernel(Grouped):
    """Taps, bias and ReLU finished by a Triton kernel, in one pass over what the convolution wrote."""

    def finish(self, y: Tensor, frames: int) -> Tensor:
        from benchmarks.gpu_kernels import finish_taps

        return finish_taps(y, self.bias, frames, temporal=self.filters, relu=True)


class DenseKernel(Dense):
    """The same after the dense convolution."""

    finish = GroupedKernel.finish


FORMS: dict[str, type[Form]] = {
    "taps summed": AsIs,
    "3-D convolution over time": Native3D,
    "two groups": Grouped,
    "dense": Dense,
    "two groups, Triton sum": GroupedKernel,
    "dense, Triton sum": DenseKernel,
}


class Trained(nn.Module):
    """A form with the weights of an operator that is trained: here each half is sliced for itself."""

    over_time = staticmethod(temporal.convolve_taps)

    def __init__(self, operator: nn.ModuleDict) -> None:
        super().__init__()
        self.spatial = untyped(operator["spatial"])
        self.temporal = untyped(operator["temporal"])
        self.stride: int = self.spatial.stride

    def part(self, x: Tensor) -> tuple[Tensor, Tensor]:
        half = x.shape[1] // 2
        return x[:, :half], x[:, half:]

    def forward(self, x: Tensor, frames: int) -> Tensor:
        within, across = self.part(x)
        y = F.conv2d(within, self.spatial.weight, None, self.stride, 1)
        return torch.cat([y, self.over_time(across, self.temporal.weight, frames, stride=self.stride)], 1)


class TrainedParted(Trained):
    """Both halves are taken at once."""

    def part(self, x: Tensor) -> tuple[Tensor, Tensor]:
        within, across = x.chunk(2, 1)
        return within, across


class TrainedDense(Trained):
    """`Dense`."""

    def forward(self, x: Tensor, frames: int) -> Tensor:
        spatial, wide = self.spatial.weight, self.temporal.weight.movedim(2, 0).flatten(0, 1)
        y = F.conv2d(x, pad_to_dense(spatial, wide), None, self.stride, 1)
        within, taps = y.split([len(spatial), len(wide)], 1)
        return torch.cat([within, temporal.sum_taps(taps, frames)], 1)


TRAINED: dict[str, Callable[[nn.ModuleDict], nn.Module]] = {
    "halves sliced, taps summed": Trained,
    "halves parted, taps summed": TrainedParted,
    "dense": TrainedDense,
}


def pad_to_dense(spatial: Tensor, taps: Tensor) -> Tensor:
    """Filters of the first half of the channels and of the second, as filters of all of them."""
    return torch.cat(
        [F.pad(spatial, (0, 0, 0, 0, 0, taps.shape[1])), F.pad(taps, (0, 0, 0, 0, spatial.shape[1], 0))]
    )


def replace_operators(network: nn.Module, build: Callable[[nn.ModuleDict], nn.Module]) -> nn.Module:
    """A copy with another module in every operator's place."""
    changed = copy.deepcopy(network)
    for block in list(changed.modules()):
        operator = getattr(block, "conv2", None)
        if isinstance(operator, temporal.Concatenated):
            block.conv2 = build(operator)
    return changed


def fuse(network: nn.Module, form: type[Form] | None = None, *, compiled: bool = False) -> nn.Module:
    """A copy of a folded network, stem and bottlenecks fused as the product's; form None: a 2-D network."""
    changed = copy.deepcopy(network)
    stem = FusedStem(untyped(changed).conv1, compiled=compiled)
    if isinstance(changed, VideoResNet):
        changed = StemmedResNet(changed, stem)
    else:  # torchvision's, which calls each step by its name
        changed.conv1, changed.relu, changed.maxpool = stem, nn.Identity(), nn.Identity()
    for stage in (submodule(changed, f"layer{number}") for number in range(1, 5)):
        for place, block in enumerate(stage):
            conv = block.conv2
            operator = form(conv) if form else FusedKernel(conv.weight, conv.bias, conv.stride[0])
            stage[place] = FusedBottleneck(block, operator)
    return changed.requires_grad_(False)


class FusedBottleneck3D(nn.Module):
    """A folded bottleneck of 3-D convolutions, as far as cuDNN adds bias, ReLU and shortcut to those."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.first, self.last, self.operator = block.conv1, block.conv3, block.conv2
        self.project = block.downsample[0] if len(block.downsample) else None
        bias = self.last.bias.detach()
        self.bias = nn.Parameter(bias if self.project is None else bias + self.project.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        y, operator = convolve_relu_3d(x, self.first), self.operator
        halves = y[:, : operator.in_half], y[:, operator.in_half :]
        parts = zip(halves, (operator.conv, operator.Tconv), strict=True)
        y = torch.cat([convolve_relu_3d(half, part) for half, part in parts], 1)
        project, last = self.project, self.last
        shortcut = x if project is None else F.conv3d(x, project.weight, None, project.stride)
        if not x.is_cuda:
            return F.relu(F.conv3d(y, last.weight, self.bias) + shortcut)
        one, none = (1, 1, 1), (0, 0, 0)
        return torch.cudnn_convolution_add_relu(y, last.weight, shortcut, 1.0, self.bias, one, none, one, 1)


def convolve_relu_3d(x: Tensor, conv: nn.Conv3d) -> Tensor:
    """A 3-D convolution with bias and ReLU."""
    if not x.is_cuda:
        return F.relu(conv(x))
    stride, side, apart = conv.stride, untyped(conv).padding, conv.dilation
    return torch.cudnn_convolution_relu(x, conv.weight, conv.bias, stride, side, apart, conv.groups)


def fuse_3d(folded: nn.Module) -> nn.Module:
    """A copy of the folded 3-D form of GST whose bottlenecks are fused."""
    changed = copy.deepcopy(folded)
    for stage in (submodule(changed, f"layer{number}") for number in range(1, 5)):
        for place, block in enumerate(stage):
            stage[place] = FusedBottleneck3D(block)
    return changed.requires_grad_(False)


def fold_3d(reference: nn.Module) -> nn.Module:
    """A copy of the 3-D form with its batch norms folded."""
    folded = copy.deepcopy(reference).eval()
    for parent in list(folded.modules()):
        for norm_name, conv_name in (("bn1", "conv1"), ("bn2", "conv2"), ("bn3", "conv3"), ("1", "0")):
            norm, conv = getattr(parent, norm_name, None), getattr(parent, conv_name, None)
            if isinstance(norm, nn.BatchNorm3d) and conv is not None:
                setattr(parent, conv_name, _fold_3d(conv, norm))
                setattr(parent, norm_name, nn.Identity())
    return folded


def _fold_3d(conv: Any, norm: nn.BatchNorm3d) -> nn.Module:
    if not isinstance(conv, GST):
        return fuse_conv_bn_eval(conv, norm)
    start = 0
    for name in ("conv", "Tconv"):
        part = getattr(conv, name)
        rows = slice(start, start + part.out_channels)
        setattr(conv, name, fuse_conv_bn_eval(part, _part_of(norm, rows)))
        start = rows.stop
    return conv


def _part_of(norm: nn.BatchNorm3d, rows: slice) -> nn.BatchNorm3d:
    part = nn.BatchNorm3d(rows.stop - rows.start, eps=norm.eps).to(norm.weight).eval()
    with torch.no_grad():
        for name in ("weight", "bias", "running_mean", "running_var"):
            getattr(part, name).copy_(getattr(norm, name)[rows])
    return part
