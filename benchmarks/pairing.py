"""Paired, interleaved timing: calls in, the seconds of every round out.

Every round runs each candidate once, so that whatever else the machine does meets them all; a ratio is
the median over rounds of two times *of the same round*, never of two medians taken apart. With more
than one try a call waits for a quiet moment, and is made again if other processes used the processors
meanwhile: two threads that wait for each other lose far more than the share that was taken from them.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

QUIET = 0.08  # processor seconds that others may use in a second of a call
GLANCE_S = 0.25  # how long to look before a moment counts as quiet
LOOKS = 20  # before a call is made anyway


@dataclass(frozen=True)
class Call:
    """One timed call, and how many processor seconds a second others used meanwhile."""

    seconds: float
    others: float


@dataclass(frozen=True)
class Ratio:
    """How many times faster, over the rounds: the median and the quartiles."""

    median: float
    low: float
    high: float


Timings = dict[str, list[Call]]
Clock = Callable[[], float]


def time_interleaved(
    candidates: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warmup: int,
    tries: int = 1,
    clock: Clock = time.perf_counter,
) -> Timings:
    """Time every candidate once a round; the order turns by one place each round.

    With one thread `time.thread_time` is a clock that stands still while others use the processor.
    """
    names = list(candidates)
    for _ in range(warmup):
        for name in names:
            candidates[name]()
    timings: Timings = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            timings[name].append(time_call(candidates[name], tries=tries, clock=clock))
    return timings


def time_call(call: Callable[[], object], *, tries: int = 1, clock: Clock = time.perf_counter) -> Call:
    """The first of some tries that nobody disturbed, or the least disturbed one."""
    calls = []
    for _ in range(tries):
        if tries > 1:
            _await_quiet()
        others, start = _others_seconds(), clock()
        call()
        seconds = clock() - start
        calls.append(Call(seconds, max(0.0, _others_seconds() - others) / seconds))
        if calls[-1].others <= QUIET:
            break
    return min(calls, key=lambda one: one.others)


def _await_quiet() -> None:
    """Look on until nobody else is busy, but not for ever."""
    for _ in range(LOOKS):
        others = _others_seconds()
        time.sleep(GLANCE_S)
        if _others_seconds() - others <= QUIET * GLANCE_S:
            return


def summarise_ratio(timings: Timings, candidate: str, *, against: str) -> Ratio:
    """How many times faster the candidate is than the other, round by round."""
    pairs = zip(timings[against], timings[candidate], strict=True)
    ratios = [other.seconds / own.seconds for other, own in pairs]
    if len(ratios) == 1:
        return Ratio(ratios[0], ratios[0], ratios[0])
    low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return Ratio(median, low, high)


def median_ms(calls: list[Call]) -> float:
    return 1000 * statistics.median(call.seconds for call in calls)


def _others_seconds() -> float:
    """Processor seconds that all other processes have used since the start; 0 where that cannot be known."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = map(int, stat.read_text().split()[1:9])
    busy = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return busy - time.process_time()
