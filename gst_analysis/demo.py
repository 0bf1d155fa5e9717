"""Everything in two minutes: a planted world, GST and a 2-D network trained on it, and Figure 4."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.analyses.scales import bn_scales
from gst_analysis.errors import OutputError
from gst_analysis.files import write_whole
from gst_analysis.options import option
from gst_analysis.planted.worlds import best_order_blind
from gst_analysis.rooms import Door
from gst_analysis.training import TrainProgress, TrainWatcher, train
from gst_analysis.training.progress import ignore_progress

if TYPE_CHECKING:
    from gst_analysis.planted import making, worlds
    from gst_analysis.planted.truth import World
    from gst_analysis.style import files as drawings
else:
    making = Door("gst_analysis.planted.making")
    worlds = Door("gst_analysis.planted.worlds")
    drawings = Door("gst_analysis.style.files")

NETWORKS = {"gst": "gst-resnet26s", "c2d": "c2d-resnet26s"}
"""The two that are trained, by the folder that each is written to."""

_FIGURE = "figure-4.png"


@dataclass(frozen=True, kw_only=True)
class DemoOptions:
    """How much is rendered and learned: what a machine of two idle cores does in two minutes."""

    clips: int = option(1600, "Clips to render; a fifth of them for validation.")
    epochs: int = option(7, "Epochs of each network.")
    seed: int = option(0, "Of the planted world.")
    frames: int = 10
    size: int = 64

    def world(self) -> worlds.WorldConfig:
        """What is rendered: a class is only in the order of its frames."""
        return worlds.WorldConfig(
            world="temporal",
            clips=self.clips,
            frames=self.frames,
            size=self.size,
            seed=self.seed,
            difficulty="easy",
        )

    def settings(self, network: str, world: Path) -> dict[str, object]:
        """What is changed in the packaged recipe to train a network on the world in a folder."""
        return {
            "model.name": network,
            "data.root": world,
            "schedule.epochs": self.epochs,
            "run.validate_every": self.epochs,
            "clip.resize": self.size,
            "clip.crop": self.size,
            "world.clips": self.clips,
            "world.frames": self.frames,
            "world.size": self.size,
            "world.seed": self.seed,
        }


@dataclass(frozen=True)
class Demo:
    """What came out. Accuracies are shares of the validation clips."""

    folder: str
    """Where everything was written."""
    clips: int
    """Clips that were rendered, of training and validation together."""
    gst_top1: float
    """Share of the validation clips that GST gets right."""
    c2d_top1: float
    """Share of them that the 2-D network gets right."""
    order_blind_top1: float
    """The best that any model can reach that is blind to the order of frames."""
    seconds: float
    """How long it took, in seconds."""
    files: Mapping[str, str]
    """Where the checkpoints of both, Figure 4 and the world lie."""


def run_demo(
    out: str | os.PathLike[str], *, options: DemoOptions | None = None, progress: TrainWatcher | None = None
) -> Demo:
    """Render a temporal world, train GST and a 2-D network on it, and draw Figure 4 of GST.

    Args:
        out: a new or empty folder.
        options: how much of everything.
        progress: called now and then; its `run` says what is being made.

    Raises:
        OutputError: the folder holds something else than a demo that was stopped, which is gone on with.
    """
    start, chosen, watch = time.monotonic(), options or DemoOptions(), progress or ignore_progress
    folder = _new_folder(Path(out))
    world = _make_world(folder / "world", chosen, watch)
    found = {
        name: _train(network, folder / name, chosen.settings(network, folder / "world"), watch)
        for name, network in NETWORKS.items()
    }
    checkpoints = {name: str(folder / name / "last.pth") for name in NETWORKS}
    figure = _draw_scales(checkpoints["gst"], folder / _FIGURE)
    return Demo(
        folder=str(folder),
        clips=chosen.clips,
        gst_top1=found["gst"],
        c2d_top1=found["c2d"],
        order_blind_top1=_order_blind(world),
        seconds=time.monotonic() - start,
        files={**checkpoints, "figure 4": str(figure), "world": str(world.folder)},
    )


def _new_folder(path: Path) -> Path:
    """The folder, if nothing is in it but what a demo that was stopped has left."""
    names = os.listdir(path) if os.path.isdir(path) else []
    held = {name for name in names if not name.startswith(".")}
    # A demo makes its world first: what lies there without one is somebody else's, whatever it is called.
    stopped = os.path.isdir(path) and held <= {*NETWORKS, "world", _FIGURE} and (not held or "world" in held)
    if os.path.exists(path) and not stopped:
        raise OutputError(
            str(path),
            expected="a new or empty folder, or one in which a demo was stopped",
            found="something already there",
            todo="choose another with --out, or remove it",
        )
    return path


def _make_world(place: Path, options: DemoOptions, watch: TrainWatcher) -> World:
    """The world, or the one that a demo which was stopped has left, which is whole or not there at all."""
    if not place.exists():
        return making.make_world(place, options.world(), progress=partial(_watch_rendering, watch))
    found = making.read_world(place)
    if found.config != options.world():
        raise OutputError(
            str(place),
            expected="the world of this demo, to go on with",
            found="another one",
            todo="give the options that it was begun with, or choose another folder with --out",
        )
    return found


def _watch_rendering(watch: TrainWatcher, done: int, total: int, label: str) -> None:
    watch(TrainProgress("rendering", done, total, run="world"))


def _train(network: str, out: Path, settings: Mapping[str, object], watch: TrainWatcher) -> float:
    """Train one of the two by the packaged recipe; its share of right answers at the end."""
    result = train(
        "planted-temporal",
        settings,
        out=out,
        resume=True,
        progress=lambda at: watch(replace(at, run=out.name)),
    )
    assert result.summary.top1 is not None, network  # validated after the last epoch
    return result.summary.top1


def _draw_scales(checkpoint: str, path: Path) -> Path:
    figure = bn_scales(checkpoint).plot(by="stage")
    return write_whole(path, drawings.image_writer(figure, "png"), replace=True)


def _order_blind(world: World) -> float:
    labels = [clip.label for clip in world.split("validation")]
    return best_order_blind(labels, {one.label: one.partner for one in world.config.classes})
