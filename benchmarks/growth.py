"""How the cost of GST-ResNet-50 grows with frames, size and clips, beside a 2-D network that is fused alike.

    python -m benchmarks.growth [--threads 1 --shared] [--json benchmarks/results/growth-cpu.json]
    python -m benchmarks.growth --report benchmarks/results/growth-cpu.json

Every row is one forward pass, as a multiple of that of one clip of 8x224x224 in the same form and run.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch

from benchmarks.bench_rows import Settings, build_networks, time_calls
from benchmarks.machine import describe_machine
from benchmarks.settings import using_threads
from gst_analysis.files import to_json, write_whole
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.fused import fuse_network

BASE = (1, 8, 224)
SHAPES = (
    *[(1, frames, 224) for frames in (1, 2, 4, 16, 32, 64)],
    *[(1, 8, size) for size in (112, 160, 320)],
    *[(clips, 8, 224) for clips in (2, 4, 8)],
)
"""Clips, frames, pixels of a side: the base is run beside each."""


def measure_growth(
    settings: Settings, shapes: Sequence[tuple[int, int, int]] = SHAPES
) -> list[dict[str, object]]:
    """A row for every shape: its time over the base's, and the 2-D network's time over it."""
    gst, flat, _ = build_networks()
    fast, fast_flat = fuse_network(gst), fuse_network(flat)
    assert fast is not None
    assert fast_flat is not None
    forms = {"fused": fast, "folded": fold_norms(gst), "2-D fused": fast_flat}
    rows: list[dict[str, object]] = []
    for shape in shapes:
        calls: dict[str, Callable[[], object]] = {}
        for name, network in forms.items():
            for label, (clips, frames, size) in (("base", BASE), ("own", shape)):
                calls[f"{name} {label}"] = partial(network, torch.randn(clips, frames, 3, size, size))
        with torch.inference_mode():
            timings = time_calls(calls, settings)
        seconds = {name: [call.seconds for call in found] for name, found in timings.items()}

        def share(own: str, other: str, times: dict[str, list[float]] = seconds) -> float:
            return statistics.median(a / b for a, b in zip(times[own], times[other], strict=True))

        row: dict[str, object] = dict(zip(("clips", "frames", "size"), shape, strict=True))
        row |= {f"{name} over base": share(f"{name} own", f"{name} base") for name in forms}
        row["fused over 2-D"] = share("fused own", "2-D fused own")
        row["fused over folded"] = share("fused own", "folded own")
        rows.append(row)
        print("  ".join(f"{key} {value:.3g}" for key, value in row.items()), flush=True)
    return rows


def tabulate_growth(rows: Sequence[Mapping[str, float]]) -> Iterator[str]:
    """The lines of docs/performance.md's table."""
    yield "| clips | frames | pixels | times the base | for each of its pixels | over 2-D | over folded |"
    yield "|--:|--:|--:|--:|--:|--:|--:|"
    clips, frames, size = BASE
    for row in rows:
        work = row["clips"] * row["frames"] * row["size"] ** 2 / (clips * frames * size**2)
        cells = (row["fused over base"], row["fused over base"] / work)
        shares = (row["fused over 2-D"], row["fused over folded"])
        words = [*(f"{row[name]:.0f}" for name in ("clips", "frames", "size"))]
        yield "| " + " | ".join([*words, *(f"{value:.2f}" for value in (*cells, *shares))]) + " |"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=0, help="default: as many as there are cores")
    parser.add_argument("--shared", action="store_true", help="others use the machine: count processor time")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    parser.add_argument("--report", type=Path, metavar="FILE", help="print FILE's table, and measure nothing")
    asked = parser.parse_args(arguments)
    if asked.report is not None:
        print("\n".join(tabulate_growth(json.loads(asked.report.read_text(encoding="utf-8"))["rows"])))
        return 0
    settings = Settings(rounds=asked.rounds, threads=asked.threads, shared=asked.shared)
    with using_threads(asked.threads) as threads:
        rows, machine = measure_growth(settings), describe_machine(threads=threads)
    if asked.json is not None:
        record = {"settings": settings, "machine": machine, "rows": rows}
        write_whole(asked.json, lambda file: file.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
