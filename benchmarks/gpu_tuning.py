"""Which plan of the compiled operator is fastest in each layer of GST-ResNet-50, and what a stem takes.

    python -m benchmarks.gpu_tuning --json plans.json [--seconds 80]

Candidates are compiled by many processes first (Triton keeps them on disk), then timed in turn and compared
with torch on random inputs. `forward_gpu --plans plans.json` runs with what was found.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.gpu import check_target
from benchmarks.gpu_timing import capture, spread_ms, time_rounds
from benchmarks.machine import describe_machine
from gst_analysis.files import to_json, write_whole
from gst_analysis.inference.gpu_plans import Flow, Layer, Plan, Tile, choose_plan
from gst_analysis.networks.operators import convolve_taps

_SIDES = {64: 56, 128: 28, 256: 14, 512: 7}
_FRAMES = 8
_TYPES = {"bf16": torch.bfloat16, "tf32": torch.float32}


def list_layers() -> list[Layer]:
    """The seven shapes of operator in GST-ResNet-50 with alpha = 1/4."""
    strides = [(64, 1), (128, 1), (256, 1), (512, 1), (128, 2), (256, 2), (512, 2)]
    return [Layer(c, c // 2, c - c // 4, c // 2, c // 4, stride) for c, stride in strides]


def list_plans(layer: Layer, kind: str) -> list[Plan]:
    """Candidates of a layer, the likeliest first."""
    size, quarter = (2 if kind == "bf16" else 4), layer.time_filters
    depth, narrow = min(128 // size, layer.space_reads), min(quarter, 64)
    times = [Tile(128, quarter, 1), *([Tile(256, quarter, 1)] if quarter >= 64 else [Tile(64, quarter, 1)])]
    spaces = [Tile(128, narrow, 3)]
    spaces += [Tile(128, min(128, 4 * quarter), 1)] if quarter != 64 else [Tile(256, 64, 1)]
    pixels = 49 * (512 // layer.channels) ** 2
    plans = [choose_plan(layer, Flow(clips, _FRAMES, pixels, size)) for clips in (32, 8, 1)]
    for space, over_time in itertools.product(spaces, times):
        most = max(tile.rows * tile.cols * tile.groups for tile in (space, over_time))
        for warps, stages in ((8, 3), (8, 4)) if most > 2**13 else ((4, 3), (4, 4), (8, 3)):
            plans.append(Plan(space, over_time, depth, warps, stages))
    small = min(32, quarter)
    for stages in (3, 5):
        plans.append(Plan(Tile(64, small, 3), Tile(64, small, 1), depth, 4, stages))
        plans.append(Plan(Tile(32, small, 1), Tile(32, small, 1), depth, 4, stages))
    return list(dict.fromkeys(plans))


class Trial:
    """One layer's operator with random weights, and its input."""

    def __init__(self, layer: Layer, kind: str, batch: int, side: int, device: torch.device) -> None:
        from gst_analysis.inference.gpu_kernels import Part, pack

        self.layer, self.kind = layer, kind
        generator = torch.Generator(device).manual_seed(layer.channels + batch)

        def draw(*shape: int, scale: float = 1.0) -> Tensor:
            values = torch.randn(shape, generator=generator, device=device) * scale
            return values.to(_TYPES[kind])

        reads = layer.space_reads
        self.x = draw(batch * _FRAMES, layer.channels, side, side).contiguous(
            memory_format=torch.channels_last
        )
        self.within = draw(layer.space_filters, reads, 3, 3, scale=(9 * reads) ** -0.5)
        self.across = draw(layer.time_filters, reads, 3, 3, 3, scale=(27 * reads) ** -0.5)
        self.bias = draw(layer.channels)
        self.parts = Part(pack(self.within), 0, reads), Part(pack(self.across), layer.channels - reads, reads)

    def run(self, plan: Plan) -> Tensor:
        from gst_analysis.inference.gpu_kernels import operate

        return operate(
            self.x, *self.parts, self.bias, _FRAMES, stride=self.layer.stride, plan=plan, precision="tf32"
        )

    def truth(self) -> Tensor:
        """In float32 by torch (TF32): near enough to find a plan that is wrong."""
        x, reads, stride = self.x.float(), self.layer.space_reads, self.layer.stride
        y = F.conv2d(x[:, :reads], self.within.float(), None, stride, 1)
        moved = convolve_taps(x[:, -reads:], self.across.float(), _FRAMES, stride=stride)
        return F.relu(torch.cat([y, moved], 1) + self.bias.float()[:, None, None])


