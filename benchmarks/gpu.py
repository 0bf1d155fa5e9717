"""Training GST-ResNet-50 at its real size on a GPU: clips a second, and whether the loss falls.

    python -m benchmarks.gpu [--steps 300] [--batch-size 32] [--json benchmarks/results/training-gpu.json]

Two speeds: with clips that lie on the device already (what the network alone does), and in a run of the
product's own training loop on a planted world, whose frames are read, cropped and copied over (what a user
gets). The run's loss, window by window, is in the result. Without a GPU the same script runs small
(`--device cpu --model gst-resnet26s --width 8 --crop 32 ...`); it never writes such numbers to a file that is
named after a GPU. The world is of JPEG folders, so that no video library is needed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch.nn import functional as F

from benchmarks.machine import describe_machine
from benchmarks.settings import add_settings
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import GstError, OutputError
from gst_analysis.files import to_json, write_whole
from gst_analysis.inference.settings import choose_device
from gst_analysis.networks.network import average_frames
from gst_analysis.networks.registry import build_model
from gst_analysis.planted.making import WorldConfig, make_world
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.loop import train
from gst_analysis.training.optimiser import build_optimiser
from gst_analysis.training.recipes import load_config

_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Settings:
    device: str = "cuda"
    model: str = "gst-resnet50"
    width: int = 64
    frames: int = 8
    crop: int = 224
    precision: str = "bf16"
    batch_size: int = 32
    steps: int = 300
    """Of the run; it takes as many epochs as they fill."""
    rounds: int = 30
    """Timed steps on clips that lie on the device."""
    warmup: int = 5
    clips: int = 960
    """Of the world; four fifths are for training."""
    size: int = 256
    """Pixels of a side of the world's frames."""
    workers: int = 14
    lr: float = 0.02


@dataclass(frozen=True)
class Speed:
    """Clips a second, and the seconds of every timed step."""

    clips_per_s: float
    seconds: list[float]
    peak_memory_mib: float | None


@dataclass(frozen=True)
class Run:
    """What a run of the training loop left in its log; its speed leaves the first window out."""

    clips_per_s: float
    loss_first: float
    loss_last: float
    losses: list[float]
    train_top1: float
    val_top1: float | None
    steps: int
    seconds: float


def build_config(settings: Settings, root: Path) -> TrainConfig:
    """The planted static world, learned by the network that is measured."""
    epochs = max(1, round(settings.steps / max(1, settings.clips * 4 // 5 // settings.batch_size)))
    return load_config(
        "planted-static",
        {
            "data.root": str(root),
            "data.clips": "frames",
            "data.cache": "none",
            "data.workers": str(settings.workers),
            "world.container": "frames",
            "world.clips": str(settings.clips),
            "world.size": str(settings.size),
            "model.name": settings.model,
            "model.width": str(settings.width),
            "clip.frames": str(settings.frames),
            "clip.crop": str(settings.crop),
            "clip.resize": str(settings.crop),
            "optimiser.batch_size": str(settings.batch_size),
            "optimiser.lr": str(settings.lr),
            "schedule.epochs": str(epochs),
            "run.validate_every": str(epochs),
            "run.device": settings.device,
            "run.precision": settings.precision,
            "run.log_every_steps": "5",
            "run.tensorboard": "false",
        },
    )


def measure_network(settings: Settings, config: TrainConfig) -> Speed:
    """Steps on clips that lie on the device: normalise, forward, backward, update."""
    device = choose_device(settings.device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_model(config.model_spec(12)).to(device).train()
        shape = (settings.batch_size, settings.frames, 3, settings.crop, settings.crop)
        clips = torch.randint(0, 256, shape, dtype=torch.uint8).to(device)
        labels = (torch.arange(settings.batch_size) % 12).to(device)
    optimiser = build_optimiser(network, config.optimiser)
    kind, seconds = _TYPES[settings.precision], []
    for number in range(settings.warmup + settings.rounds):
        start = time.perf_counter()
        with torch.autocast(device.type, kind, enabled=kind is not torch.float32):
            logits = network(normalise_clips(clips, config.clip.spec()))
        F.cross_entropy(average_frames(logits.float()), labels).backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        _await(device)
        if number >= settings.warmup:
            seconds.append(time.perf_counter() - start)
    peak = torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None
    return Speed(settings.batch_size / statistics.median(seconds), seconds, peak)


def measure_run(config: TrainConfig, out: Path) -> Run:
    """A run of the training loop, from its own log."""
    done = train(config, out=out)
    steps = pd.read_csv(out / "steps.csv")
    speeds = steps["clips_per_s"].iloc[1:] if len(steps) > 1 else steps["clips_per_s"]
    summary = done.summary
    return Run(
        clips_per_s=float(speeds.median()),
        loss_first=float(steps["loss"].iloc[0]),
        loss_last=float(steps["loss"].iloc[-1]),
        losses=steps["loss"].tolist(),
        train_top1=float(steps["top1"].iloc[-1]),
        val_top1=summary.top1,
        steps=summary.steps,
        seconds=summary.seconds,
    )


def measure(settings: Settings) -> dict[str, object]:
    """Render, measure both ways, and describe the machine."""
    device = choose_device(settings.device)
    with tempfile.TemporaryDirectory(prefix="gst-analysis-") as folder:
        root = Path(folder) / "world"
        config = build_config(settings, root)
        start = time.perf_counter()
        assert isinstance(config.world, WorldConfig)
        make_world(root, config.world)
        rendered_s = time.perf_counter() - start
        network = measure_network(settings, config)
        run = measure_run(config, Path(folder) / "run")
    return {
        "settings": settings,
        "machine": describe_machine(device=device),
        "rendered_s": rendered_s,
        "network": network,
        "run": run,
    }


def check_target(target: Path, device: torch.device) -> None:
    """Refuse to write what a CPU did into a file that speaks of a GPU.

    Raises:
        OutputError: such a name and such a device.
    """
    if device.type != "cuda" and any(word in target.name.lower() for word in ("gpu", "cuda", "h100", "h200")):
        raise OutputError(
            str(target),
            expected="numbers of a GPU in a file that is named after one",
            found=f"a run on the {device.type}",
            todo="run it with --device cuda, or choose another name",
        )


def _await(device: torch.device) -> None:
    """Until the device has done what it was told: a launched kernel is no finished one."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__.splitlines()[0])
    add_settings(parser, Settings())
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the document to FILE")
    asked = vars(parser.parse_args(arguments))
    target, settings = asked.pop("json"), Settings(**asked)
    try:
        if target is not None:
            check_target(target, choose_device(settings.device))
        document = to_json(measure(settings))
    except GstError as error:
        print(f"benchmarks.gpu: {error}", file=sys.stderr)
        return 2
    sys.stdout.write(document)
    if target is not None:
        write_whole(target, lambda file: file.write(document.encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
