"""Timing on a device: calls in, the seconds of every round out, by the device's own clock.

Every round runs each candidate once, as in `pairing`; the order turns by one place each round. On a GPU a
call is timed between two of the device's events, from an idle device on, so what the processor takes to
launch the kernels counts where the device waits for it. `capture` takes that away: a call becomes one CUDA
graph.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.pairing import Call, Timings, time_call

Run = Callable[[], Tensor]
Attempt = Callable[[], object]


@dataclass(frozen=True)
class Spread:
    """Of one candidate's milliseconds, over the rounds."""

    median: float
    low: float
    high: float


def time_rounds(
    candidates: Mapping[str, Attempt], device: torch.device, *, rounds: int, seconds: float, least: int = 4
) -> Timings:
    """Interleaved rounds until there are enough of them, or they have taken their time."""
    names = list(candidates)
    for name in names * 2:  # cuDNN chooses its algorithms, the allocator gets its memory
        candidates[name]()
    timings: Timings = {name: [] for name in names}
    start = time.perf_counter()
    for turn in range(rounds):
        if turn >= least and time.perf_counter() - start > seconds:
            break
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            timings[name].append(_time_once(candidates[name], device))
    return timings


def spread_ms(calls: list[Call]) -> Spread:
    values = [1000 * call.seconds for call in calls]
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def capture(run: Run, pool: Any) -> Run:
    """The call as a CUDA graph that is replayed; graphs of one pool share their memory."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(2):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        out = run()

    def replay() -> Tensor:
        graph.replay()
        return out

    return replay


def _time_once(call: Attempt, device: torch.device) -> Call:
    if device.type != "cuda":
        return time_call(call)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize(device)
    start.record()
    call()
    end.record()
    end.synchronize()
    return Call(start.elapsed_time(end) / 1000, 0.0)
