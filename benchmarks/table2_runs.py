"""The runs of the planted Table 2: a budget and a network in; one folder a run, with its outcome, out.

A finished run is known by its outcome.json, and is not done again; one that was interrupted goes on where it
was. A folder of runs keeps the budget that it was begun with, and refuses another.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from gst_analysis.analyses.cost import summarise_cost
from gst_analysis.analyses.evaluation import evaluate
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.errors import SpecError
from gst_analysis.files import to_json, write_whole
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.making import make_world, read_world
from gst_analysis.planted.worlds import Level, WorldConfig
from gst_analysis.training import train
from gst_analysis.training.config import Precision

TRAIN_SEED, TEST_SEED = 0, 1000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Entry:
    """A line of the table: its name in the paper, if it is printed there, and the network."""

    name: str
    family: str
    alpha: str | None = None
    printed: str | None = None
    """The paper's name for it in Table 2; None where that table has no such line."""

    @property
    def folder(self) -> str:
        return self.family + (f"-{self.alpha.replace('/', 'of')}" if self.alpha else "")


ENTRIES = (
    Entry("C2D", "c2d", printed="C2D"),
    Entry("C3D", "c3d", printed="C3D 3x3x3"),
    Entry("C3D, 2 groups", "c3d-g2", printed="C3D groups=2"),
    Entry("P3D", "p3d", printed="P3D"),
    Entry("TSM", "tsm"),
    Entry("STH", "sth"),
    Entry("GST-Large, α 1/4", "gst-large", "1/4", "GST-Large alpha=1/4"),
    Entry("GST, α 1/2", "gst", "1/2", "GST alpha=1/2"),
    Entry("GST, α 1/4", "gst", "1/4", "GST alpha=1/4"),
    Entry("GST, α 1/8", "gst", "1/8", "GST alpha=1/8"),
)


@dataclass(frozen=True)
class Budget:
    """All that a run's accuracy depends on, but for its network and seed."""

    backbone: str = "resnet26s"
    width: int = 16
    train_clips: int = 4800
    test_clips: int = 960
    difficulty: Level = "varied"
    video_frames: int = 16
    size: int = 32
    frames: int = 8
    epochs: int = 16
    batch_size: int = 32
    optimiser: Literal["sgd", "adamw"] = "adamw"
    lr: float = 0.003
    precision: Precision = "bf16"

    def world(self, *, test: bool) -> WorldConfig:
        """The clips to train on, or those to be measured on, of another seed."""
        return WorldConfig(
            "hard",
            clips=self.test_clips if test else self.train_clips,
            train_fraction=0.0 if test else 1.0,
            frames=self.video_frames,
            size=self.size,
            seed=TEST_SEED if test else TRAIN_SEED,
            difficulty=self.difficulty,
        )

    def spec(self, entry: Entry) -> ModelSpec:
        """A line's network at this size."""
        classes, name = len(self.world(test=True).classes), f"{entry.family}-{self.backbone}"
        settings: dict[str, Any] = {"width": self.width, "num_frames": self.frames, "num_classes": classes}
        return ModelSpec.from_name(name, **settings, **({"alpha": entry.alpha} if entry.alpha else {}))

    def settings(self, entry: Entry, seed: int, root: Path, threads: int) -> dict[str, Any]:
        """What a run changes in the packaged recipe."""
        world = asdict(self.world(test=False))
        return {
            "model.name": f"{entry.family}-{self.backbone}",
            "model.alpha": entry.alpha,
            "model.width": self.width,
            "data.root": str(root),
            "data.validation": None,
            "clip.frames": self.frames,
            "clip.resize": self.size,
            "clip.crop": self.size,
            "optimiser.kind": self.optimiser,
            "optimiser.lr": self.lr,
            "optimiser.batch_size": self.batch_size,
            "schedule.epochs": self.epochs,
            "run.seed": seed,
            "run.threads": threads,
            "run.precision": self.precision,
            "run.tensorboard": False,
            **{f"world.{name}": value for name, value in world.items()},
        }


@dataclass(frozen=True)
class Outcome:
    """What a finished run was measured to do on clips that no training saw."""

    network: str
    seed: int
    clips: int
    top1: float
    top5: float
    loss: float
    """Of the last epoch of training."""
    seconds: float
    """That training took, on whatever else the machine did."""


def prepare_budget(folder: Path, budget: Budget) -> None:
    """Note the budget of a new folder of runs, or refuse another one than its own.

    Raises:
        SpecError: the runs there have another budget.
    """
    path = folder / "budget.json"
    if not path.is_file():
        write_whole(path, lambda file: file.write(to_json(budget).encode()))
        return
    own = json.loads(path.read_text(encoding="utf-8"))
    odd = [f"{name} {own.get(name)!r}" for name, value in asdict(budget).items() if own.get(name) != value]
    if odd:
        raise SpecError(
            str(folder),
            expected="runs of the budget that is asked for",
            found=f"runs with {', '.join(odd)}",
            todo="name another --runs, or ask for that budget",
        )


def prepare_world(folder: Path, world: WorldConfig, say: Say) -> Path:
    """Render a world, unless it lies there already."""
    if not folder.exists():
        say(f"rendering {world.clips} clips into {folder}")
        make_world(folder, world)
    elif read_world(folder).config != world:
        raise SpecError(
            str(folder),
            expected="this budget's clips",
            found="others",
            todo="remove them, or name another --runs",
        )
    return folder


def find_outcome(folder: Path) -> Outcome | None:
    """What a finished run found; None of one that is not there or not finished."""
    path = folder / "outcome.json"
    return Outcome(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def save_outcome(folder: Path, outcome: Outcome) -> None:
    """Note what a run found: it is finished then."""
    write_whole(folder / "outcome.json", lambda file: file.write(to_json(outcome).encode()))


def place_run(runs: Path, entry: Entry, seed: int) -> Path:
    """The folder of a run."""
    return runs / f"{entry.folder}-seed{seed}"


def do_run(runs: Path, budget: Budget, entry: Entry, seed: int, *, threads: int, say: Say) -> Outcome:
    """Train and measure one network, or go on with it, or take what it found before."""
    folder = place_run(runs, entry, seed)
    if (found := find_outcome(folder)) is not None:
        return found
    train_root = prepare_world(runs / "world", budget.world(test=False), say)
    test_root = prepare_world(runs / "world-test", budget.world(test=True), say)
    say(f"{entry.name}, seed {seed}: {budget.epochs} epochs into {folder}")
    result = train(
        "planted-hard",
        budget.settings(entry, seed, train_root, threads),
        out=folder,
        resume=(folder / "state.pt").is_file(),
    )
    measured = evaluate(folder / "last.pth", load_labelled_clips(test_root), device="cpu").summary
    return conclude(folder, (entry.folder, seed), measured, result.summary)


def conclude(folder: Path, run: tuple[str, int], measured: Any, trained: Any) -> Outcome:
    """What came of a run, by name and seed, once it is trained and measured: written into its folder."""
    figures = measured.clips, measured.top1, measured.top5, trained.loss, round(trained.seconds, 1)
    outcome = Outcome(*run, *figures)
    save_outcome(folder, outcome)
    return outcome


def count_cost(budget: Budget, entry: Entry) -> tuple[int, int]:
    """Parameters and multiply-adds of one clip."""
    cost = summarise_cost(budget.spec(entry), size=budget.size)
    return cost.params, cost.macs
