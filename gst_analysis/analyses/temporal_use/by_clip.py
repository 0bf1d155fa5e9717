"""What clips decide: how far gates open, the kernels made for each clip, and attention; means over clips.

Enters a network and clips; leaves Shares of every channel or head. A gate g lets the part |g| of its
channels move by a frame; the rest stays. A kernel made for a clip is looked at as any other, then averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from gst_analysis.analyses.temporal_use.shares import Shares, measure_shares
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.groups import Group
from gst_analysis.networks.anatomy import Anatomy
from gst_analysis.networks.time_kernels import BY_CLIP, TimeKernel
from gst_analysis.networks.time_modules import find_place
from gst_analysis.probes.attention import FrameAttention, list_attention, watched_attention

_TAPS = 3
"""Of every channel that a gate moves: the frame before, its own, the next."""
_NAMES = ("varying", "ordered", "off_frame", "shift")
Values = dict[str, np.ndarray]


class ClipListener:
    """Adds up what gates, made kernels and attention give; `list_kernels` tells their means over clips."""

    def __init__(self) -> None:
        self._sums: dict[str, Values] = {}
        self._counts: dict[str, int] = {}
        self._attention: dict[str, tuple[int, float]] = {}
        """By layer: frames, and what would lie on others if all were read alike."""

    def hear(self, kernel: TimeKernel, _: nn.Module, __: object, output: Tensor) -> None:
        """Take in what a part of the network gave for a batch of clips."""
        read = _READERS[kernel.kind]
        assert kernel.moved is not None  # whatever clips decide on is of so many channels
        values, clips = read(output.detach().float().cpu(), kernel.moved.channels)
        self._add(kernel.name, values, clips)

    def look(self, seen: Mapping[str, FrameAttention], *_: object) -> None:
        """Take in what attention did in a run."""
        for name, found in seen.items():
            away = found.shares @ torch.arange(float(found.frames))  # (N, heads)
            nothing = np.full(found.shares.shape[1], np.nan)
            off, far = (part.double().sum(0).numpy() for part in (found.other, away))
            values = {"varying": nothing, "ordered": nothing, "off_frame": off, "shift": far}
            self._attention[name] = (found.frames, found.other_if_uniform)
            self._add(name, values, len(found.shares))

    def _add(self, name: str, values: Values, clips: int) -> None:
        sums = self._sums.setdefault(name, {one: np.zeros_like(values[one]) for one in _NAMES})
        for one in _NAMES:
            sums[one] += values[one]
        self._counts[name] = self._counts.get(name, 0) + clips

    def list_kernels(self, anatomy: Anatomy) -> Iterator[tuple[TimeKernel, Shares]]:
        """What was heard, with its means: of every channel, or of every head."""
        for kernel in anatomy.time_kernels:
            if kernel.kind in BY_CLIP and kernel.name in self._sums:
                yield kernel, self._average(kernel.name, _TAPS)
        for name, (frames, even) in self._attention.items():
            place, stage = find_place(name, anatomy, 0)
            kernel = TimeKernel(name, place or name, stage, _find_group(name, anatomy), "attention")
            yield kernel, replace(self._average(name, frames), even=even)

    def _average(self, name: str, taps: int) -> Shares:
        sums = self._sums[name]
        energy = np.full(len(sums["shift"]), np.nan)
        varying, ordered, off_frame, shift = (sums[one] / self._counts[name] for one in _NAMES)
        return Shares(taps, energy, varying, ordered, off_frame, shift)


def decides_by_clip(model: Network) -> bool:
    """Whether a clip decides how the network reaches over frames."""
    kinds = {kernel.kind for kernel in model.anatomy.time_kernels}
    return bool(kinds & set(BY_CLIP)) or bool(list_attention(model.module))


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
        if list_attention(model.module):
            seen = stack.enter_context(watched_attention(model.module))
            stack.callback(model.module.register_forward_hook(partial(listener.look, seen)).remove)
        yield listener


def _find_group(name: str, anatomy: Anatomy) -> Group:
    """Temporal where the place's attention over time is a unit of its own, all where it is over both."""
    units = [unit.group for unit in anatomy.units if unit.block and name.startswith(f"{unit.block}.")]
    return "temporal" if "temporal" in units else "all"


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
