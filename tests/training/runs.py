"""Tiny runs on a tiny planted world: a second or less each. As a script, one that can be killed."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.planted.making import WorldConfig, make_world
from gst_analysis.planted.worlds import Container
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.loop import train
from gst_analysis.training.progress import TrainProgress
from gst_analysis.training.recipes import load_config

WORLD = WorldConfig(world="static", clips=36, frames=8, size=48, difficulty="easy")
SETTINGS = {
    "world.clips": "36",
    "world.frames": "8",
    "world.size": "48",
    "model.width": "8",
    "model.dropout": "0.3",
    "data.cache": "none",
    "clip.frames": "2",
    "clip.crop": "32",
    "clip.resize": "32",
    "optimiser.batch_size": "6",
    "schedule.epochs": "3",
    "run.precision": "fp32",
    "run.threads": "1",
    "run.log_every_steps": "1",
}
STEPS = 4
"""In an epoch: 24 training clips in batches of 6."""


def render(folder: Path, container: Container = "mp4") -> Path:
    """The world that SETTINGS expect; one of JPEG folders needs no video library."""
    make_world(folder, dataclasses.replace(WORLD, container=container), workers=1)
    return folder


def tiny(world: Path, changes: dict[str, str] | None = None) -> TrainConfig:
    """The smallest planted run, with some settings changed."""
    return load_config("planted-static", {**SETTINGS, "data.root": str(world), **(changes or {})})


def weights(folder: Path, name: str = "last.pth") -> dict[str, Tensor]:
    return load_checkpoint(folder / name).state


def assert_same(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    """Bit for bit."""
    assert one.keys() == other.keys()
    odd = [name for name, tensor in one.items() if not torch.equal(tensor, other[name])]
    assert not odd


def at_step(step: int, act: Callable[[], object]) -> Callable[[TrainProgress], None]:
    """A progress callback that does something after the given step of the run."""

    def report(progress: TrainProgress) -> None:
        if progress.phase == "training" and (progress.epoch - 1) * STEPS + progress.step == step:
            act()

    return report


if __name__ == "__main__":
    torch.set_num_threads(1)
    overrides = dict(word.split("=", 1) for word in sys.argv[3:])
    train(tiny(Path(sys.argv[1]), overrides), out=sys.argv[2], resume=True)
