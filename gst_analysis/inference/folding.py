"""Batch norms folded into the convolutions before them: a network in, a faster copy that says the same out.

In evaluation a batch norm multiplies every channel by a constant and adds another. The factor goes into
the rows of the kernels that write the channel, the addend becomes their bias. The copy is for inference
alone: it has no batch norms left to look at or to train.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from gst_analysis.networks.adopted import ClipNetwork
from gst_analysis.networks.families import Kernel
from gst_analysis.networks.operators import (
    Cascaded,
    Concatenated,
    Interleaved,
    KernelWeight,
    convolve_over_time,
    select_channels,
)

Network = TypeVar("Network", bound=nn.Module)

_BEFORE = {
    "bn1": "conv1",
    "bn2": "conv2",
    "bn3": "conv3",
    "last_bn": "last",
    "norm": "spatial",  # within a cascade
    "1": "0",  # in the shortcut's projection
}
"""The convolution whose output a batch norm reads, both by their names within one parent."""


def fold_norms(network: Network) -> Network:
    """A copy in evaluation mode whose batch norms are part of the convolutions before them.

    A norm stays where it is if it has hooks, keeps no running statistics, or follows something that is
    not a convolution of ours; so networks of other makes come back as plain copies.

    Example:
        >>> folded = fold_norms(model.module)  # doctest: +SKIP
    """
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    for parent, norm_name, conv_name in list(_list_pairs(folded)):
        norm, conv = getattr(parent, norm_name), getattr(parent, conv_name)
        merged = _merge(conv, *_scale_and_offset(norm))
        if merged is not None:
            setattr(parent, conv_name, merged.eval().requires_grad_(False))
            setattr(parent, norm_name, nn.Identity())
    return folded


class FoldedKernel(nn.Module):
    """A KernelWeight with a bias."""

    def __init__(self, kernel: Kernel, stride: int, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        self.kernel = kernel
        self.stride = stride
        flat = weight.ndim == 4
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last) if flat else weight)
        self.bias = None if bias is None else nn.Parameter(bias)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        """Convolve the channels that this kernel reads."""
        kernel, x = self.kernel, select_channels(x, self.kernel)
        if kernel.time == 1:
            return F.conv2d(x, self.weight, self.bias, self.stride, kernel.space // 2, 1, kernel.groups)
        y = convolve_over_time(x, self.weight, frames, stride=self.stride, groups=kernel.groups)
        return y if self.bias is None else y.add_(self.bias[:, None, None])


class FoldedInterleaved(nn.Module):
    """Interleaved with a bias: the filters of each class o mod G stand together, sliced once."""

    def __init__(self, operator: Interleaved, scale: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.count = operator.count
        kernels = (operator.spatial, operator.temporal)
        within, across = (_scaled(kernel.weight, scale) for kernel in kernels)
        self.within = nn.ModuleList()
        self.across = nn.ModuleList()
        for g in range(self.count):
            rows = slice(g, None, self.count)
            spatial, temporal = (kernel.kernel for kernel in kernels)
            stride = operator.spatial.stride
            self.within.append(FoldedKernel(spatial, stride, within[rows], offset[rows]))
            self.across.append(FoldedKernel(temporal, stride, across[rows], None))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        groups = x.chunk(self.count, 1)
        outputs = []
        for g in range(self.count):
            rest = torch.cat(groups[:g] + groups[g + 1 :], 1)
            outputs.append(self.within[g](rest, frames) + self.across[g](groups[g], frames))
        return torch.stack(outputs, 2).flatten(1, 2)


def _list_pairs(network: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    """Parent, and within it the names of a batch norm that can be folded and of the convolution before it."""
    foreign = {part for one in network.modules() if isinstance(one, ClipNetwork) for part in one.modules()}
    for parent in network.modules():
        if parent in foreign:
            continue  # its names do not say what is run after what
        for name, norm in parent.named_children():
            before = _BEFORE.get(name)
            conv = getattr(parent, before, None) if before is not None else None
            if before is None or not isinstance(norm, _BatchNorm) or not isinstance(conv, nn.Module):
                continue
            if norm.running_mean is not None and not has_hooks(norm) and not has_hooks(conv):
                yield parent, name, before


def has_hooks(module: nn.Module) -> bool:
    """Whether somebody listens in, or changes what goes through."""
    return any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def _scale_and_offset(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    """A batch norm as y = scale * x + offset, in double precision."""
    assert norm.running_mean is not None  # _list_pairs asks for it
    assert norm.running_var is not None
    mean, var = norm.running_mean.double(), norm.running_var.double()
    scale = torch.rsqrt(var + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.detach().double()
    offset = -mean * scale
    return scale, offset if norm.bias is None else offset + norm.bias.detach().double()


def _merge(conv: nn.Module, scale: Tensor, offset: Tensor) -> nn.Module | None:
    """The convolution with scale and offset in it; None if it is of no kind that we know."""
    if isinstance(conv, nn.Conv2d):
        return _merge_plain(conv, scale, offset)
    if isinstance(conv, KernelWeight):
        return _merge_kernel(conv, scale, offset)
    if isinstance(conv, Concatenated):
        return _merge_concatenated(conv, scale, offset)
    if isinstance(conv, Cascaded):
        conv.add_module("temporal", _merge_kernel(conv.temporal, scale, offset))
        return conv
    if isinstance(conv, Interleaved):
        return FoldedInterleaved(conv, scale, offset.to(conv.spatial.weight.dtype))
    return None


def _merge_plain(conv: nn.Conv2d, scale: Tensor, offset: Tensor) -> nn.Conv2d:
    if conv.bias is not None:
        offset = offset + scale * conv.bias.detach().double()
    weight = _scaled(conv.weight, scale)
    conv.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
    conv.bias = nn.Parameter(offset.to(weight.dtype))
    return conv


def _merge_kernel(part: KernelWeight, scale: Tensor, offset: Tensor) -> FoldedKernel:
    weight = _scaled(part.weight, scale)
    return FoldedKernel(part.kernel, part.stride, weight, offset.to(weight.dtype))


def _merge_concatenated(operator: Concatenated, scale: Tensor, offset: Tensor) -> Concatenated:
    """Each kernel takes the part of the norm that belongs to the channels it writes."""
    start = 0
    for name, part in operator.items():
        assert isinstance(part, KernelWeight)  # an operator holds nothing else
        rows = slice(start, start + part.kernel.filters)
        operator[name] = _merge_kernel(part, scale[rows], offset[rows])
        start = rows.stop
    return operator


def _scaled(weight: Tensor, scale: Tensor) -> Tensor:
    """Every filter times its factor."""
    # Multiplied in double precision, so that every weight is rounded once.
    rows = scale.view(-1, *[1] * (weight.ndim - 1))
    return (weight.detach().double() * rows).to(weight.dtype)
