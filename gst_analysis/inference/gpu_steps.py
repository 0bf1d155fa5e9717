"""Steps of a network that Triton kernels compute on an NVIDIA GPU, and torch where they cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.inference.gpu_plans import Flow, Layer, choose_plan
from gst_analysis.networks.folding import FoldedKernel
from gst_analysis.networks.resnet import VideoResNet
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.inference import gpu_kernels, gpu_stem
else:  # they import Triton, which is slow, and not everywhere
    gpu_kernels = Door("gst_analysis.inference.gpu_kernels")
    gpu_stem = Door("gst_analysis.inference.gpu_stem")

_LAST = torch.channels_last
_MOST = 2**31
"""Values of a tensor: a kernel counts them in 32 bits."""


def can_compute(*inputs: Tensor) -> bool:
    """On an NVIDIA GPU, and where no gradient is asked for: what is fused or compiled has none."""
    if torch.is_grad_enabled() and any(x.requires_grad for x in inputs):
        return False
    return inputs[0].is_cuda and torch.version.cuda is not None and torch.backends.cudnn.enabled


class CompiledOperator(nn.Module):
    """Kernels of space and of time as one compiled kernel, with bias and ReLU."""

    def __init__(
        self,
        spatial: FoldedKernel,
        temporal: FoldedKernel,
        channels: int,
        *,
        plain: nn.Module,
        precision: str,
    ) -> None:
        super().__init__()
        self.plain, self.precision, self.stride = plain, precision, spatial.stride
        self.firsts = spatial.kernel.start, temporal.kernel.start
        weights = [gpu_kernels.pack(part.weight) for part in (spatial, temporal)]
        self.space, self.time = (nn.Parameter(weight, requires_grad=False) for weight in weights)
        assert spatial.bias is not None  # folding a norm gives one
        assert temporal.bias is not None
        bias = torch.cat([spatial.bias.detach(), temporal.bias.detach()])
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.layer = Layer(
            channels,
            spatial.kernel.channels,
            spatial.kernel.filters,
            temporal.kernel.channels,
            temporal.kernel.filters,
            spatial.stride,
        )

    def forward(self, x: Tensor, frames: int) -> Tensor:
        high, wide = (-(-side // self.stride) for side in x.shape[2:])
        written = len(x) * high * wide * len(self.bias)
        if not can_compute(x) or max(x.numel(), written) >= _MOST:
            done: Tensor = self.plain(x, frames)
            return done
        flow = Flow(len(x) // frames, frames, high * wide, x.element_size())
        return gpu_kernels.operate(
            x.contiguous(memory_format=_LAST),
            gpu_kernels.Part(self.space, self.firsts[0], self.layer.space_reads),
            gpu_kernels.Part(self.time, self.firsts[1], self.layer.time_reads),
            self.bias,
            frames,
            stride=self.stride,
            plan=choose_plan(self.layer, flow),
            precision=self.precision,
        )


class FusedStem(nn.Module):
    """First convolution, bias, ReLU and max-pool: the last first, as it changes no order and leaves less."""

    def __init__(self, conv: nn.Conv2d, *, compiled: bool) -> None:
        super().__init__()
        assert conv.bias is not None  # folding a norm gives one
        self.weight = nn.Parameter(conv.weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(conv.bias.detach(), requires_grad=False)
        parted = gpu_stem.part_filters(conv.weight) if compiled else None
        self.parted = None if parted is None else nn.Parameter(parted, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.parted is not None and can_compute(x):
            squares = gpu_stem.part_pixels(x.contiguous(memory_format=_LAST), self.bias.dtype)
            y = F.conv2d(squares, self.parted).contiguous(memory_format=_LAST)
            return gpu_stem.pool_relu(y, self.bias)
        y = F.max_pool2d(F.conv2d(x.to(self.bias.dtype), self.weight, None, 2, 3), 3, 2, 1)
        return F.relu(y + self.bias[:, None, None])


class StemmedResNet(VideoResNet):
    """A folded ResNet of ours whose first convolution brings all that stands before the blocks."""

    def __init__(self, network: VideoResNet, stem: FusedStem) -> None:
        nn.Module.__init__(self)
        self.spec, self.stem = network.spec, stem
        for name, child in network.named_children():
            if name not in ("conv1", "bn1"):
                self.add_module(name, child)
        self.train(network.training)

    def embed(self, x: Tensor) -> Tensor:
        done: Tensor = self.stem(x)
        return done
