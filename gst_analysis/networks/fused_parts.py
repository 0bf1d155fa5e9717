"""What a fused network is made of: convolutions with what follows them, and kernels that write in place."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gst_analysis.networks.folding import FoldedKernel
from gst_analysis.networks.native import Channels, NativeSums, load_sums
from gst_analysis.networks.time_tiles import choose_span, enter_tiles, leave_tiles, transform_weight

_LAST = torch.channels_last
_UNARY: dict[str, tuple[str, list[float]]] = {
    "none": ("none", []),
    "relu": ("relu", []),
    "relu6": ("hardtanh", [0.0, 6.0]),
}
_LIMITS = {"none": (-math.inf, math.inf), "relu": (0.0, math.inf), "relu6": (0.0, 6.0)}


def find_limits(act: str) -> tuple[float, float]:
    """What an activation keeps numbers within."""
    return _LIMITS[act]


class FusedConv:
    """A 2-D convolution, its bias and its activation in one call of oneDNN."""

    def __init__(
        self, weight: Tensor, bias: Tensor | None, geometry: tuple[int, int, int], act: str = "none"
    ) -> None:
        """Args: the weight in its type; the bias; stride, padding and groups; none, relu or relu6."""
        self.weight, self.bias = weight.contiguous(memory_format=_LAST), bias
        self.stride, self.padding, self.groups = geometry
        self.act = act
        self._packed: tuple[tuple[int, ...], Tensor] | None = None

    @classmethod
    def of(cls, conv: nn.Conv2d, kind: torch.dtype, act: str) -> FusedConv:
        bias = None if conv.bias is None else conv.bias.detach().to(kind)
        stride, padding = conv.stride[0], int(conv.padding[0])
        return cls(conv.weight.detach().to(kind), bias, (stride, padding, conv.groups), act)

    def __call__(self, x: Tensor) -> Tensor:
        name, numbers = _UNARY[self.act]
        weight, where = self._pack(x), self._geometry
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(x, weight, self.bias, *where, name, numbers, "")
        return y

    def add_to(self, y: Tensor, x: Tensor) -> Tensor:
        """The activation of y + convolution of x, written over y."""
        after = None if self.act == "none" else self.act
        torch.ops.mkldnn._convolution_pointwise_.binary(
            y, x, self._pack(x), self.bias, *self._geometry, "add", 1.0, after, [], None
        )
        return y

    @property
    def _geometry(self) -> tuple[list[int], list[int], list[int], int]:
        return [self.padding] * 2, [self.stride] * 2, [1, 1], self.groups

    def _pack(self, x: Tensor) -> Tensor:
        """The weight in the blocks that oneDNN chooses for frames of such a size.

        Blocks chosen for another size give the same numbers at up to three times the time.
        """
        size = tuple(x.shape[2:])
        if self._packed is None or self._packed[0] != size:
            reorder = torch.ops.mkldnn._reorder_convolution_weight
            self._packed = size, reorder(self.weight, *self._geometry, list(x.shape))
        return self._packed[1]


class FusedKernel:
    """One kernel of an operator, within the frame or over time, and the channels that it reads."""

    def __init__(self, part: FoldedKernel, kind: torch.dtype, act: str) -> None:
        kernel = part.kernel
        self.kind, self.act, self.stride = kind, act, part.stride
        self.reaches, self.filters = kernel.time > 1, kernel.filters
        self.start, self.count = kernel.start, kernel.channels * kernel.groups
        self.geometry = part.stride, kernel.space // 2, kernel.groups
        self.weight = part.weight.detach()
        bias = torch.zeros(kernel.filters) if part.bias is None else part.bias.detach()
        self.bias = bias.float()
        self.limits = find_limits(act)
        self._within: FusedConv | None = None
        self._terms: dict[int, list[FusedConv]] = {}

    def convolve(self, x: Tensor) -> Tensor:
        """What is within the frame; of a kernel over time its middle, which is all that one frame meets."""
        if self._within is None:
            weight = self.weight[:, :, 1] if self.reaches else self.weight
            self._within = FusedConv(weight.to(self.kind), self.bias.to(self.kind), self.geometry, self.act)
        return self._within(self._select(x))

    def write(self, x: Tensor, y: Tensor, start: int, frames: int) -> None:
        """The kernel's filters of x into y's channels from `start` on."""
        sums = load_sums(self.kind)
        if self.reaches and frames > 1:
            self._write_tiles(x, Channels(y, start, self.filters), frames, sums)
        elif sums is None:
            y[:, start : start + self.filters] = self.convolve(x)
        else:
            sums.copy(Channels(self.convolve(x), 0, self.filters), Channels(y, start, self.filters))

    def _write_tiles(self, x: Tensor, target: Channels, frames: int, sums: NativeSums | None) -> None:
        span = choose_span(frames, exact=self.kind is not torch.float32)
        convs = self._build_terms(span)
        if sums is not None:
            terms = sums.enter(Channels(x, self.start, self.count), frames, span)
            parts = [conv(term) for conv, term in zip(convs, terms, strict=True)]
            sums.leave(parts, target, frames, self.bias, self.limits)
            return
        entering = enter_tiles(self._select(x), frames, span)
        parts = [
            conv(term.contiguous(memory_format=_LAST)) for conv, term in zip(convs, entering, strict=True)
        ]
        found = leave_tiles(parts, frames, span, self.bias).clamp_(*self.limits)
        target.tensor[:, target.start : target.start + target.count] = found

    def _build_terms(self, span: int) -> list[FusedConv]:
        if span not in self._terms:
            weights = transform_weight(self.weight, span)
            self._terms[span] = [FusedConv(w.to(self.kind), None, self.geometry) for w in weights]
        return self._terms[span]

    def _select(self, x: Tensor) -> Tensor:
        if x.shape[1] == self.count:
            return x
        part = x[:, self.start : self.start + self.count]
        sums = load_sums(self.kind)
        if sums is None:
            return part.contiguous(memory_format=_LAST)
        y = torch.empty_like(part, memory_format=_LAST)
        sums.copy(Channels(x, self.start, self.count), Channels(y, 0, self.count))
        return y