def compile_plan(kind: str, layer: Layer, plan: Plan) -> tuple[float, str]:
    """In a process of its own: seconds, and what went wrong."""
    start = time.perf_counter()
    try:
        Trial(layer, kind, 1, 8, torch.device("cuda")).run(plan)
        torch.cuda.synchronize()
    except Exception as error:  # a plan that needs more than the card has
        return time.perf_counter() - start, f"{type(error).__name__}: {error}"[:200]
    return time.perf_counter() - start, ""


def compile_all(
    kinds: Sequence[str], seconds: float
) -> tuple[dict[tuple[str, Layer, Plan], float], list[str]]:
    """Seconds of every candidate that was compiled in time, and what failed."""
    asked = [(kind, layer, list_plans(layer, kind)) for kind in kinds for layer in list_layers()]
    rounds = itertools.zip_longest(*([(kind, layer, plan) for plan in plans] for kind, layer, plans in asked))
    jobs = [job for row in rounds for job in row if job is not None]
    done: dict[tuple[str, Layer, Plan], float] = {}
    failed: list[str] = []
    workers = min(len(jobs), max(1, (os.cpu_count() or 2) - 1))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(compile_plan, *job): job for job in jobs}
        finished, late = wait(futures, timeout=seconds)
        for future in late:
            future.cancel()
        for future in finished:
            took, wrong = future.result()
            if wrong:
                failed.append(f"{futures[future]}: {wrong}")
            else:
                done[futures[future]] = took
    print(f"compiled {len(done)} of {len(jobs)}, {len(failed)} failed", flush=True)
    return done, failed


def time_layer(kind: str, layer: Layer, batch: int, plans: Sequence[Plan]) -> Iterator[dict[str, Any]]:
    """Every candidate's milliseconds and difference from torch, the fastest first."""
    device = torch.device("cuda")
    trial = Trial(layer, kind, batch, _SIDES[layer.channels] * layer.stride, device)
    truth = trial.truth()
    ready: dict[Plan, Callable[[], Tensor]] = {}
    differences = {}
    for plan in plans:
        found = trial.run(plan).float()
        differences[plan] = float((found - truth).norm() / truth.norm())
        ready[plan] = capture(partial(trial.run, plan), None)
    del truth
    timings = time_rounds({str(plan): run for plan, run in ready.items()}, device, rounds=8, seconds=0.25)
    default = choose_plan(layer, Flow(batch, _FRAMES, _SIDES[layer.channels] ** 2, trial.x.element_size()))
    flops = 2 * 9 * layer.channels**2 * 0.75 * batch * _FRAMES * _SIDES[layer.channels] ** 2
    rows: list[dict[str, Any]] = [
        {
            "kind": kind,
            "layer": layer,
            "batch": batch,
            "plan": plan,
            "ms": spread_ms(timings[str(plan)]).median,
            "tflops": flops / spread_ms(timings[str(plan)]).median / 1e9,
            "difference": differences[plan],
            "default": plan == default,
        }
        for plan in plans
    ]
    yield from sorted(rows, key=lambda row: row["ms"])


