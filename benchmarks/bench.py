"""Every target of speed, met or missed, with the ratio that was seen; about five minutes on two idle cores.

    make bench
    python -m benchmarks.bench [--threads 1 --shared] [--only forward,training] [--json FILE]
    python -m benchmarks.bench --report benchmarks/results/bench-cpu.json

A ratio is of two times of the same round. What needs a GPU is read from benchmarks/results/forward-gpu.json
and said to be so. A missed target is no failure: docs/performance.md says what limits it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.bench_rows import (
    Settings,
    Target,
    measure_commands,
    measure_explorer,
    measure_forward,
    measure_influence,
    measure_training,
)
from benchmarks.data_rows import measure_analyses, measure_loader
from benchmarks.machine import describe_machine
from benchmarks.settings import using_threads
from gst_analysis.files import to_json, write_whole

GPU = Path(__file__).parent / "results" / "forward-gpu.json"
PARTS: dict[str, Callable[[Settings], Iterator[Target]]] = {
    "forward": measure_forward,
    "training": measure_training,
    "influence": measure_influence,
    "commands": measure_commands,
    "explorer": measure_explorer,
    "loader": measure_loader,
    "analyses": measure_analyses,
}


def list_gpu_targets(path: Path = GPU) -> Iterator[Target]:
    """The last measurement on a GPU: of every setting the best of our forms, and of those the worst."""
    wanted = {"share of the 2-D time": (0.95, None), "times faster than 3-D": (None, 2.0)}
    record = json.loads(path.read_text()) if path.exists() else {"targets": []}
    for name, (most, least) in wanted.items():
        best: dict[str, float] = {}
        for one in record["targets"]:
            if one["target"] == name:
                values = [one["value"], *([best[one["setting"]]] if one["setting"] in best else [])]
                best[one["setting"]] = min(values) if most else max(values)
        worst = max if most else min
        value = worst(best.values()) if best else None
        spread = (min(best.values()), max(best.values())) if best else None
        machine = record.get("machine", {})
        note = f"{len(best)} settings on {machine.get('gpu')}, {machine.get('date')}" if best else ""
        yield Target(f"GPU: GST-R50, {name}", value, most, least, spread, note)


def format_row(target: Target) -> str:
    """One line: the promise, what was seen, the verdict."""
    sign, bound = ("≤", target.at_most) if target.at_most is not None else ("≥", target.at_least)
    verdict = {True: "met" if bound else "", False: "missed", None: "not measured"}[target.met]
    seen = "" if target.value is None else f"{target.value:.2f}"
    spread = "" if target.spread is None else f"{target.spread[0]:.2f}-{target.spread[1]:.2f}"
    bounds = "" if bound is None else f"{sign} {bound:g}"
    return f"{target.name:58}{bounds:>8}{seen:>8}  {spread:>13}  {verdict:12}  {target.note}".rstrip()


def tabulate_record(record: Mapping[str, Any]) -> Iterator[str]:
    """The lines of the table in docs/performance.md, from what was written as JSON."""
    yield "| what | target | seen | |"
    yield "|---|---|---|---|"
    for row in record["targets"]:
        signs = [f"{sign} {row[end]:g}" for sign, end in (("≤", "at_most"), ("≥", "at_least")) if row[end]]
        spread = "" if row["spread"] is None else f" ({row['spread'][0]:.2f}–{row['spread'][1]:.2f})"
        verdict = {True: "met", False: "**missed**", None: "not measured"}[row["met"]] if signs else ""
        name = row["name"] + (f"; {row['note']}" if row["note"] else "")
        seen = "" if row["value"] is None else f"{row['value']:.2f}{spread}"
        yield f"| {name} | {' '.join(signs)} | {seen} | {verdict} |"


def build_record(settings: Settings, machine: Any, targets: Sequence[Target], seconds: float) -> Any:
    """What is written as JSON."""
    rows = [{**asdict(target), "met": target.met} for target in targets]
    return {"settings": settings, "machine": machine, "seconds": seconds, "targets": rows}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__.splitlines()[0])
    for name in ("frames", "size", "rounds", "warmup", "threads"):
        parser.add_argument(
            f"--{name}", type=int, default=getattr(Settings(), name), help="default: %(default)s"
        )
    parser.add_argument("--shared", action="store_true", help="others use the machine: count processor time")
    parser.add_argument("--only", default=",".join(PARTS), help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    parser.add_argument("--report", type=Path, metavar="FILE", help="print FILE's table, and measure nothing")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    asked = vars(parse(arguments))
    if (written := asked.pop("report")) is not None:
        print("\n".join(tabulate_record(json.loads(written.read_text(encoding="utf-8")))))
        return 0
    parts, file = asked.pop("only").split(","), asked.pop("json")
    settings, start, targets = Settings(**asked), time.perf_counter(), []

    def tell(found: Iterator[Target]) -> None:
        for target in found:
            targets.append(target)
            print(format_row(target), flush=True)

    with using_threads(settings.threads) as threads:
        machine = describe_machine(threads=threads)
        print(", ".join(f"{name} {value}" for name, value in machine.items()))
        for part in parts:
            tell(PARTS[part](settings))
    tell(list_gpu_targets())
    seconds = time.perf_counter() - start
    missed = sum(target.met is False for target in targets)
    print(f"{missed} of {len(targets)} missed, in {seconds:.0f} s; docs/performance.md says what limits them")
    if file is not None:
        record = build_record(settings, machine, targets, seconds)
        write_whole(file, lambda handle: handle.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
