"""Paired, interleaved timing: calls in, seconds of every round out.

Every round runs each candidate once, so that whatever else the machine does meets them all; a ratio is
the median over rounds of the two times *of the same round*, never of two times measured apart.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Timings = dict[str, list[float]]


@dataclass(frozen=True)
class Ratio:
    """How many times faster, over the rounds."""

    median: float
    low: float
    """The lower quartile."""
    high: float
    """The upper quartile."""


def time_interleaved(candidates: Mapping[str, Callable[[], object]], *, rounds: int, warmup: int) -> Timings:
    """Seconds per call; the order turns by one place each round, so that none always follows another."""
    names = list(candidates)
    for _ in range(warmup):
        for name in names:
            candidates[name]()
    timings: Timings = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            start = time.perf_counter()
            candidates[name]()
            timings[name].append(time.perf_counter() - start)
    return timings


def summarise_ratio(timings: Timings, candidate: str, *, against: str) -> Ratio:
    """How many times faster the candidate is than the other, round by round."""
    pairs = zip(timings[against], timings[candidate], strict=True)
    ratios = [other / own for other, own in pairs]
    if len(ratios) == 1:
        return Ratio(ratios[0], ratios[0], ratios[0])
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(median, low, high)
