"""Published systems learn, through the trainer: each is taught a small planted world.

A bar, wide or tall, moves left or right: four classes. Its shape is in any frame, its direction in their
order alone, so a network that is blind to order reaches one half at best, and one that is asked for more has
to see time. Most systems are trained with narrower layers (`narrow`). The score that was seen and the score
that is asked for stand in LESSONS; the network before it was trained is the control. Where nothing is learned
at this size, a fault in the network or its initialisation is the likeliest reason.

S3D is not among them: its batch norms keep running statistics with a momentum of 0.001, as was published, so
that after some hundred steps it still validates with those of the start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gst_analysis as gst
from gst_analysis.networks import registry
from tests.networks.systems.narrow import narrow_systems

pytestmark = pytest.mark.slow

SIDE, LENGTH, CLIPS, TAUGHT = 32, 16, 320, 256
CHANCE = 0.25


@dataclass(frozen=True)
class Lesson:
    """One system, how it is trained, and what it reached."""

    system: str
    frames: int
    epochs: int
    seen: float
    """The share of right answers in validation after the last epoch, on the machine that it was tried on."""
    asked: float
    lr: float = 0.05
    warmup: float = 1
    size: int = SIDE
    full: bool = False
    """Whether it is trained as wide as it is published."""


LESSONS = (
    Lesson("eco-lite", 4, epochs=8, seen=1.0, asked=0.75, full=True),
    Lesson("mc3-18", 4, epochs=4, seen=1.0, asked=0.75),
    Lesson("r2plus1d-18-vmz", 4, epochs=4, seen=1.0, asked=0.75),
    Lesson("tea-r50", 4, epochs=8, seen=1.0, asked=0.75),
    Lesson("action-r50", 4, epochs=8, seen=1.0, asked=0.75),
    Lesson("tdn-r50", 10, epochs=8, seen=1.0, asked=0.75, size=40),
    Lesson("i3d-r50-8x8", 4, epochs=8, seen=0.97, asked=0.75),
    Lesson("gsm-bninception", 4, epochs=8, seen=1.0, asked=0.75),
    Lesson("mvit-v2-s", 16, epochs=8, seen=1.0, asked=0.75),
    Lesson("c3d", 16, epochs=5, seen=0.75, asked=0.6),
    Lesson("trn-bninception", 4, epochs=8, seen=1.0, asked=0.75),
    Lesson("slowfast-r50-4x16", 8, epochs=8, seen=0.98, asked=0.75),
    Lesson("tsm-nl-r50", 4, epochs=6, seen=0.7, asked=0.6, lr=0.02, warmup=0.5),
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips as folders of frames, and two lists."""
    root = tmp_path_factory.mktemp("bars")
    random = np.random.default_rng(0)
    lines = []
    for number in range(CLIPS):
        write_clip(root / "clips" / f"{number:04d}", random, wide=bool(number % 2), right=number % 4 > 1)
        lines.append(f"{number:04d} {number % 4}\n")
    (root / "train.txt").write_text("".join(lines[:TAUGHT]))
    (root / "val.txt").write_text("".join(lines[TAUGHT:]))
    return root


def write_clip(folder: Path, random: np.random.Generator, *, wide: bool, right: bool) -> None:
    """A bright bar that crosses about half of a dark picture, from anywhere."""
    folder.mkdir(parents=True)
    height, width = (5, 13) if wide else (13, 5)
    top = int(random.integers(0, SIDE - height))
    way = 15 + random.random() * 3
    start = random.random() * (SIDE - width - way)
    bar, ground = random.integers(170, 250), random.integers(40, 90)
    for step in range(LENGTH):
        left = round(start + way * (step if right else LENGTH - 1 - step) / (LENGTH - 1))
        picture = np.full((SIDE, SIDE), float(ground))
        picture[top : top + height, left : left + width] = bar
        picture += random.normal(0, 8, picture.shape)
        Image.fromarray(picture.clip(0, 255).astype(np.uint8)).save(folder / f"{step:03d}.png")


def settings_of(lesson: Lesson, world: Path) -> dict[str, Any]:
    """The packaged recipe for small planted worlds, on this one."""
    return {
        "model.name": lesson.system,
        "model.alpha": None,
        "model.width": None,
        "model.num_classes": 4,
        "data.root": str(world),
        "data.train": "train.txt",
        "data.validation": "val.txt",
        "data.clips": "clips",
        "data.format": "list",
        "clip.frames": lesson.frames,
        "clip.resize": lesson.size,
        "clip.crop": lesson.size,
        "optimiser.lr": lesson.lr,
        "optimiser.batch_size": 16,
        "schedule.epochs": lesson.epochs,
        "schedule.warmup_epochs": lesson.warmup,
        "run.threads": 1,
        "run.validate_every": 1,
        "run.tensorboard": False,
    }


def write_recipe(folder: Path) -> Path:
    """The packaged recipe without its world, which is another."""
    packaged = Path(gst.__file__).parent / "recipes" / "planted-temporal.toml"
    recipe = folder / "bars.toml"
    recipe.write_text(packaged.read_text().partition("[world]")[0])
    return recipe


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.system)
def test_a_system_learns_what_it_is_taught(
    lesson: Lesson, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not lesson.full:
        narrow_systems(monkeypatch)
        # What was found of the published width is not true of this one, nor the other way round.
        monkeypatch.setattr(registry, "_probe_system", registry._probe_system.__wrapped__)
    changes = settings_of(lesson, world)
    trained = gst.train(write_recipe(tmp_path), changes, out=tmp_path / "run")
    reached = float(trained.table["val_top1"].iloc[-1])
    learned = gst.load_model(tmp_path / "run" / "last.pth")
    untrained = replace(gst.create_model(learned.spec, seed=1), checkpoint=learned.checkpoint)
    before = gst.evaluate(untrained, world / "val.txt", root=world / "clips", device="cpu").summary.top1
    after = gst.evaluate(learned, world / "val.txt", root=world / "clips", device="cpu").summary.top1
    assert after == pytest.approx(reached, abs=0.02)  # what was saved is what was trained
    assert before < CHANCE + 0.2
    assert reached >= lesson.asked > before + 0.1
