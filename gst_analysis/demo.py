"""Everything in two minutes: a planted world, GST and a 2-D network trained on it, and Figure 4."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.scales import bn_scales
from gst_analysis.errors import OutputError
from gst_analysis.style.files import save_figures
from gst_analysis.training.running import train

if TYPE_CHECKING:
    from gst_analysis.planted.worlds import WorldConfig
    from gst_analysis.training.progress import TrainProgress

    DemoReport = Callable[[str, TrainProgress], object]

NETWORKS = {"gst": "gst-resnet26s", "c2d": "c2d-resnet26s"}
"""The two that are trained, by the folder that each is written to."""


@dataclass(frozen=True)
class DemoSize:
    """How much is rendered and learned: what a machine of two idle cores does in two minutes."""

    clips: int = 1600
    frames: int = 10
    size: int = 64
    epochs: int = 7
    seed: int = 0


@dataclass(frozen=True)
class Demo:
    """What came out. Accuracies are shares of the validation clips."""

    folder: str
    clips: int
    gst_top1: float
    c2d_top1: float
    order_blind_top1: float
    """The best that any model can reach that is blind to the order of frames."""
    seconds: float
    files: Mapping[str, str]


def run_demo(
    out: str | os.PathLike[str], *, size: DemoSize | None = None, report: DemoReport | None = None
) -> Demo:
    """Render a temporal world, train GST and a 2-D network on it, and draw Figure 4 of GST.

    Args:
        out: a new or empty folder.
        size: how much of everything.
        report: called with what is being made and how far it is.

    Raises:
        OutputError: the folder holds something already.
    """
    from gst_analysis.planted.making import make_world
    from gst_analysis.planted.order_blind import best_order_blind
    from gst_analysis.planted.worlds import WorldConfig
    from gst_analysis.training.progress import TrainProgress

    start, folder, size = time.monotonic(), _new_folder(Path(out)), size or DemoSize()
    config = WorldConfig(
        world="temporal",
        clips=size.clips,
        frames=size.frames,
        size=size.size,
        seed=size.seed,
        difficulty="easy",
    )
    tell = report or (lambda name, at: None)
    world = make_world(
        folder / "world",
        config,
        progress=lambda done, total: tell("world", TrainProgress("rendering", done, total)),
    )
    labels = [clip.label for clip in world.split("validation")]
    found = {name: _train(name, folder, config, size, partial(tell, name)) for name in NETWORKS}
    checkpoints = {name: str(folder / name / "last.pth") for name in NETWORKS}
    figures = save_figures(bn_scales(checkpoints["gst"]).plot(by="stage"), folder, "figure-4", ["png"])
    files = {**checkpoints, "figure 4": figures["png"], "world": str(world.folder)}
    blind = best_order_blind(labels, {c.label: c.partner for c in config.classes})
    seconds = time.monotonic() - start
    return Demo(str(folder), size.clips, found["gst"], found["c2d"], blind, seconds, files)


def _new_folder(path: Path) -> Path:
    """The folder, if nothing in it could be overwritten."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputError(
            str(path),
            expected="a new or empty folder",
            found="something already there",
            todo="choose another with --out, or remove it",
        )
    return path


def _train(
    name: str, folder: Path, world: WorldConfig, size: DemoSize, report: Callable[[TrainProgress], object]
) -> float:
    """Train one of the two by the packaged recipe; its share of right answers at the end."""
    settings = {
        "model.name": NETWORKS[name],
        "data.root": folder / "world",
        "schedule.epochs": size.epochs,
        "run.validate_every": size.epochs,
        "clip.resize": size.size,
        "clip.crop": size.size,
        **{f"world.{field}": getattr(world, field) for field in ("clips", "frames", "size", "seed")},
    }
    changes = [f"{key}={value}" for key, value in settings.items()]
    result: Any = train("planted-temporal", changes, out=folder / name, progress=report)
    return float(result.summary.top1)
