"""The causal check with shared prefixes against whole forward passes: time and multiply-adds, in one run.

    python -m benchmarks.ablation [--model gst-resnet50 --size 112 --batch 2 --rounds 5] [--json FILE]

Both ways change the same groups in the same ways on the same clips and must give the same numbers. The plain
way runs the whole network for each; both run it once more for the untouched answers and once for the means.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.machine import describe_machine
from benchmarks.pairing import Ratio, median_ms, summarise_ratio, time_interleaved
from gst_analysis.analyses.ablation.run import AblationRun
from gst_analysis.analyses.ablation.table import INTERVENTIONS
from gst_analysis.files import to_json, write_whole
from gst_analysis.networks.network import VideoNetwork, average_frames
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.probes.clip_stream import Batch
from gst_analysis.probes.hooks import changed_output, list_units

TARGET = 0.6


@dataclass(frozen=True)
class Settings:
    model: str = "gst-resnet26s"
    alpha: str = "1/4"
    frames: int = 8
    size: int = 64
    batch: int = 8
    rounds: int = 5
    warmup: int = 1
    tries: int = 1
    threads: int = 1


@dataclass(frozen=True)
class Measured:
    """Shared prefixes over whole passes: below 1 is cheaper."""

    shared_ms: float
    whole_ms: float
    time: Ratio
    processor_time: float
    """Of the median calls: waiting for a processor that others use is not in it."""
    multiply_adds: float
    largest_difference: float


def build_ways(settings: Settings) -> dict[str, Callable[[], np.ndarray]]:
    """Both ways as calls that return each change's judgements (rows, 3, clips)."""
    torch.manual_seed(0)
    spec = ModelSpec.from_name(settings.model, alpha=settings.alpha, num_frames=settings.frames)
    network = build_model(spec).eval()
    clips = torch.randn(settings.batch, settings.frames, 3, settings.size, settings.size)
    batch = Batch(clips, torch.arange(settings.batch) % spec.num_classes, tuple(range(settings.batch)))
    return {"shared": lambda: run_shared(network, batch), "whole": lambda: run_whole(network, batch)}


def run_shared(network: VideoNetwork, batch: Batch) -> np.ndarray:
    """The product's way, with its pass for the means."""
    run = _prepare(network, batch)
    run.take(batch, 0)
    return run.changed[0]


def run_whole(network: VideoNetwork, batch: Batch) -> np.ndarray:
    """The plain way: a whole forward pass for every change."""
    run = _prepare(network, batch)
    average_frames(network(batch.clips))
    judged = []
    for unit, change in run.list_changes(batch, 0):
        with changed_output(network, unit.layer, change):
            judged.append(run.judge(average_frames(network(batch.clips)), batch.labels))
    return np.stack(judged)


def _prepare(network: VideoNetwork, batch: Batch) -> AblationRun:
    run = AblationRun(network, INTERVENTIONS, list_units(network.spec))
    network(batch.clips)  # stands for the pass that takes the means
    widths = {unit.layer: unit.channels.stop for unit in list_units(network.spec)}  # the last group's end
    run.means = {layer: torch.zeros(width) for layer, width in widths.items()}
    return run


@torch.no_grad()
def measure_ways(settings: Settings) -> Measured:
    """Time both in turn, count both, compare both."""
    torch.set_num_threads(settings.threads)
    ways = build_ways(settings)
    work = {}
    results = {}
    for name, call in ways.items():
        with FlopCounterMode(display=False) as counter:
            results[name] = call()
        work[name] = counter.get_total_flops()
    spent: dict[str, list[float]] = {name: [] for name in ways}
    watched = {name: _watch(call, spent[name]) for name, call in ways.items()}
    timings = time_interleaved(watched, rounds=settings.rounds, warmup=settings.warmup, tries=settings.tries)
    processor = {name: statistics.median(seconds) for name, seconds in spent.items()}
    return Measured(
        shared_ms=median_ms(timings["shared"]),
        whole_ms=median_ms(timings["whole"]),
        time=_invert(summarise_ratio(timings, "shared", against="whole")),
        processor_time=processor["shared"] / processor["whole"],
        multiply_adds=work["shared"] / work["whole"],
        largest_difference=float(np.abs(results["shared"] - results["whole"]).max()),
    )


def _watch(call: Callable[[], object], spent: list[float]) -> Callable[[], None]:
    def run() -> None:
        start = time.process_time()
        call()
        spent.append(time.process_time() - start)

    return run


def _invert(ratio: Ratio) -> Ratio:
    """Times faster -> share of the time."""
    return Ratio(1 / ratio.median, 1 / ratio.high, 1 / ratio.low)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ablation", description=__doc__.splitlines()[0]
    )
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value, help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    asked = vars(parser.parse_args(arguments))
    target = asked.pop("json")
    settings = Settings(**asked)
    found = measure_ways(settings)
    print(
        f"{settings.model}, {settings.batch} clips of {settings.frames} frames of "
        f"{settings.size}x{settings.size}, {settings.threads} threads"
    )
    print(f"whole passes {found.whole_ms:.0f} ms, shared prefixes {found.shared_ms:.0f} ms")
    print(
        f"share of the time: {found.time.median:.3f} (quartiles {found.time.low:.3f}-{found.time.high:.3f})"
    )
    print(f"share of the processor time: {found.processor_time:.3f}")
    print(f"share of the multiply-adds: {found.multiply_adds:.3f}")
    print(f"largest difference of any number: {found.largest_difference:.1e}")
    for what, share in (("time", found.time.median), ("processor time", found.processor_time)):
        print(f"at most {TARGET} of the {what}: {'met' if share <= TARGET else 'not met'}")
    if target is not None:
        record = {"settings": settings, "threads": settings.threads, "measured": found}
        record["machine"] = describe_machine(threads=settings.threads)
        write_whole(target, lambda file: file.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
