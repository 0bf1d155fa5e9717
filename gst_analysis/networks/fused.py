"""Our networks on a CPU, fused: a network in, a copy that says the same sooner out, for inference alone.

Batch norms are folded; biases, ReLUs and shortcuts are added while oneDNN writes a convolution's output;
kernels over time take frames together in tiles (time_tiles.py), which needs half to two thirds of their
multiplications. Nothing is compiled but the few sums around those tiles (native.py), and torch does them
where there is no compiler.

Rounding: logits move by about 1e-6 of their size in fp32, and in bf16 by as much as that type rounds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.errors import SpecError
from gst_analysis.networks.folding import FoldedKernel, count_norms, fold_norms, has_hooks
from gst_analysis.networks.fused_parts import FusedConv, FusedKernel, find_limits
from gst_analysis.networks.mobilenet import InvertedResidual, VideoMobileNetV2
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.operators import Cascaded, Concatenated, Shift
from gst_analysis.networks.resnet import BasicBlock, Bottleneck, VideoResNet

_LAST = torch.channels_last
_AGREE = {torch.float32: 1e-4, torch.bfloat16: 5e-2}
_TRIAL = 32  # pixels of the clip that a fused copy is tried with


def fuse_network(network: nn.Module, kind: torch.dtype = torch.float32) -> FusedNetwork | None:
    """A fused copy, tried with a clip; None for networks that cannot be fused, or would say something else.

    Args:
        network: on the CPU; it stays as it is.
        kind: float32 or bfloat16: of weights and of what goes through.
    """
    if type(network) not in (VideoResNet, VideoMobileNetV2) or has_hooks(network):
        return None
    if not torch._C._has_mkldnn or not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return None
    folded = fold_norms(cast(VideoNetwork, network)).cpu()
    if count_norms(folded):
        return None
    try:
        fused = FusedNetwork(folded, kind)
        return fused if _agrees(fused, folded, kind) else None
    except (RuntimeError, TypeError, SpecError):  # an oneDNN that cannot do it, or lays out its output oddly
        return None


@torch.no_grad()
def _agrees(fused: FusedNetwork, folded: VideoNetwork, kind: torch.dtype) -> bool:
    generator = torch.Generator().manual_seed(0)
    shape = (1, folded.spec.num_frames, 3, _TRIAL, _TRIAL)
    clip = torch.randn(shape, generator=generator)
    truth, found = folded(clip), fused(clip)
    # Logits may differ little from each other: what counts is how they differ among classes and frames.
    apart = float((found - truth).norm())
    return apart <= _AGREE[kind] * float(truth.norm())


class FusedNetwork(VideoNetwork):
    """Stem, blocks and head of fused parts. It has no parameters and gives no gradients."""

    def __init__(self, network: VideoNetwork, kind: torch.dtype) -> None:
        nn.Module.__init__(self)
        self.spec, self.kind = network.spec, kind
        self.mobile = isinstance(network, VideoMobileNetV2)
        parts: Any = network
        self.act = "relu6" if self.mobile else "relu"
        self.stem = FusedConv.of(parts.conv1, kind, self.act)
        self.last = FusedConv.of(parts.last, kind, self.act) if self.mobile else None
        self.fc, self.dropout = parts.fc, nn.Dropout(0.0)
        self.add_stages(build_block(block, kind) for _, block in network.stages())
        self.eval().requires_grad_(False)

    def forward(self, clips: Tensor) -> Tensor:
        if torch.is_grad_enabled() and clips.requires_grad:
            raise SpecError(
                "a fused network",
                expected="clips without gradients",
                found="clips that require them",
                todo="use the network itself",
            )
        with torch.no_grad():
            return super().forward(clips)

    def get_submodule(self, target: str) -> nn.Module:
        try:
            return super().get_submodule(target)
        except AttributeError as error:
            raise SpecError(
                "a fused network",
                expected="the network itself, whose modules can be looked at",
                found=f"a fast form, which has no {target}",
                todo="give what load_network returned, without .fast()",
            ) from error

    def fold(self, clips: Tensor) -> tuple[Tensor, int]:
        return super().fold(clips.to(self.kind))

    def embed(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return x if self.mobile else F.max_pool2d(x, 3, 2, 1)

    def run_blocks(self, x: Tensor, frames: int) -> Tensor:
        for _, block in self.stages():
            x = cast(FusedBlock, block).run(x, frames, reuse=True)  # nobody else reads what enters
        return x

    def finish(self, x: Tensor) -> Tensor:
        x = x if self.last is None else self.last(x)
        return x.float().mean((2, 3))


Step = Callable[[Tensor, int], Tensor]


@dataclass(frozen=True)
class WithinFrames:
    """A convolution that need not know how many frames a clip has."""

    conv: FusedConv

    def __call__(self, x: Tensor, frames: int) -> Tensor:
        return self.conv(x)


class FusedBlock(nn.Module):
    """A residual branch of steps, the last of which adds to the shortcut where it can."""

    def __init__(self, steps: list[Step], last: FusedConv | None, act: str) -> None:
        super().__init__()
        self.steps, self.last, self.act = steps, last, act
        self.project: FusedConv | None = None
        self.adds = True

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return self.run(x.contiguous(memory_format=_LAST), frames)

    def run(self, x: Tensor, frames: int, *, reuse: bool = False) -> Tensor:
        """The block's output; `reuse` allows it to be written over what enters."""
        y = x
        for step in self.steps:
            y = step(y, frames)
        if not self.adds:
            assert self.last is not None  # only inverted residuals have no shortcut
            return self.last(y)
        own = x if reuse or self.project is not None else x.clone()
        shortcut = own if self.project is None else self.project(x)
        if self.last is not None:
            return self.last.add_to(shortcut, y)
        return F.relu(y.add_(shortcut), inplace=True)


