"""Batch norms folded into the convolutions before them: a network in, a faster copy that says the same out.

In evaluation a batch norm multiplies every channel by a constant and adds another. The factor goes into
the rows of the kernels that write the channel, the addend becomes their bias. The copy is for inference
alone: it has no batch norms left to look at or to train.

In a network of ours names say which convolution a norm follows. In any other a run shows it
(`networks/norm_pairs.py`), and what is folded is kept only as far as the copy still says the same.
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
from gst_analysis.networks.norm_pairs import NormPair, Trial, list_pairs
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

    A norm stays where it is if it has hooks, keeps no running statistics, or follows something else than a
    convolution that nothing but it reads. A network that was brought, or has a file of its own, is tried
    with a clip: what makes it say something else is taken back.

    Example:
        >>> folded = fold_norms(model.module)  # doctest: +SKIP
    """
    for one in _list_brought(network):
        list_pairs(one)  # so that the next copy need not look for them again
    folded = copy.deepcopy(network).eval().requires_grad_(False)
    for parent, norm_name, conv_name in list(_list_named_pairs(folded)):
        _fold(folded, NormPair(getattr(parent, norm_name), getattr(parent, conv_name)))
    for one in _list_brought(folded):
        pairs = [pair for pair in list_pairs(one) if not has_hooks(pair.norm) and not has_hooks(pair.conv)]
        trial = Trial.of(one) if pairs else None
        if trial is not None:
            _fold_agreeing(one, pairs, trial)
    return folded


def _list_brought(network: nn.Module) -> list[ClipNetwork]:
    return [part for part in network.modules() if isinstance(part, ClipNetwork)]


def count_norms(network: nn.Module) -> int:
    """Batch norms of a network: what a folded copy has fewer of was folded."""
    return sum(isinstance(module, _BatchNorm) for module in network.modules())


def _fold_agreeing(network: ClipNetwork, pairs: list[NormPair], trial: Trial) -> None:
    """Fold all pairs; where the network then says something else, half of them by themselves, and so on."""
    done = [_fold(network, pair) for pair in pairs]
    if trial.agrees(network):
        return
    for replaced in reversed(done):
        for old, new in reversed(replaced):
            replace_everywhere(network, new, old)
    if len(pairs) > 1 and trial.agrees(network):  # else its answers are never twice the same
        half = len(pairs) // 2
        _fold_agreeing(network, pairs[:half], trial)
        _fold_agreeing(network, pairs[half:], trial)


def _fold(network: nn.Module, pair: NormPair) -> list[tuple[nn.Module, nn.Module]]:
    """Fold one norm; which modules were replaced by which."""
    conv = pair.conv.temporal if isinstance(pair.conv, Cascaded) else pair.conv
    merged = _merge(copy.deepcopy(conv), *_scale_and_offset(pair.norm))  # a copy: it can be put back
    if merged is None:
        return []
    replaced = [(conv, merged.eval().requires_grad_(False)), (pair.norm, nn.Identity())]
    for old, new in replaced:
        replace_everywhere(network, old, new)
    return replaced


def replace_everywhere(network: nn.Module, old: nn.Module, new: nn.Module) -> None:
    """Put a module where another one is, under each of its names."""
    for parent in list(network.modules()):
        for name, child in list(parent._modules.items()):  # one module may have two names in one parent
            if child is old:
                setattr(parent, name, new)


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


def _list_named_pairs(network: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    """Parent, and within it the names of a batch norm that can be folded and of the convolution before it."""
    foreign = {part for one in _list_brought(network) for part in one.modules()}
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


def _scale_and_offset(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """A batch norm as y = scale * x + offset, in double precision."""
    assert isinstance(norm, _BatchNorm)  # as in every pair
    assert norm.running_mean is not None  # likewise
    assert norm.running_var is not None
    mean, var = norm.running_mean.double(), norm.running_var.double()
    scale = torch.rsqrt(var + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.detach().double()
    offset = -mean * scale
    return scale, offset if norm.bias is None else offset + norm.bias.detach().double()


def _merge(conv: nn.Module, scale: Tensor, offset: Tensor) -> nn.Module | None:
    """The convolution with scale and offset in it; None if it is of no kind that we know."""
    if isinstance(conv, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return _merge_plain(conv, scale, offset)
    if isinstance(conv, KernelWeight):
        return _merge_kernel(conv, scale, offset)
    if isinstance(conv, Concatenated):
        return _merge_concatenated(conv, scale, offset)
    if isinstance(conv, Interleaved):
        return FoldedInterleaved(conv, scale, offset.to(conv.spatial.weight.dtype))
    return None


def _merge_plain(
    conv: nn.Conv1d | nn.Conv2d | nn.Conv3d, scale: Tensor, offset: Tensor
) -> nn.Conv1d | nn.Conv2d | nn.Conv3d:
    if conv.bias is not None:
        offset = offset + scale * conv.bias.detach().double()
    weight = _scaled(conv.weight, scale)
    last = weight.ndim == 4
    conv.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last) if last else weight)
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
