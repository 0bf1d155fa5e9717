"""GST and C3D written as their authors do: torchvision's 2-D network with another layer for each 3x3.

Everything that works here is a module of torch's own (Conv3d, ReLU, MaxPool2d, …), which is what some
counters hook; of gst_analysis it knows only the list of kernels.
"""

from __future__ import annotations

import torch
import torchvision
from torch import Tensor, nn

from gst_analysis.networks.families import Kernel
from gst_analysis.networks.specs import ModelSpec


class PlainOperator(nn.Module):
    """One Conv3d a kernel, side by side; frames lie in the batch."""

    def __init__(self, kernels: tuple[Kernel, ...], stride: int, frames: int) -> None:
        super().__init__()
        self.kernels, self.frames = kernels, frames
        self.convolutions = nn.ModuleList(_build_convolution(kernel, stride) for kernel in kernels)

    def forward(self, x: Tensor) -> Tensor:
        clips = x.unflatten(0, (-1, self.frames)).transpose(1, 2)  # (N, C, T, H, W)
        parts = [
            convolution(clips[:, kernel.start : kernel.start + kernel.channels * kernel.groups])
            for kernel, convolution in zip(self.kernels, self.convolutions, strict=True)
        ]
        return torch.cat(parts, 1).transpose(1, 2).flatten(0, 1)


class PlainNetwork(nn.Module):
    """(N, T, 3, H, W) -> (N*T, K), for families whose kernels lie side by side."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.base = torchvision.models.get_model(spec.plan.torchvision, num_classes=spec.num_classes)
        if spec.family == "c2d":
            return  # torchvision's own, frame by frame
        for block in spec.blocks():
            for site in block.sites:
                operator = PlainOperator(spec.kernels(site), site.stride, spec.num_frames)
                setattr(self.base.get_submodule(block.name), site.conv, operator)

    def forward(self, clips: Tensor) -> Tensor:
        logits: Tensor = self.base(clips.flatten(0, 1))
        return logits


def _build_convolution(kernel: Kernel, stride: int) -> nn.Conv3d:
    return nn.Conv3d(
        kernel.channels * kernel.groups,
        kernel.filters,
        (kernel.time, kernel.space, kernel.space),
        stride=(1, stride, stride),
        padding=(kernel.time // 2, kernel.space // 2, kernel.space // 2),
        groups=kernel.groups,
        bias=False,
    )