def build_block(block: nn.Module, kind: torch.dtype) -> FusedBlock:
    """A fused block of a folded one."""
    parts: Any = block
    if isinstance(block, BasicBlock):
        first, second = (_build_operator(conv, kind, act) for conv, act in _name_basic(parts))
        built = FusedBlock([first, second], None, "relu")
    else:
        act = "relu6" if isinstance(block, InvertedResidual) else "relu"
        steps: list[Step] = []
        if hasattr(parts, "conv1"):
            steps.append(WithinFrames(FusedConv.of(parts.conv1, kind, act)))
        steps.append(_build_operator(parts.conv2, kind, act))
        after = "relu" if isinstance(block, Bottleneck) else "none"
        built = FusedBlock(steps, FusedConv.of(parts.conv3, kind, after), after)
        built.adds = getattr(block, "adds", True)
    if isinstance(parts.shift, Shift):
        built.steps.insert(0, parts.shift)
    projection = getattr(block, "downsample", None)
    built.project = None if projection is None else FusedConv.of(projection[0], kind, "none")
    return built


def _name_basic(block: Any) -> list[tuple[nn.Module, str]]:
    return [(block.conv1, "relu"), (block.conv2, "none")]


def _build_operator(operator: nn.Module, kind: torch.dtype, act: str) -> Step:
    if isinstance(operator, Concatenated):
        return FusedKernels([cast(FoldedKernel, part) for part in operator.values()], kind, act)
    if isinstance(operator, Cascaded):
        first, second = (cast(FoldedKernel, part) for part in (operator.spatial, operator.temporal))
        within, across = FusedKernels([first], kind, "relu"), FusedKernels([second], kind, act)
        return lambda x, frames: across(within(x, frames), frames)
    low, high = find_limits(act)
    own = operator.to(kind)
    return lambda x, frames: own(x, frames).clamp_(low, high).contiguous(memory_format=_LAST)


class FusedKernels:
    """Kernels side by side; each writes its channels of one output."""

    def __init__(self, kernels: list[FoldedKernel], kind: torch.dtype, act: str) -> None:
        self.parts = [FusedKernel(kernel, kind, act) for kernel in kernels]
        self.filters = sum(part.filters for part in self.parts)

    def __call__(self, x: Tensor, frames: int) -> Tensor:
        alone = self.parts[0]
        if len(self.parts) == 1 and (not alone.reaches or frames == 1):
            return alone.convolve(x)
        stride = alone.stride
        height, width = (-(-side // stride) for side in x.shape[2:])
        shape = (x.shape[0], self.filters, height, width)
        y = torch.empty(shape, dtype=x.dtype, memory_format=_LAST)
        start = 0
        for part in self.parts:
            part.write(x, y, start, frames)
            start += part.filters
        return y
