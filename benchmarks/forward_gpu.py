"""The forward pass of GST-ResNet-50 on a GPU, against a 2-D ResNet-50 and against plain 3-D convolutions.

    python -m benchmarks.forward_gpu [--json benchmarks/results/forward-gpu.json] [--deadline 200]

All have the same weights where they can, are treated alike (channels_last, weights and clips cast before,
batch norms folded or not) and are timed in turn, round by round, between events of the GPU. How far logits
are from fp32 is in the result, and so are the card's own ceilings (products of matrices, a copy) and the
share of them that each network reaches. Other forms of GST's operator, a step of training, torch.compile and
the kernels in which time goes are parts of their own. The file is written after every step of the plan, so
that a run that is cut short keeps what it has; after the deadline no new step is begun.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torchvision

from benchmarks.gpu import check_target
from benchmarks.gpu_networks import Setting, build_networks
from benchmarks.gpu_parts import measure_compiled, measure_families, measure_forms, measure_training, profile
from benchmarks.gpu_rows import Bench, judge, measure_ceilings
from benchmarks.gpu_tuning import read_plans
from benchmarks.machine import describe_machine
from benchmarks.settings import add_settings
from gst_analysis.errors import GstError
from gst_analysis.files import to_json, write_whole
from gst_analysis.inference import gpu_steps
from gst_analysis.inference.settings import choose_device

Step = tuple[str, Callable[[], object]]


@dataclass(frozen=True)
class Settings:
    device: str = "cuda"
    model: str = "gst-resnet50"
    alpha: str = "1/4"
    size: int = 224
    frames: str = "8,16"
    batches: str = "1,8,32"
    precisions: str = "bf16,tf32,fp32"
    most: int = 64
    """The largest batch, at bf16 alone; 0: none."""
    parts: str = "forward,forms,training,profile,compiled,families"
    families: str = "gst-large,c3d,p3d,sth"
    rounds: int = 30
    seconds: float = 1.0
    """After so many no further round is begun, beyond four."""
    matrix: int = 8192
    copied_mib: int = 2048
    deadline: float = 0.0
    """Seconds after which no new step is begun; 0: none."""
    plans: str = ""
    """A file of `gpu_tuning`, whose plans the compiled operator is run with; the product's own if empty."""


@dataclass(frozen=True)
class Plan:
    """Which settings each part is run in."""

    settings: Settings

    @property
    def kinds(self) -> list[str]:
        return self.settings.precisions.split(",")

    @property
    def lengths(self) -> list[int]:
        return [int(frames) for frames in self.settings.frames.split(",")]

    @property
    def batches(self) -> list[int]:
        return [int(batch) for batch in self.settings.batches.split(",")]

    @property
    def fast(self) -> list[str]:
        """Precisions that the tensor cores know."""
        return [kind for kind in self.kinds if kind != "fp32"]

    def forward(self, frames: int) -> list[Setting]:
        sizes = {kind: list(self.batches) for kind in self.kinds}
        if self.settings.most and "bf16" in sizes:
            sizes["bf16"].append(self.settings.most)
        return [Setting(kind, batch, frames) for kind in self.kinds for batch in sizes[kind]]

    def ends(self) -> list[Setting]:
        """The largest batch and the smallest, in the first number of frames."""
        ends = sorted({self.batches[0], self.batches[-1]}, reverse=True)
        return [Setting(kind, batch, self.lengths[0]) for kind in self.fast for batch in ends]

    def is_full(self, setting: Setting) -> bool:
        return setting in self.ends() and setting.batch == self.batches[-1]


