"""Five hundred visits of one explorer, one after the other, many of them with new networks: is memory flat?

    python -m benchmarks.soak [--visits 500] [--kept-mb 16] [--json FILE]
    python -m benchmarks.soak --table       # of what was written, here and by benchmarks.visitors

Every visit is a new visitor's; every few visits bring a network and a clip that nobody has seen before,
and pages begin work on them. What the server remembers of results is bounded (app/cached_results.py); the
bound is set low here, so that it is soon reached and what still grows is seen. After each visit the memory of
the server with its children is read; the line through the second half says how fast it grows.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import streamlit
import torch

from benchmarks.explorer import read_processor_time
from benchmarks.machine import describe_machine
from benchmarks.open_pages import Drawn, open_page, read_memory
from benchmarks.serving import Server, serve
from benchmarks.visitors import MOST_P95_S, print_visitors, summarise_pages
from benchmarks.visitors import RESULT as VISITORS
from gst_analysis.analyses.traces.single_clips import planted_clips
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.files import to_json, write_whole
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec

RESULT = Path(__file__).parent / "results" / "soak.json"
FLAT = 0.05
"""Of the memory held: by how much it may grow over the second half of the visits."""
NEW_EVERY = 4
"""Visits from one new network and clip to the next."""
PAGES = ("", "space_and_time", "traces", "is_it_true", "report", "classes", "cost", "analyses", "train")
_WORK_S, _WARM_UP_S = 30.0, 20.0


def make_content(folder: Path) -> Iterator[tuple[str, str]]:
    """Ever new networks and clips, by their names; only the last few stay on the disk."""
    clips = [one.path for one in planted_clips(folder / "worlds", "static")]
    for number in itertools.count():
        network, clip = folder / f"network-{number}.pth", folder / f"clip-{number}.mp4"
        torch.manual_seed(number)
        made = build_model(ModelSpec.from_name("gst-resnet26s", width=16, num_classes=5)).eval()
        save_model(network, made, clip_spec=ClipSpec(resize=48, crop=48))
        shutil.copy(clips[number % len(clips)], clip)
        with clip.open("ab") as file:  # an empty box at its end, which players pass over
            file.write(bytes([0, 0, 0, 16]) + b"free" + number.to_bytes(8, "big"))
        for old in (folder / f"network-{number - 3}.pth", folder / f"clip-{number - 3}.mp4"):
            old.unlink(missing_ok=True)
        yield network.name, clip.name


async def visit_often(server: Server, folder: Path, visits: int) -> tuple[list[Drawn], list[float]]:
    """What was drawn, and megabytes after each visit."""
    content, drawn, memory = make_content(folder), [], []
    for number in range(visits):
        if number % NEW_EVERY == 0:
            network, clip = next(content)
        told = urlencode({"ckpt": network, "clip": clip})
        async with open_page(server.address) as page:
            drawn.append(await page.go(PAGES[number % len(PAGES)], told))
            until = time.perf_counter() + _WORK_S
            while page.is_watching and time.perf_counter() < until:
                await page.stay(1)
        memory.append(read_memory(server.process))
    return drawn, memory


def summarise_growth(memory: Sequence[float]) -> dict[str, Any]:
    """How fast memory grows over the second half of the visits, and whether that counts as flat."""
    late = list(memory[len(memory) // 2 :])
    slope = float(np.polyfit(np.arange(len(late)), late, 1)[0]) if len(late) > 1 else 0.0
    grown = slope * len(late)
    third = len(late) // 3 or 1
    return {
        "first_mb": memory[0],
        "half_mb": late[0],
        "last_mb": late[-1],
        "most_mb": max(memory),
        "slope_mb_per_100_visits": 100 * slope,
        "ends_of_half_mb": [statistics.median(late[:third]), statistics.median(late[-third:])],
        "grown_share": grown / statistics.median(late),
        "flat": grown <= FLAT * statistics.median(late),
    }


def measure_soak(visits: int, kept_mb: float) -> dict[str, Any]:
    """Start a server that remembers little, and visit it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with serve(folder, kept_bytes=round(kept_mb * 1e6)) as server:
            time.sleep(_WARM_UP_S)
            worked = read_processor_time(server.process)
            drawn, memory = asyncio.run(visit_often(server, folder, visits))
            worked = read_processor_time(server.process) - worked
    settings = {"visits": visits, "kept_mb": kept_mb, "new_every": NEW_EVERY}
    growth = summarise_growth(memory) | {"after_each_visit_mb": [round(one, 1) for one in memory]}
    return {"settings": settings, "processor_s": worked, "memory": growth, **summarise_pages(drawn)}


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--visits", type=int, default=500)
    parser.add_argument("--kept-mb", type=float, default=16.0, help="of results that the server remembers")
    parser.add_argument("--json", type=Path, default=RESULT, metavar="FILE", help="where the numbers go")
    parser.add_argument("--table", action="store_true", help="measure nothing: print the page's table")
    given = parser.parse_args()
    if given.table:
        print("\n".join(tabulate_visits(*(json.loads(path.read_text()) for path in (VISITORS, given.json)))))
        return
    found = measure_soak(given.visits, given.kept_mb)
    machine = describe_machine() | {"streamlit": streamlit.__version__}
    content = to_json({"machine": machine, **found}).encode()
    write_whole(given.json, lambda file: file.write(content), replace=True)
    print_visitors(found)
    print_growth(found["memory"])


