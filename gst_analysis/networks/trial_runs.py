"""A network that nobody described is run: for one clip, for two, and for one twice as long.

A copy without values (device meta) is run where that can be done: nothing is computed, so the size of the
network does not matter. Else the network itself is run, for a while at most, and left as it was found.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gst_analysis.errors import SpecError
from gst_analysis.networks.dataflow import Flow, watch_flow

Shape = tuple[int, ...]
MOST_SECONDS = 30.0
"""Of a run of one clip; of two clips, or one of twice the length, twice as many."""


class TooSlowError(SpecError):
    """A trial run that was given up."""


@dataclass
class Recording:
    """What a run showed: every module's output shapes in the order of the run, and what followed what."""

    shapes: dict[str, Shape] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    """Which of several tensors that a module returned was taken, where it was not the first."""


@dataclass(frozen=True)
class Lengths:
    """Three runs: one clip, two clips, and one of twice the frames if such can be given.

    `flow` is that of the first.
    """

    frames: int
    size: int
    once: Recording
    twice: Recording
    longer: Recording | None
    flow: Flow


def watch_once(network: nn.Module, *, frames: int, size: int) -> Flow:
    """What reads what in one run of one clip, without values where that can be done."""
    return _run_first(network, frames, size)[2]


def _run_first(network: nn.Module, frames: int, size: int) -> tuple[nn.Module, Recording, Flow]:
    """One run of one clip: what was run (a copy without values, or the network itself) and what it showed."""
    shadow = copy_shapes(network)
    try:
        with watch_flow(shadow) as flow:
            return shadow, _record(shadow, 1, frames, size), flow
    except TooSlowError:
        raise
    except Exception:  # whatever a module raises that wants values
        with watch_flow(network) as flow:
            return network, _record(network, 1, frames, size), flow


def run_lengths(network: nn.Module, *, frames: int, size: int) -> Lengths:
    """The three runs, without values where that can be done."""
    shadow, once, flow = _run_first(network, frames, size)
    twice = _record(shadow, 2, frames, size, patience=2)
    try:
        longer: Recording | None = _record(shadow, 1, 2 * frames, size, patience=2)
    except TooSlowError:
        raise
    except Exception:  # a network of one length says so in words of its own
        longer = None
    return Lengths(frames, size, once, twice, longer, flow)


def copy_shapes(network: nn.Module) -> nn.Module:
    """A copy without values: as large as nothing."""
    memo: dict[int, Any] = {}
    for parameter in network.parameters():
        empty = torch.empty_like(parameter, device="meta")
        memo[id(parameter)] = nn.Parameter(empty, requires_grad=False)
    for buffer in network.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    try:
        return copy.deepcopy(network, memo)
    except Exception:  # a module that cannot be copied is run itself
        return network


@contextmanager
def untouched(network: nn.Module) -> Iterator[None]:
    """Run a network in evaluation mode; its modes and all random numbers are put back afterwards."""
    modes = {module: module.training for module in network.modules()}
    states = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(), torch.no_grad():
            network.eval()
            yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def limited_time(network: nn.Module, seconds: float) -> Iterator[None]:
    """Give up what runs inside the block once it has taken so long: the clock is read before every module.

    Raises:
        TooSlowError: it has.
    """
    end = time.monotonic() + seconds

    def look(name: str, *_: object) -> None:
        if time.monotonic() > end:
            raise TooSlowError(
                "the network",
                expected=f"one that is tried within {seconds:.0f} seconds on the device where it lies",
                found=f"a run that had come to {name or 'its start'} by then",
                todo="give fewer frames or pixels (clip_spec=…), or move it to a GPU first",
            )

    with ExitStack() as stack:
        for name, module in network.named_modules():
            stack.callback(module.register_forward_pre_hook(partial(look, name)).remove)
        yield


def _record(network: nn.Module, clips: int, frames: int, size: int, *, patience: int = 1) -> Recording:
    """Run once with an ear at every module."""
    inner = getattr(network, "inner", network)
    recording = Recording()

    def listen(name: str, module: nn.Module) -> Any:
        def hook(_: nn.Module, __: object, output: Any) -> None:
            part, tensor = _first_tensor(output)
            if tensor is None:
                return
            recording.shapes.setdefault(name, tuple(tensor.shape))
            if part:
                recording.parts[name] = part

        return module.register_forward_hook(hook)

    some = next(iter([*inner.parameters(), *inner.buffers()]), torch.zeros(()))
    pixels = torch.zeros(clips, frames, 3, size, size, device=some.device)
    with untouched(network), limited_time(network, patience * MOST_SECONDS):
        handles = [listen(name, module) for name, module in inner.named_modules() if name]
        try:
            network(pixels)
        finally:
            for handle in handles:
                handle.remove()
    return recording


def _first_tensor(output: Any) -> tuple[int, Tensor | None]:
    if isinstance(output, Tensor):
        return 0, output
    for place, part in enumerate(output if isinstance(output, (tuple, list)) else ()):
        if isinstance(part, Tensor):
            return place, part
    return 0, None