def list_steps(bench: Bench, settings: Settings, kernels: dict[str, Any]) -> Iterator[Step]:
    """The steps of the asked parts, the most wanted first."""
    plan, wanted = Plan(settings), settings.parts.split(",")
    gpu = bench.device.type == "cuda"
    first = [setting for setting in plan.ends() if plan.is_full(setting)][:1]

    def note_kernels(setting: Setting) -> None:
        kernels[str(setting)] = profile(bench, setting)

    forward = [
        ("forward", partial(measure_setting, bench, plan, one)) for one in plan.forward(plan.lengths[0])
    ]
    full = [setting for setting in plan.ends() if plan.is_full(setting)]
    steps: list[tuple[str, Callable[[], object]]] = []
    steps += [step for step in forward if step[1].args[2].precision != "fp32"]
    steps += [("profile", partial(note_kernels, one)) for one in full]
    steps += [("forms", partial(measure_forms, bench, one, graphs=gpu)) for one in first]
    steps += [("training", partial(measure_training, bench, one)) for one in first]
    compiled = [("compiled", partial(measure_compiled, bench, one, "2-D|GST")) for one in plan.ends()]
    steps += compiled[:1]
    for frames in plan.lengths[1:]:
        longer = plan.forward(frames)
        steps += [
            ("forward", partial(measure_setting, bench, plan, one))
            for one in longer
            if one.precision == "bf16"
        ]
    steps += [step for step in forward if step[1].args[2].precision == "fp32"]
    families = partial(measure_families, bench, families=settings.families)
    steps += [("families", partial(families, one)) for one in full]
    steps += [
        ("forms", partial(measure_forms, bench, one, graphs=gpu)) for one in plan.ends() if one not in first
    ]
    steps += compiled[1:]
    for frames in plan.lengths[1:]:
        longer = plan.forward(frames)
        steps += [
            ("forward", partial(measure_setting, bench, plan, one))
            for one in longer
            if one.precision != "bf16"
        ]
    yield from (step for step in steps if step[0] in wanted)


def measure_setting(bench: Bench, plan: Plan, setting: Setting) -> None:
    """Every network launched eagerly, as a CUDA graph, and with cuDNN's algorithms tuned."""
    runs = bench.prepare(bench.kinds(setting), setting)
    bench.measure("forward", setting, runs)
    if bench.device.type != "cuda":
        return
    if setting.precision in plan.fast and (setting.batch <= 8 or plan.is_full(setting)):
        bench.measure("forward", setting, runs, graphs=True, mode="graph")
    if plan.is_full(setting) and setting.precision == plan.fast[0]:
        torch.backends.cudnn.benchmark = True
        bench.measure("forward", setting, runs, mode="eager, tuned")
        torch.backends.cudnn.benchmark = False


def measure(settings: Settings, save: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Run the steps; the record is saved after each."""
    start, device = time.perf_counter(), choose_device(settings.device)
    networks = build_networks(settings.model, settings.alpha, device, size=settings.size)
    bench = Bench(device, networks, settings.size, settings.rounds, settings.seconds)
    bench.rates = measure_ceilings(device, side=settings.matrix, copied_mib=settings.copied_mib)
    print(", ".join(f"{name} {rate / 1e12:.1f} T/s" for name, rate in bench.rates.items()), flush=True)
    kernels: dict[str, Any] = {}
    for name, step in list_steps(bench, settings, kernels):
        if settings.deadline and time.perf_counter() - start > settings.deadline:
            bench.failures.append(f"{name}: not begun, the time was up")
        else:
            _try_step(bench, name, step)
        bench.seconds_used = time.perf_counter() - start
        save(record(settings, bench, kernels))
    return record(settings, bench, kernels)


def _try_step(bench: Bench, name: str, step: Callable[[], object]) -> None:
    try:
        step()
    except Exception as error:  # what was measured before is kept
        bench.note_failure(name, error)


def record(settings: Settings, bench: Bench, kernels: dict[str, Any]) -> dict[str, Any]:
    versions = {"torchvision": torchvision.__version__}
    return {
        "settings": settings,
        "machine": {**describe_machine(device=bench.device), **versions},
        "ceilings_per_s": bench.rates,
        "targets": judge(bench.rows),
        "rows": bench.rows,
        "kernels": kernels,
        "failed_or_left_out": bench.failures,
        "seconds": bench.seconds_used,
    }


def _planned(path: str) -> AbstractContextManager[object]:
    """The operator's plans are those of a file."""
    if not path:
        return nullcontext()
    return mock.patch.object(gpu_steps, "choose_plan", read_plans(Path(path)))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.forward_gpu", description=__doc__.splitlines()[0]
    )
    add_settings(parser, Settings())
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    asked = vars(parser.parse_args(arguments))
    target, settings = asked.pop("json"), Settings(**asked)

    def save(found: dict[str, Any]) -> None:
        if target is not None:
            write_whole(target, lambda file: file.write(to_json(found).encode()))

    try:
        if target is not None:
            check_target(target, choose_device(settings.device))
        with _planned(settings.plans):
            found = measure(settings, save)
    except GstError as error:
        print(f"benchmarks.forward_gpu: {error}", file=sys.stderr)
        return 2
    for verdict in found["targets"]:
        outcome = "met" if verdict.met else "missed"
        print(
            f"{outcome:7}{verdict.target}: {verdict.value:.2f}, "
            f"{verdict.name}, {verdict.mode}, {verdict.setting}"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
