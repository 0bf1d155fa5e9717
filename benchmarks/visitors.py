"""Twenty visitors of one explorer for three minutes: how long they wait for a page, and what memory it takes.

    python -m benchmarks.visitors [--visitors 20 --seconds 180] [--json FILE]

All come at once, each with a plan of its own (seeded): a page about one of the shipped networks, a few
seconds to look at it, the next page. Pages ask for work as they do of anybody: traces of planted clips,
evaluations, evidence. A page's time goes from asking for it to the end of its script; work that it has begun
beside itself goes on, and the visitor watches it until the next page. Memory is that of the server with its
children: once it has warmed up, at its most, and after all have left. Seconds on the clock mean little while
others use the machine: its load before is told, too.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import streamlit

from app.navigation import list_pages
from app.paths import SHIPPED
from benchmarks.explorer import read_processor_time
from benchmarks.machine import describe_machine
from benchmarks.open_pages import Drawn, open_page, read_memory
from benchmarks.serving import Server, serve
from gst_analysis.files import to_json, write_whole

RESULT = Path(__file__).parent / "results" / "visitors.json"
MOST_P95_S = 10.0
"""What is promised for two idle cores."""
LOOKS_S = 2.0, 8.0
"""Seconds that a visitor looks at a page, from and to."""
WARM_UP_S, LEAVE_S = 20.0, 60.0
VIEWS = {
    "space_and_time": ("Histograms", "Overlay", "Statistics", "Importance"),
    "classes": ("Accuracy", "Taken for what", "Clips"),
}
WORLDS = ("state-change", "temporal", "static")
CLIPS_OF_A_WORLD = 4


def plan_visit(chance: random.Random) -> tuple[str, str]:
    """The next page of a visitor, and its address."""
    page = chance.choice([one.script for one in list_pages()])
    network = chance.choice(sorted(str(path) for path in SHIPPED.glob("*.pth")))
    told = {"ckpt": network}
    if page in VIEWS:
        told["view"] = chance.choice(VIEWS[page])
    if page == "traces":
        told["clip"] = f"planted:{chance.choice(WORLDS)}/{chance.randrange(CLIPS_OF_A_WORLD)}"
    if page == "cost":
        told["frames"] = str(chance.choice((4, 8, 16, 32)))
    return ("" if page == "start" else page), urlencode(told)


async def look_around(address: str, chance: random.Random, until: float) -> list[Drawn]:
    """One visitor, from page to page."""
    drawn = []
    async with open_page(address) as page:
        while time.perf_counter() < until:
            drawn.append(await page.go(*plan_visit(chance)))
            await page.stay(min(chance.uniform(*LOOKS_S), max(0.0, until - time.perf_counter())))
    return drawn


async def visit_all(server: Server, visitors: int, seconds: float, seed: int) -> tuple[list[Drawn], float]:
    """All visitors together; what they saw, and the most memory meanwhile."""
    until = time.perf_counter() + seconds
    chances = [random.Random(f"{seed} {number}") for number in range(visitors)]
    watch = asyncio.create_task(_watch_memory(server.process))
    seen = await asyncio.gather(*(look_around(server.address, chance, until) for chance in chances))
    watch.cancel()
    most = await asyncio.gather(watch, return_exceptions=True)
    assert isinstance(most[0], float), most
    return [one for drawn in seen for one in drawn], most[0]


async def _watch_memory(process: int) -> float:
    most = 0.0
    try:
        while True:
            most = max(most, read_memory(process))
            await asyncio.sleep(1)
    except asyncio.CancelledError:
        return max(most, read_memory(process))


def summarise_pages(drawn: Sequence[Drawn]) -> dict[str, Any]:
    """Seconds a page: the middle one, what one in twenty exceeds, and the slowest; for all and by page."""
    names = sorted({one.page for one in drawn})
    by_page = {name or "start": _summarise([d.seconds for d in drawn if d.page == name]) for name in names}
    found = _summarise([one.seconds for one in drawn])
    slowest = max(drawn, key=lambda one: one.seconds).page or "start"
    failed = sorted(one.page or "start" for one in drawn if one.failed)
    return {**found, "slowest_page": slowest, "failed": failed, "by_page": by_page}


def _summarise(seconds: Sequence[float]) -> dict[str, float]:
    order = sorted(seconds)
    return {
        "pages": len(order),
        "median_s": statistics.median(order),
        "p95_s": order[math.ceil(0.95 * len(order)) - 1],
        "slowest_s": order[-1],
    }


def measure_visitors(visitors: int, seconds: float, seed: int) -> dict[str, Any]:
    """Start a server, let them come, and wait until they are forgotten."""
    load = os.getloadavg()[0]
    with serve() as server:
        time.sleep(WARM_UP_S)
        before, worked = read_memory(server.process), read_processor_time(server.process)
        drawn, most = asyncio.run(visit_all(server, visitors, seconds, seed))
        worked = read_processor_time(server.process) - worked
        time.sleep(LEAVE_S)
        memory = {"before": before, "most": most, "after": read_memory(server.process)}
    settings = {
        "visitors": visitors,
        "seconds": seconds,
        "seed": seed,
        "looks_s": LOOKS_S,
        "load_before": load,
    }
    return {"settings": settings, "processor_s": worked, "memory_mb": memory, **summarise_pages(drawn)}


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=RESULT, metavar="FILE", help="where the numbers go")
    given = parser.parse_args()
    found = measure_visitors(given.visitors, given.seconds, given.seed)
    met = found["p95_s"] <= MOST_P95_S
    machine = describe_machine() | {"streamlit": streamlit.__version__}
    content = to_json({"machine": machine, "most_p95_s": MOST_P95_S, "met": met, **found}).encode()
    write_whole(given.json, lambda file: file.write(content), replace=True)
    print_visitors(found)


def print_visitors(found: dict[str, Any]) -> None:
    """A line for all pages, a line for each, and memory."""
    rows = {"all": found, **found["by_page"]}
    print(f"{'page':16} visits  median     p95  slowest")
    for name, row in rows.items():
        times = "".join(f"{row[key]:8.2f}" for key in ("median_s", "p95_s", "slowest_s"))
        print(f"{name:16} {row['pages']:6}{times}")
    print(f"p95 at most {MOST_P95_S:g} s: {'met' if found['p95_s'] <= MOST_P95_S else 'missed'}")
    for when, held in found.get("memory_mb", {}).items():
        print(f"memory {when}: {held:.0f} MB")
    if found["failed"]:
        print("ended in an error:", *found["failed"])


if __name__ == "__main__":
    main()
