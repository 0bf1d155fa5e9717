"""What clips decide: how far gates open, the kernels made for each clip, and attention; means over clips.

Enters a network and clips; leaves Shares of every channel or head. A gate g lets the part |g| of its
channels move by a frame; the rest stays. A kernel made for a clip is looked at as any other, then averaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
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


@dataclass(frozen=True)
class Heard:
    """What one part of the network gave for a batch of clips: sums over them, of every channel or head."""

    sums: Values
    clips: int
    attention: tuple[int, float] | None = None
    """Of attention alone: frames, and what would lie on others if all were read alike."""


class ClipListener:
    """Takes in what gates, made kernels and attention give, batch by batch."""

    def __init__(self) -> None:
        self.batches: list[dict[str, Heard]] = []
        """Of every batch, by the name of the part."""

    def begin(self, *_: object) -> None:
        """A batch comes."""
        self.batches.append({})

    def hear(self, kernel: TimeKernel, _: nn.Module, __: object, output: Tensor) -> None:
        """Take in what a part of the network gave for a batch of clips."""
        read = _READERS[kernel.kind]
        assert kernel.moved is not None  # whatever clips decide on is of so many channels
        self.batches[-1][kernel.name] = Heard(*read(output.detach().float().cpu(), kernel.moved.channels))

    def look(self, seen: Mapping[str, FrameAttention], *_: object) -> None:
        """Take in what attention did in a run."""
        for name, found in seen.items():
            away = found.shares @ torch.arange(float(found.frames))  # (N, heads)
            nothing = np.full(found.shares.shape[1], np.nan)
            off, far = (part.double().sum(0).numpy() for part in (found.other, away))
            values = {"varying": nothing, "ordered": nothing, "off_frame": off, "shift": far}
            told = (found.frames, found.other_if_uniform)
            self.batches[-1][name] = Heard(values, len(found.shares), told)


def list_kernels(
    batches: Sequence[Mapping[str, Heard]], anatomy: Anatomy
) -> Iterator[tuple[TimeKernel, Shares]]:
    """What was heard, with its means over clips: of every channel, or of every head."""
    by_part: dict[str, list[Heard]] = {}
    for batch in batches:
        for name, heard in batch.items():
            by_part.setdefault(name, []).append(heard)
    for kernel in anatomy.time_kernels:
        if kernel.kind in BY_CLIP and kernel.name in by_part:
            yield kernel, _average(by_part[kernel.name], _TAPS)
    for name, parts in by_part.items():
        if parts[-1].attention is not None:
            frames, even = parts[-1].attention
            place, stage = find_place(name, anatomy, 0)
            kernel = TimeKernel(name, place or name, stage, _find_group(name, anatomy), "attention")
            yield kernel, replace(_average(parts, frames), even=even)


def _average(parts: Sequence[Heard], taps: int) -> Shares:
    clips = sum(part.clips for part in parts)
    varying, ordered, off_frame, shift = (_add(parts, one) / clips for one in _NAMES)
    return Shares(taps, np.full(len(shift), np.nan), varying, ordered, off_frame, shift)


def _add(parts: Sequence[Heard], name: str) -> np.ndarray:
    """Batch by batch, in the order of the clips, so that it does not matter who heard them."""
    total = np.zeros_like(parts[0].sums[name])
    for part in parts:
        total += part.sums[name]
    return total


def decides_by_clip(model: Network) -> bool:
    """Whether a clip decides how the network reaches over frames."""
    kinds = {kernel.kind for kernel in model.anatomy.time_kernels}
    return bool(kinds & set(BY_CLIP)) or bool(list_attention(model.module))


@contextmanager
def hear_decisions(model: Network) -> Iterator[list[dict[str, Heard]]]:
    """Listen to all that clips decide on, batch by batch; hooks go in the end."""
    listener = ClipListener()
    with ExitStack() as stack:
        stack.callback(model.module.register_forward_pre_hook(listener.begin).remove)
        for kernel in model.anatomy.time_kernels:
            if kernel.kind in BY_CLIP:
                module = model.module.get_submodule(kernel.name)
                hook = module.register_forward_hook(partial(listener.hear, kernel))
                stack.callback(hook.remove)
        if list_attention(model.module):
            seen = stack.enter_context(watched_attention(model.module))
            stack.callback(model.module.register_forward_hook(partial(listener.look, seen)).remove)
        yield listener.batches


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
