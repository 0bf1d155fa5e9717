"""Batch norm over all devices, so that many small batches count as one large batch.

torch's own SyncBatchNorm runs on GPUs only; on CPUs ours stands in, with the same parameter names.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _SumOverRanks(torch.autograd.Function):
    """All ranks' tensors added up, and all ranks' gradients on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        total = grad.clone()
        distributed.all_reduce(total)
        return total


class _SyncBatchNorm(_BatchNorm):
    """Batch norm whose statistics in training are those of all ranks' batches together."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        mean, var, count = self._measure(x.float())
        self._remember(mean.detach(), var.detach(), count)
        scale = self.weight * torch.rsqrt(var.to(self.weight.dtype) + self.eps)
        offset = self.bias - mean.to(self.weight.dtype) * scale
        return (x.float() * _as_map(scale, x) + _as_map(offset, x)).to(x.dtype)

    def _measure(self, x: Tensor) -> tuple[Tensor, Tensor, float]:
        """Mean and variance of every channel over all ranks; summed in double, as squares lose digits."""
        count = x.numel() // x.shape[1]
        own_var, own_mean = torch.var_mean(x, (0, *range(2, x.ndim)), correction=0)
        m, v = own_mean.double(), own_var.double()
        ones = torch.ones_like(m[:1])
        total = _SumOverRanks.apply(torch.cat([m * count, (v + m * m) * count, ones * count]))
        n = total[-1]
        mean, square = total[: len(m)] / n, total[len(m) : -1] / n
        return mean, square - mean * mean, float(n.detach())

    def _remember(self, mean: Tensor, var: Tensor, count: float) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        unbiased = var * (count / max(1.0, count - 1))
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), self.momentum)


def _as_map(channels: Tensor, x: Tensor) -> Tensor:
    """One number a channel, in the shape that goes with maps (N, C, H, W) or (N, C, T, H, W)."""
    return channels.reshape(-1, *[1] * (x.ndim - 2))


class SyncBatchNorm2d(_SyncBatchNorm, nn.BatchNorm2d):
    """For maps (N, C, H, W)."""


class SyncBatchNorm3d(_SyncBatchNorm, nn.BatchNorm3d):
    """For maps (N, C, T, H, W)."""


_OURS = {nn.BatchNorm2d: SyncBatchNorm2d, nn.BatchNorm3d: SyncBatchNorm3d}


def synchronise_norms(module: nn.Module, device: torch.device) -> None:
    """Make every batch norm of a network count over all ranks; names of weights stay the same."""
    for name, part in list(module.named_children()):
        if isinstance(part, _BatchNorm) and type(part) in _OURS:
            setattr(module, name, _convert(part, device))
        else:
            synchronise_norms(part, device)


def _convert(norm: _BatchNorm, device: torch.device) -> nn.Module:
    if device.type == "cuda":
        convert = nn.SyncBatchNorm.convert_sync_batchnorm
        converted: nn.Module = convert(norm)  # type: ignore[no-untyped-call] # torch leaves it untyped
        return converted
    ours = _OURS[type(norm)](norm.num_features, norm.eps, norm.momentum or 0.1)
    ours.load_state_dict(norm.state_dict())
    return ours