def tabulate_visits(visitors: Mapping[str, Any], soak: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the table in docs/security.md, from what was written as JSON."""
    asked, growth, memory = visitors["settings"], soak["memory"], visitors["memory_mb"]
    together = f"{asked['visitors']} visitors, {asked['seconds'] / 60:g} minutes"
    yield f"| | {together} | {soak['settings']['visits']} visits, one after the other |"
    yield "|---|--:|--:|"
    for what, name in (("median", "median_s"), (f"95th percentile (≤ {MOST_P95_S:g})", "p95_s")):
        yield f"| seconds a page, {what} | {visitors[name]:.2f} | {soak[name]:.2f} |"
    slowest = (f"{one['slowest_s']:.2f} (*{one['slowest_page']}*)" for one in (visitors, soak))
    yield f"| seconds, the slowest page | {' | '.join(slowest)} |"
    yield f"| pages, and those that ended in an error | {' | '.join(map(_count_pages, (visitors, soak)))} |"
    ends = " – ".join(f"{megabytes:.0f}" for megabytes in growth["ends_of_half_mb"])
    kept = (("at first", memory["before"], growth["first_mb"]), ("most", memory["most"], growth["most_mb"]))
    for when, held, soaked in (*kept, ("at last", memory["after"], growth["last_mb"])):
        yield f"| memory, {when} (MB) | {held:.0f} | {soaked:.0f} |"
    share = f"{growth['grown_share']:+.2%} ({ends} MB)".replace("-", "−")
    yield f"| memory, its growth over the second half (≤ {FLAT:.0%}) | | {share} |"


def _count_pages(found: Mapping[str, Any]) -> str:
    return f"{found['pages']}, {len(found['failed'])}"


def print_growth(growth: dict[str, Any]) -> None:
    """Where memory began and ended, and how fast it grows."""
    places = ", ".join(f"{name} {growth[f'{name}_mb']:.0f}" for name in ("first", "half", "last", "most"))
    print(f"memory, MB: {places}")
    slope, share = growth["slope_mb_per_100_visits"], growth["grown_share"]
    verdict = "flat" if growth["flat"] else "growing"
    print(f"second half: {slope:+.1f} MB in 100 visits, {share:+.1%} in all, at most {FLAT:.0%}: {verdict}")


if __name__ == "__main__":
    main()
