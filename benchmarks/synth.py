"""How long a planted world takes: wall time and processor time of 1,000 clips of 24 frames at 96 pixels.

    python benchmarks/synth.py [--clips 1000] [--workers 2] [--container mp4] [--difficulty medium]

Prints one JSON document. Processor time is the honest number on a machine that others use too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

from gst_analysis.planted.making import CONTAINERS, DIFFICULTIES, WORLDS, WorldConfig, make_world, read_world


def processor_seconds() -> float:
    """Of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def measure_world(config: WorldConfig, workers: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        where, wall, used = Path(folder) / "world", time.perf_counter(), processor_seconds()
        make_world(where, config, workers=workers)
        wall, used = time.perf_counter() - wall, processor_seconds() - used
        start = time.perf_counter()
        read_world(where)
        size = sum(path.stat().st_size for path in where.rglob("*") if path.is_file())
        return {
            "world": config.world,
            "wall_s": round(wall, 1),
            "processor_s": round(used, 1),
            "read_truth_s": round(time.perf_counter() - start, 2),
            "megabytes": round(size / 1e6, 1),
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--container", choices=CONTAINERS, default="mp4")
    parser.add_argument("--difficulty", choices=list(DIFFICULTIES), default="medium")
    asked = parser.parse_args()
    options = {"clips": asked.clips, "container": asked.container, "difficulty": asked.difficulty}
    rows = [measure_world(WorldConfig(world=world, **options), asked.workers) for world in WORLDS]
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    json.dump({**options, "workers": asked.workers, **machine, "worlds": rows}, sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
