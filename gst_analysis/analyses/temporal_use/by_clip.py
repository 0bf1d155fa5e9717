"""What clips decide: how far gates open, and the kernels that are made for each clip; means over clips.

Enters a network and clips; leaves Shares of every channel. A gate g lets the part |g| of its channels move by
a frame; the rest stays. A kernel that is made for a clip is looked at as any other, and then averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from gst_analysis.analyses.temporal_use.shares import Shares, measure_shares
from gst_analysis.checkpoints.loading import Network
from gst_analysis.networks.time_kernels import BY_CLIP, TimeKernel

_TAPS = 3
"""Of every channel that a gate moves: the frame before, its own, the next."""
_NAMES = ("varying", "ordered", "off_frame", "shift")
Values = dict[str, np.ndarray]


class ClipListener:
    """Adds up what gates and made kernels give; `list_shares` tells their means over clips so far."""

    def __init__(self) -> None:
        self._sums: dict[str, Values] = {}
        self._counts: dict[str, int] = {}

    def hear(self, kernel: TimeKernel, _: nn.Module, __: object, output: Tensor) -> None:
        """Take in what a part of the network gave for a batch of clips."""
        read = _READERS[kernel.kind]
        assert kernel.moved is not None  # whatever clips decide on is of so many channels
        values, clips = read(output.detach().float().cpu(), kernel.moved.channels)
        sums = self._sums.setdefault(kernel.name, {name: np.zeros(kernel.moved.channels) for name in _NAMES})
        for name in _NAMES:
            sums[name] += values[name]
        self._counts[kernel.name] = self._counts.get(kernel.name, 0) + clips

    def list_shares(self) -> Mapping[str, Shares]:
        """The means of every channel, by the kernel's name."""
        return {
            name: Shares(
                _TAPS,
                np.full(len(sums["shift"]), np.nan),
                *(sums[one] / self._counts[name] for one in _NAMES),
            )
            for name, sums in self._sums.items()
        }


@contextmanager
def listen_to_clips(model: Network) -> Iterator[ClipListener]:
    """Listen to all that clips decide on; hooks go in the end."""
    listener = ClipListener()
    with ExitStack() as stack:
        for kernel in model.anatomy.time_kernels:
            if kernel.kind in BY_CLIP:
                module = model.module.get_submodule(kernel.name)
                hook = module.register_forward_hook(partial(listener.hear, kernel))
                stack.callback(hook.remove)
        yield listener


def _read_gates(output: Tensor, channels: int) -> tuple[Values, int]:
    """Gates (N, 2, T, H, W) before the tanh: half of the channels read later frames, half earlier ones."""
    opened = torch.tanh(output).abs().double().mean((2, 3, 4)).sum(0).numpy()  # (2,), summed over clips
    side = np.repeat([0, 1], [channels - channels // 2, channels // 2])
    nothing, moved = np.full(channels, np.nan), opened[side]
    towards = np.array([1, -1])[side]
    return {"varying": nothing, "ordered": nothing, "off_frame": moved, "shift": moved * towards}, len(output)


def _read_taps(output: Tensor, channels: int) -> tuple[Values, int]:
    """(N*C, taps): a kernel for every channel of every clip."""
    found = measure_shares(output[:, None], 2)
    parts = {name: getattr(found, name).reshape(-1, channels).sum(0) for name in _NAMES}
    return parts, len(output) // channels


_READERS: Mapping[str, Callable[[Tensor, int], tuple[Values, int]]] = {
    "moved by clip": _read_gates,
    "made by clip": _read_taps,
}
