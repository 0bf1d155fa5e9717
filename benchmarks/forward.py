"""One forward pass of GST-ResNet-50: the product's form against plain 3-D convolutions.

    python -m benchmarks.forward [--rounds 20] [--tries 8] [--json FILE]

The reference is that of tests/reference: 3-D convolutions over contiguous (N, C, T, H, W), the official
form. torchvision's 2-D ResNet-50 over the same frames stands beside it, and the same network with the other
form of a kernel over time: one 2-D convolution over the previous, current and next frame side by side. All
have the same weights; how far their logits are apart is in the table.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.machine import describe_machine
from benchmarks.pairing import QUIET, Ratio, Timings, median_ms, summarise_ratio, time_interleaved
from benchmarks.settings import add_settings, count_threads, using_threads
from gst_analysis.files import to_json, write_whole
from gst_analysis.networks import operators as temporal
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from tests.reference import build_reference, load_product

REFERENCE = "3-D reference, fp32"
PRODUCT = "GST-R50, fp32"
PRODUCT_BF16 = "GST-R50, bf16"
TARGETS = {PRODUCT: 1.7, PRODUCT_BF16: 5.0}  # on a CPU with AMX


@dataclass(frozen=True)
class Settings:
    alpha: str = "1/4"
    frames: int = 8
    size: int = 224
    rounds: int = 20
    warmup: int = 3
    tries: int = 8
    """Of one call, on a machine that others use too."""
    threads: int = 0
    """0: as many as there are cores."""


@dataclass(frozen=True)
class Row:
    """One network's line: its time, its ratio to the reference, and how far its logits are from it."""

    name: str
    median_ms: float
    faster: Ratio
    difference: float | None
    disturbed: int
    """Rounds in which other processes got in the way, however often it was tried."""
    seconds: list[float]


def build_candidates(settings: Settings) -> dict[str, Callable[[], Tensor]]:
    """Every network as a call without arguments, all with the same weights and clips."""
    torch.manual_seed(0)
    spec = ModelSpec.from_name("gst-resnet50", alpha=settings.alpha, num_frames=settings.frames)
    product = build_model(spec).eval()
    reference = build_reference("gst", "resnet50", alpha=spec.alpha).eval()
    load_product(reference, product.state_dict(), family="gst", backbone="resnet50")
    flat = torchvision.models.resnet50(num_classes=174).eval().to(memory_format=torch.channels_last)
    clips = torch.randn(1, settings.frames, 3, settings.size, settings.size)
    images = clips[0].contiguous(memory_format=torch.channels_last)
    in_bf16 = _in_bf16(product, clips)
    return {
        REFERENCE: lambda: reference(clips),
        PRODUCT: lambda: product(clips),
        PRODUCT_BF16: in_bf16,
        "the other form, fp32": _in_the_other_form(lambda: product(clips)),
        "the other form, bf16": _in_the_other_form(in_bf16),
        "GST-R50, bf16 autocast": _under_autocast(product, clips),
        "torchvision 2-D R50, fp32": lambda: flat(images),
        "torchvision 2-D R50, bf16": _in_bf16(flat, images),
    }


def convolve_neighbours(
    x: Tensor, weight: Tensor, frames: int, *, stride: int = 1, groups: int = 1
) -> Tensor:
    """The other form of models.temporal.convolve_over_time: neighbouring frames laid side by side first."""
    clips = torch.unflatten(x, 0, (-1, frames))
    beside = torch.zeros(x.shape[0], 3, *x.shape[1:], dtype=x.dtype, device=x.device)
    beside = torch.unflatten(beside, 0, (-1, frames))  # (N, T, 3, C, H, W)
    beside[:, 1:, 0], beside[:, :, 1], beside[:, :-1, 2] = clips[:, :-1], clips, clips[:, 1:]
    flat = torch.unflatten(beside.flatten(0, 1), 2, (groups, -1)).transpose(1, 2).flatten(1, 3)
    taps = weight.transpose(1, 2).flatten(1, 2)  # (O, 3 * C/groups, k, k)
    padding = weight.shape[-1] // 2
    return F.conv2d(
        flat.contiguous(memory_format=torch.channels_last), taps, None, stride, padding, 1, groups
    )


def _in_the_other_form(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
    def replaced() -> Tensor:
        with mock.patch.object(temporal, "convolve_over_time", convolve_neighbours):
            return run()

    return replaced


def _in_bf16(network: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """Weights, batch norms and input all cast beforehand, by .bfloat16()."""
    cast, rough = copy.deepcopy(network).bfloat16(), x.bfloat16()
    return lambda: cast(rough)


def _under_autocast(network: nn.Module, x: Tensor) -> Callable[[], Tensor]:
    """Weights stay fp32 and are cast on every call."""

    def run() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return network(x)

    return run


def measure_forward(settings: Settings) -> list[Row]:
    """Time all candidates and compare their logits."""
    candidates = build_candidates(settings)
    with using_threads(settings.threads), torch.inference_mode():
        logits = {name: run().float() for name, run in candidates.items()}
        timings = time_interleaved(
            candidates, rounds=settings.rounds, warmup=settings.warmup, tries=settings.tries
        )
    return [_summarise(name, timings, logits) for name in candidates]


def _summarise(name: str, timings: Timings, logits: dict[str, Tensor]) -> Row:
    own, truth = logits[name], logits[REFERENCE]
    difference = float((own - truth).norm() / truth.norm()) if own.shape == truth.shape else None
    return Row(
        name=name,
        median_ms=median_ms(timings[name]),
        faster=summarise_ratio(timings, name, against=REFERENCE),
        difference=difference,
        disturbed=sum(call.others > QUIET for call in timings[name]),
        seconds=[call.seconds for call in timings[name]],
    )


def format_table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    lines = [
        f"{'network':28}{'ms':>8}  {'times faster':>12}  {'quartiles':>12}  {'difference':>10}  disturbed"
    ]
    for row in rows:
        quartiles = f"{row.faster.low:.2f}-{row.faster.high:.2f}"
        difference = "" if row.difference is None else f"{row.difference:.1e}"
        lines.append(
            f"{row.name:28}{row.median_ms:8.1f}  {row.faster.median:12.2f}  {quartiles:>12}  {difference:>10}"
            f"  {row.disturbed} of {len(row.seconds)}"
        )
    return "\n".join(lines)


def judge_targets(rows: Sequence[Row], *, amx: bool) -> list[str]:
    """One sentence a target; without AMX they are not what was asked for."""
    found = {row.name: row.faster.median for row in rows}
    sentences = []
    for name, target in TARGETS.items():
        verdict = "met" if found[name] >= target else "not met"
        where = "" if amx else "; this CPU has no AMX, for which the target was set"
        sentences.append(f"{name}: at least {target} times faster: {verdict} ({found[name]:.2f}{where})")
    return sentences


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forward", description=__doc__.splitlines()[0])
    add_settings(parser, Settings())
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    asked = vars(parser.parse_args(arguments))
    target = asked.pop("json")
    settings = Settings(**asked)
    rows = measure_forward(settings)
    machine = describe_machine(threads=count_threads(settings.threads))
    print(f"{settings.frames} frames of {settings.size}x{settings.size}, batch 1, alpha {settings.alpha}")
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print(format_table(rows))
    verdicts = judge_targets(rows, amx=bool(machine["amx_bf16"]))
    print("\n".join(verdicts))
    if target is not None:
        record = {"settings": settings, "machine": machine, "rows": rows, "targets": verdicts}
        write_whole(target, lambda file: file.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
