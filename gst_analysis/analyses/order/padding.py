"""What a network meets beyond a clip's ends: zeros are replaced by the end frames, or by the other end.

A kernel over time reaches beyond the first and the last frame, where networks put zeros. That tells a channel
where the clip begins and ends. Replaced are every kernel over time and every shift of ours, and every Conv3d
that pads time with zeros. What pads in another way stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.operators import Interleaved, KernelWeight, Shift, select_channels

Padding = Literal["replicate", "circular"]
Ends = tuple[Tensor, Tensor]
"""What stands before the first and after the last frame."""


def count_padding(network: nn.Module) -> int:
    """How many modules of a network reach beyond a clip's ends in a way that can be replaced."""
    return len(list(_list_reaching(network)))


@contextmanager
def replaced_padding(network: nn.Module, padding: Padding) -> Iterator[None]:
    """Let a network meet frames of the clip beyond its ends for as long as the block runs."""
    with ExitStack() as stack:
        for module in list(_list_reaching(network)):
            if isinstance(module, nn.Conv3d):
                stack.enter_context(_padded(module, padding))
            else:
                stack.callback(module.register_forward_hook(_add_frames(module, padding)).remove)
        yield


def _list_reaching(network: nn.Module) -> Iterator[nn.Module]:
    """Kernels over time, interleaved operators, shifts, and 3-D convolutions that pad time with zeros."""
    inside = {part for one in network.modules() if isinstance(one, Interleaved) for part in one.children()}
    for module in network.modules():
        over_time = isinstance(module, KernelWeight) and module.kernel.time > 1 and module not in inside
        padded = (
            isinstance(module, nn.Conv3d) and module.padding_mode == "zeros" and any(_count_frames(module))
        )
        if over_time or padded or isinstance(module, (Interleaved, Shift)):
            yield module


def _count_frames(conv: nn.Conv3d) -> tuple[int, int]:
    """Frames of padding before a clip and after it."""
    if not isinstance(conv.padding, str):
        return int(conv.padding[0]), int(conv.padding[0])
    whole = conv.dilation[0] * (conv.kernel_size[0] - 1) if conv.padding == "same" else 0
    return whole // 2, whole - whole // 2  # as torch parts what is odd


@contextmanager
def _padded(conv: nn.Conv3d, padding: Padding) -> Iterator[None]:
    """A Conv3d that is given its frames beyond the ends, and pads height and width alone."""
    kept, (before, after) = conv.padding, _count_frames(conv)
    around = (0, 0, 0, 0)
    if isinstance(kept, str):  # torch's own "same" would pad time as well
        sizes = [conv.dilation[axis] * (conv.kernel_size[axis] - 1) for axis in (2, 1)]
        around = (sizes[0] // 2, sizes[0] - sizes[0] // 2, sizes[1] // 2, sizes[1] - sizes[1] // 2)

    def lengthen(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        x = given[0]  # (N, C, T, H, W)
        frames = x.shape[2]
        places = torch.arange(-before, frames + after, device=x.device)
        places = places % frames if padding == "circular" else places.clamp(0, frames - 1)
        return F.pad(x.index_select(2, places), around), *given[1:]

    handle = conv.register_forward_pre_hook(lengthen)
    conv.padding = (0, 0, 0) if isinstance(kept, str) else (0, *kept[1:])
    try:
        yield
    finally:
        conv.padding = kept
        handle.remove()


def _add_frames(module: nn.Module, padding: Padding) -> Callable[..., Tensor]:
    """What is done to the output of a module of ours."""
    if isinstance(module, KernelWeight):
        return _add_to_kernel(padding)
    return _add_to_interleaved(padding) if isinstance(module, Interleaved) else _fill_shift(padding)


def _ends(x: Tensor, frames: int, padding: Padding) -> Ends:
    """(N*T, …) -> what stands before frame 0 and after the last."""
    clips = torch.unflatten(x, 0, (-1, frames))
    first, last = clips[:, 0], clips[:, -1]
    return (first, last) if padding == "replicate" else (last, first)


def _add_ends(output: Tensor, frames: int, added: Ends) -> Tensor:
    """What the taps beyond the ends would have added, put on the first and the last frame."""
    clips = torch.unflatten(output, 0, (-1, frames)).clone()
    clips[:, 0] += added[0]
    clips[:, -1] += added[1]
    return clips.flatten(0, 1)


def _convolve_ends(ends: Ends, weight: Tensor, stride: int, groups: int) -> Ends:
    """The first tap on what stands before the clip, and the last on what stands after it."""
    space = weight.shape[-1] // 2
    first = F.conv2d(ends[0], weight[:, :, 0], None, stride, space, 1, groups)
    return first, F.conv2d(ends[1], weight[:, :, -1], None, stride, space, 1, groups)


def _add_to_kernel(padding: Padding) -> Callable[..., Tensor]:
    def hook(module: KernelWeight, given: tuple[Any, ...], output: Tensor) -> Tensor:
        x, frames = given
        kernel = module.kernel
        ends = _ends(select_channels(x, kernel), frames, padding)
        return _add_ends(output, frames, _convolve_ends(ends, module.weight, module.stride, kernel.groups))

    return hook


def _add_to_interleaved(padding: Padding) -> Callable[..., Tensor]:
    def hook(module: Interleaved, given: tuple[Any, ...], output: Tensor) -> Tensor:
        x, frames = given
        weight, stride = module.temporal.weight, module.spatial.stride
        parts = [
            _convolve_ends(_ends(group, frames, padding), weight[g :: module.count], stride, 1)
            for g, group in enumerate(x.chunk(module.count, 1))
        ]
        # Filter k of class g is channel k * G + g.
        first, last = (torch.stack(end, 2).flatten(1, 2) for end in zip(*parts, strict=True))
        return _add_ends(output, frames, (first, last))

    return hook


def _fill_shift(padding: Padding) -> Callable[..., Tensor]:
    """Where a shift hands on zeros, it hands on frames."""

    def hook(module: Shift, given: tuple[Any, ...], output: Tensor) -> Tensor:
        x, frames = given
        fold = x.shape[1] // module.share
        before, after = _ends(x, frames, padding)
        clips = torch.unflatten(output, 0, (-1, frames)).clone()
        clips[:, -1, :fold] = after[:, :fold]
        clips[:, 0, fold : 2 * fold] = before[:, fold : 2 * fold]
        return clips.flatten(0, 1)

    return hook
