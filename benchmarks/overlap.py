"""Where the time of an analysis of a data set goes: what is neither decoding nor its network, part by part.

    python -m benchmarks.overlap [--rounds 5] [--only evaluate] [--json FILE]

The cases of `make bench`, whose thread for the network is watched: seconds on the clock and of its processor,
each in one part alone. On a shared machine the clock says little; processor time stays within a fifth.
"""

from __future__ import annotations

import argparse
import importlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.data_rows import Spent, Stages, open_cases, spend
from benchmarks.machine import describe_machine
from gst_analysis.files import to_json, write_whole

FAST, FIRST, LATER = "making the fast form", "waiting for the first batch", "waiting for clips later on"
PIXELS, NETWORK, LAST = "normalising pixels", "the network", "the network, when all clips are read"
TABLES, REST = "tables and intervals", "everything else"
PARTS = (FIRST, LATER, FAST, PIXELS, NETWORK, LAST, TABLES, REST)
WATCHED = (
    (FAST, "gst_analysis.inference.conditions.fuse_network"),
    (FAST, "gst_analysis.analyses.ablation.work.fuse_network"),
    (PIXELS, "gst_analysis.inference.running.normalise_clips"),
    (PIXELS, "gst_analysis.probes.clip_stream.normalise_clips"),
    (NETWORK, "gst_analysis.networks.fused.FusedNetwork.forward"),
    (NETWORK, "gst_analysis.analyses.ablation.run.AblationRun.take"),
    (NETWORK, "gst_analysis.analyses.order.showing.Showing.take"),
    (TABLES, "gst_analysis.analyses.evaluation.measure.summarise_accuracy"),
    (TABLES, "gst_analysis.analyses.ablation.measure._build_result"),
    (TABLES, "gst_analysis.analyses.order.measure._build_result"),
    (LATER, "gst_analysis.inference.reading.ReadingAhead.__next__"),
)
"""Parts, and the functions whose time is theirs; what one of them calls of another's is the other's alone."""


class Watch:
    """Seconds of the main thread, on the clock and of its processor, in the part that is at work."""

    def __init__(self) -> None:
        self.spent = {part: [0.0, 0.0] for part in PARTS}
        self.stack, self.since = [REST], self._now()
        self.begun = self.read = False
        """Whether the network has had its first batch, and whether the last clip has been handed over."""
        self.owner = threading.get_ident()

    def wrap(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, watched; the fast form's trial belongs to making it, and threads are not watched."""

        def call(*given: Any, **more: Any) -> Any:
            if threading.get_ident() != self.owner or self.stack[-1] in (FAST, NETWORK, LAST):
                return function(*given, **more)
            self._switch(self.stack[-1])
            self.stack.append(self._name(part))
            try:
                return function(*given, **more)
            finally:
                self._switch(self.stack.pop())
                if part == LATER:
                    self.read = not given[0]._waiting

        return call

    def _name(self, part: str) -> str:
        if part == NETWORK:
            self.begun = True
            return LAST if self.read else NETWORK
        return FIRST if part == LATER and not self.begun else part

    def _switch(self, part: str) -> None:
        now = self._now()
        for number in (0, 1):
            self.spent[part][number] += now[number] - self.since[number]
        self.since = now

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.thread_time()

    def end(self) -> Mapping[str, Sequence[float]]:
        """What each part took."""
        self._switch(self.stack[-1])
        return self.spent


@contextmanager
def watching() -> Iterator[Watch]:
    """All functions watched while the block runs."""
    watch = Watch()
    with ExitStack() as stack:
        for part, name in WATCHED:
            stack.enter_context(patch(name, watch.wrap(part, find_function(name))))
        yield watch


def find_function(name: str) -> Callable[..., Any]:
    """A function of a module, or of a class in one."""
    place, _, last = name.rpartition(".")
    owner, _, kind = place.rpartition(".")
    holder = (
        getattr(importlib.import_module(owner), kind)
        if kind[:1].isupper()
        else importlib.import_module(place)
    )
    found: Callable[..., Any] = getattr(holder, last)
    return found


def measure_parts(stages: Stages, rounds: int) -> dict[str, Any]:
    """Medians over rounds: both stages alone, the whole, and its parts."""
    alone: dict[str, list[Spent]] = {"decode": [], "network": [], "whole": []}
    parts: dict[str, list[Sequence[float]]] = {part: [] for part in PARTS}
    for _ in range(rounds):
        alone["decode"].append(spend(stages.decode))
        alone["network"].append(spend(stages.network))
        with watching() as watch:
            alone["whole"].append(spend(stages.whole))
            for part, seconds in watch.end().items():
                parts[part].append(seconds)
    middle = {
        name: [
            statistics.median(getattr(one, kind) for one in spent) for kind in ("wall", "here", "elsewhere")
        ]
        for name, spent in alone.items()
    }
    slower = [
        max(two[0].wall, two[1].wall) / whole.wall
        for *two, whole in zip(alone["decode"], alone["network"], alone["whole"], strict=True)
    ]
    return {
        "alone": middle,
        "share": statistics.median(slower),
        "parts": {
            p: [statistics.median(one[n] for one in seen) for n in (0, 1)] for p, seen in parts.items()
        },
    }


def write_parts(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a case's table, in milliseconds."""
    (decode, _, reading), (network, own, _), (whole, here, elsewhere) = (
        found["alone"][one] for one in ("decode", "network", "whole")
    )
    yield f"\n| {name} | clock, ms | processor, ms |"
    yield "|---|---|---|"
    yield f"| decoding alone | {1e3 * decode:.0f} | {1e3 * reading:.0f} |"
    yield f"| the network alone | {1e3 * network:.0f} | {1e3 * own:.0f} |"
    share = f"the slower stage over it {found['share']:.2f}"
    yield f"| **the whole**: {share} | {1e3 * whole:.0f} | {1e3 * here:.0f} |"
    for part, seconds in found["parts"].items():
        yield f"| … {part} | {1e3 * seconds[0]:.0f} | {1e3 * seconds[1]:.0f} |"
    yield f"| reading threads meanwhile | | {1e3 * elsewhere:.0f} |"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overlap", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--only", default="", metavar="WORD", help="cases whose name begins so")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    asked = parser.parse_args(arguments)
    rows: dict[str, Any] = {}
    with open_cases() as cases:
        for name, stages in cases:
            if name.startswith(asked.only):
                stages.whole()  # imports, and files that come into memory
                rows[name] = measure_parts(stages, asked.rounds)
                print("\n".join(write_parts(name, rows[name])), flush=True)
    if asked.json is not None:
        record = {"machine": describe_machine(threads=1), "rounds": asked.rounds, "cases": rows}
        write_whole(asked.json, lambda handle: handle.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