def time_stems(kind: str, batch: int) -> dict[str, float]:
    """Milliseconds of the first convolution with what stands around it, in every form."""
    from gst_analysis.inference.gpu_stem import part_filters, part_pixels, pool_relu

    device, last = torch.device("cuda"), torch.channels_last
    x = (
        torch.randn(batch * _FRAMES, 3, 224, 224, device=device)
        .to(_TYPES[kind])
        .contiguous(memory_format=last)
    )
    weight = (torch.randn(64, 3, 7, 7, device=device) / 12).to(x).contiguous(memory_format=last)
    bias, parted = torch.randn(64, device=device).to(x), part_filters(weight)

    def plain() -> Tensor:
        return F.conv2d(x, weight, None, 2, 3)

    def squares() -> Tensor:
        return F.conv2d(part_pixels(x, x.dtype), parted)

    def fused() -> Tensor:
        return torch.cudnn_convolution_relu(x, weight, bias, (2, 2), (3, 3), (1, 1), 1)

    y = plain()
    forms: dict[str, Callable[[], Tensor]] = {
        "convolution, bias, ReLU, pool": lambda: F.max_pool2d(
            F.relu(F.conv2d(x, weight, bias, 2, 3)), 3, 2, 1
        ),
        "cuDNN's convolution with bias and ReLU, pool": lambda: F.max_pool2d(fused(), 3, 2, 1),
        "convolution, pool, bias, ReLU": lambda: F.relu(F.max_pool2d(plain(), 3, 2, 1) + bias[:, None, None]),
        "convolution, compiled pool": lambda: pool_relu(plain(), bias),
        "squares, pool, bias, ReLU": lambda: F.relu(F.max_pool2d(squares(), 3, 2, 1) + bias[:, None, None]),
        "squares, compiled pool": lambda: pool_relu(squares(), bias),
        "squares made alone": lambda: part_pixels(x, x.dtype),
        "compiled pool alone": lambda: pool_relu(y, bias),
        "pool alone": lambda: F.max_pool2d(y, 3, 2, 1),
    }
    timings = time_rounds(
        {name: capture(run, None) for name, run in forms.items()}, device, rounds=8, seconds=0.3
    )
    return {name: spread_ms(calls).median for name, calls in timings.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu_tuning", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--json", type=Path, required=True, metavar="FILE")
    parser.add_argument("--kinds", default="bf16,tf32")
    parser.add_argument("--batches", default="32,8,1")
    parser.add_argument("--seconds", type=float, default=60.0, help="of compiling; what is late is left out")
    parser.add_argument("--total", type=float, default=90.0, help="seconds after which no layer is begun")
    asked = parser.parse_args(arguments)
    start, device = time.perf_counter(), torch.device("cuda")
    check_target(asked.json, device)
    kinds = asked.kinds.split(",")
    compiled, failed = compile_all(kinds, asked.seconds)
    compiling = time.perf_counter() - start
    rows: list[dict[str, Any]] = []
    stems: dict[str, dict[str, float]] = {}
    torch.backends.cudnn.allow_tf32 = True
    for kind, batch in itertools.product(kinds, map(int, asked.batches.split(","))):
        for layer in list_layers():
            plans = [plan for one, other, plan in compiled if (one, other) == (kind, layer)]
            if plans and time.perf_counter() - start < asked.total:
                try:
                    rows += time_layer(kind, layer, batch, plans)
                except Exception as error:  # one layer's fault leaves the others
                    failed.append(f"{kind}, {layer}, {batch}: {type(error).__name__}: {error}"[:300])
        try:
            stems[f"{kind}, batch {batch}"] = time_stems(kind, batch)
        except Exception as error:
            failed.append(f"stem, {kind}, {batch}: {type(error).__name__}: {error}"[:300])
    record = {
        "machine": describe_machine(device=device),
        "seconds_of_compiling": compiling,
        "seconds_a_plan": sorted(compiled.values()),
        "seconds": time.perf_counter() - start,
        "stems_ms": stems,
        "failed": failed,
        "rows": rows,
    }
    write_whole(asked.json, lambda file: file.write(to_json(record).encode()))
    print_table(rows, stems, failed)
    return 0


def print_table(rows: list[dict[str, Any]], stems: dict[str, dict[str, float]], failed: list[str]) -> None:
    """The fastest three of every layer, and the plan that the product would choose."""
    for key, group in itertools.groupby(rows, key=lambda row: (row["kind"], row["batch"], row["layer"])):
        for place, row in enumerate(group):
            if place < 3 or row["default"]:
                mark = "*" if row["default"] else " "
                layer, plan = key[2], row["plan"]
                print(
                    f"{key[0]} {key[1]:3} {layer.channels:4} s{layer.stride} "
                    f"{row['ms']:8.4f} ms {row['tflops']:5.0f} "
                    f"{row['difference']:.1e} {mark} {tuple(plan.space)} {tuple(plan.time)} "
                    f"d{plan.depth} w{plan.warps} s{plan.stages}"
                )
    print(json.dumps(stems, indent=1))
    print("\n".join(failed[:20]), flush=True)


def read_plans(path: Path) -> Callable[[Layer, Flow], Plan]:
    """The fastest plan of a tuned layer, of the batch that is nearest; any other as the product has it."""
    best: dict[tuple[int, Layer], dict[int, Plan]] = {}
    for row in json.loads(path.read_text())["rows"]:
        if row["difference"] < 2e-2:
            size = 2 if row["kind"] == "bf16" else 4
            space, time_tile, *rest = row["plan"]
            plan = Plan(Tile(*space), Tile(*time_tile), *rest)
            best.setdefault((size, Layer(*row["layer"])), {}).setdefault(row["batch"], plan)

    def choose(layer: Layer, flow: Flow) -> Plan:
        known = best.get((flow.size, layer))
        if known is None:
            return choose_plan(layer, flow)
        batch = flow.clips * flow.frames / _FRAMES
        return known[min(known, key=lambda one: abs(one - batch))]

    return choose


if __name__ == "__main__":
    sys.exit(main())
