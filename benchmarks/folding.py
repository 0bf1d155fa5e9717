"""What folding the batch norms saves: every family's network beside its folded copy, paired and interleaved.

    python -m benchmarks.folding [--rounds 15] [--backbone resnet50] [--systems r3d-18,s3d] [--json FILE]

Both have the same weights and see the same clip; how far their logits are apart is in the table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from benchmarks.machine import describe_machine
from benchmarks.pairing import QUIET, Ratio, median_ms, summarise_ratio, time_interleaved
from benchmarks.settings import add_settings, using_threads
from gst_analysis.files import to_json, write_whole
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.registry import build_model, spec_from_name
from gst_analysis.networks.specs import model_names
from gst_analysis.networks.systems import SYSTEMS


@dataclass(frozen=True)
class Settings:
    backbone: str = "resnet50"
    families: str = "gst,gst-large,c2d,tsm,c3d,p3d,sth"
    systems: str = ""
    """Published systems, too, by name."""
    precisions: str = "fp32,bf16"
    frames: int = 8
    size: int = 224
    rounds: int = 15
    warmup: int = 2
    tries: int = 8
    threads: int = 0
    """0: as many as there are cores."""


@dataclass(frozen=True)
class Row:
    """One network: its time with and without batch norms, the ratio, and how far the logits are apart."""

    name: str
    precision: str
    plain_ms: float
    folded_ms: float
    faster: Ratio
    difference: float
    disturbed: int
    """Calls in which other processes got in the way, however often it was tried."""


def build_network(name: str) -> nn.Module:
    """With statistics that are neither zeros nor ones, so that folding has something to do."""
    torch.manual_seed(0)
    network = build_model(spec_from_name(name)).eval()
    for norm in network.modules():
        if isinstance(norm, _BatchNorm):
            nn.init.normal_(norm.weight, 1, 0.1)
            nn.init.normal_(norm.bias, 0, 0.1)
    return network


def measure_network(name: str, precision: str, settings: Settings) -> Row:
    """Time a network and its folded copy."""
    network = build_network(name)
    clips = torch.randn(1, settings.frames, 3, settings.size, settings.size)
    candidates = {
        "plain": _call(network, clips, precision),
        "folded": _call(fold_norms(network), clips, precision),
    }
    with torch.inference_mode():
        logits = {key: run().float() for key, run in candidates.items()}
        timings = time_interleaved(
            candidates, rounds=settings.rounds, warmup=settings.warmup, tries=settings.tries
        )
    return Row(
        name=name,
        precision=precision,
        plain_ms=median_ms(timings["plain"]),
        folded_ms=median_ms(timings["folded"]),
        faster=summarise_ratio(timings, "folded", against="plain"),
        difference=float((logits["folded"] - logits["plain"]).norm() / logits["plain"].norm()),
        disturbed=sum(call.others > QUIET for calls in timings.values() for call in calls),
    )


def _call(network: nn.Module, clips: Tensor, precision: str) -> Callable[[], Tensor]:
    def run() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            return network(clips)

    return run


def format_table(rows: Sequence[Row]) -> str:
    """The rows as aligned text."""
    head = f"{'network':22}{'':6}{'plain ms':>10}{'folded ms':>11}  {'times faster':>12}  {'quartiles':>11}"
    lines = [f"{head}  {'difference':>10}  disturbed"]
    for row in rows:
        times = f"{row.plain_ms:10.1f}{row.folded_ms:11.1f}  {row.faster.median:12.2f}"
        quartiles = f"{row.faster.low:.2f}-{row.faster.high:.2f}"
        lines.append(
            f"{row.name:22}{row.precision:6}{times}  {quartiles:>11}  {row.difference:10.1e}  {row.disturbed}"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.folding", description=__doc__.splitlines()[0])
    add_settings(parser, Settings())
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    asked = vars(parser.parse_args(arguments))
    target = asked.pop("json")
    settings = Settings(**asked)
    names = [f"{family}-{settings.backbone}" for family in settings.families.split(",")]
    names += settings.systems.split(",")
    rows = []
    with using_threads(settings.threads) as threads:
        for name in [name for name in names if name in model_names() or name in SYSTEMS]:
            for precision in settings.precisions.split(","):
                rows.append(measure_network(name, precision, settings))
                print(format_table(rows[-1:]).splitlines()[1], flush=True)
    print(format_table(rows))
    if target is not None:
        machine = describe_machine(threads=threads)
        record = {"settings": settings, "machine": machine, "rows": rows}
        write_whole(target, lambda file: file.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
