"""What networks learn of the worlds of stories, beside the same network that sees one frame.

    python -m benchmarks.world_lessons [--only count clock] [--runs runs/lessons] [--json FILE]

Every lesson goes on with the shipped C3D of the temporal world, with a new head, on clips of its own world;
and with the shipped C2D on the middle frame of the same clips. Both are measured on clips of another seed. A
finished run is not done again. Prints the table of docs/planted-worlds.md, and writes it after every lesson.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from scipy.stats import binom, binomtest

from benchmarks.machine import describe_machine
from benchmarks.table2_runs import prepare_world
from gst_analysis.analyses.evaluation import evaluate
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.files import to_json, write_whole
from gst_analysis.planted.worlds import WorldConfig, WorldName
from gst_analysis.training import train
from trained_models.make import HERE

TARGET = Path("benchmarks/results/world-lessons.json")
TRAIN_SEED, TEST_SEED, TEST_CLIPS, SIZE = 0, 1000, 400, 64
SEEING, BLIND = "c3d", "c2d"


@dataclass(frozen=True)
class Lesson:
    """A world, and the budget of a network that shall learn it."""

    world: WorldName
    clips: int
    epochs: int
    frames: int = 8
    """That a clip has; the network sees all of them, or `seen`."""
    seen: int = 0
    lr: float = 0.003
    batch: int = 16

    @property
    def shown(self) -> int:
        return self.seen or self.frames

    def config(self, *, test: bool, clips: int | None = None) -> WorldConfig:
        """The clips to learn from, or those to be measured on."""
        return WorldConfig(
            self.world,
            clips=clips or (TEST_CLIPS if test else self.clips),
            train_fraction=0.0 if test else 1.0,
            frames=self.frames,
            size=SIZE,
            seed=TEST_SEED if test else TRAIN_SEED,
            difficulty="easy",
        )


LESSONS = (
    Lesson("there-and-back", clips=1500, epochs=6),
    Lesson("count", clips=1000, epochs=6, frames=16),
    Lesson("long-order", clips=1200, epochs=6, frames=32, seen=16),
    Lesson("speed", clips=1500, epochs=6),
    Lesson("clock", clips=1200, epochs=6, frames=16),
    Lesson("hidden", clips=1500, epochs=6),
)


@dataclass(frozen=True)
class Learnt:
    """How many of how many clips were told right."""

    right: int
    clips: int
    seconds: float = 0.0

    @property
    def share(self) -> float:
        return self.right / self.clips

    def interval(self) -> tuple[float, float]:
        """The binomial interval of 95% (Clopper and Pearson); it knows of clips, not of other trainings."""
        found = binomtest(self.right, self.clips).proportion_ci(0.95)
        return float(found.low), float(found.high)

    def luck(self, chance: float) -> float:
        """How often somebody who guesses is right as often, or more often."""
        return float(binom.sf(self.right - 1, self.clips, chance))


def teach(lesson: Lesson, family: str, folder: Path, *, threads: int = 1) -> Learnt:
    """Train on the world in a folder, or take what was found there before, and measure on fresh clips."""
    frames = 1 if family == BLIND else lesson.shown
    return learn(
        lesson, family, frames, folder / f"{family}-{frames}", prepare(lesson, folder), threads=threads
    )


def prepare(lesson: Lesson, folder: Path) -> tuple[Path, Path]:
    """The clips to learn from and the fresh ones, rendered unless they lie there."""
    world, fresh = (
        prepare_world(folder / name, lesson.config(test=test), say)
        for name, test in (("world", False), ("fresh", True))
    )
    return world, fresh


def learn(
    lesson: Lesson,
    family: str,
    frames: int,
    run: Path,
    worlds: tuple[Path, Path],
    *,
    seed: int = 0,
    threads: int = 1,
) -> Learnt:
    """Train a shipped network on, or take what its run found before.

    Args:
        lesson: the budget.
        family: which shipped network of the temporal world goes on.
        frames: how many it sees.
        run: the folder of the run.
        worlds: the clips to learn from, and those to be measured on.
        seed: of the new head, of the order of clips and of the frames that are drawn.
        threads: of torch.
    """
    if (run / "learnt.json").is_file():
        return Learnt(**json.loads((run / "learnt.json").read_text(encoding="utf-8")))
    settings: dict[str, Any] = {
        "model.name": f"{family}-resnet26s",
        "model.alpha": None,
        "model.width": 8,
        "model.weights": str(HERE / f"temporal-{family}.pth"),
        "model.head": "new",
        "data.root": str(worlds[0]),
        "data.validation": None,
        "clip.frames": frames,
        "clip.resize": SIZE,
        "clip.crop": SIZE,
        "clip.scales": [1.0],
        "optimiser.lr": lesson.lr,
        "optimiser.batch_size": lesson.batch,
        "schedule.epochs": lesson.epochs,
        "run.seed": seed,
        "run.threads": threads,
        "run.precision": "bf16",
        "run.tensorboard": False,
        **{f"world.{name}": value for name, value in asdict(lesson.config(test=False)).items()},
    }
    say(f"{lesson.world}: {family}, {frames} frames, into {run}")
    result = train(f"planted-{lesson.world}", settings, out=run, resume=(run / "state.pt").is_file())
    found = evaluate(run / "last.pth", load_labelled_clips(worlds[1]), device="cpu").summary
    learnt = Learnt(round(found.clips * found.top1), found.clips, round(result.summary.seconds, 1))
    write_whole(run / "learnt.json", lambda file: file.write(to_json(learnt).encode()))
    return learnt


def do_lesson(lesson: Lesson, runs: Path) -> dict[str, Any]:
    """Both networks of a lesson, as a line of the table."""
    folder = runs / lesson.world
    seeing, blind = (teach(lesson, family, folder) for family in (SEEING, BLIND))
    return {
        "lesson": lesson,
        "classes": len(lesson.config(test=True).classes),
        "seeing": seeing,
        "blind": blind,
    }


def format_lessons(lines: Sequence[Mapping[str, Any]]) -> str:
    """As Markdown."""
    rows = [
        "| world | clips x epochs | frames | C3D (95% over clips) | C2D, one frame | guess | learnt |",
        f"|{'---|' * 7}",
    ]
    for line in lines:
        lesson, chance = Lesson(**line["lesson"]), 1 / line["classes"]
        seeing, blind = Learnt(**line["seeing"]), Learnt(**line["blind"])
        frames = f"{lesson.shown} of {lesson.frames}"
        cells = (
            lesson.world,
            f"{lesson.clips:,} x {lesson.epochs}",
            frames,
            show_share(seeing),
            show_share(blind),
            f"{chance:.1%}",
            "yes" if is_learnt(seeing, blind, chance) else "no",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def is_learnt(seeing: Learnt, blind: Learnt, chance: float) -> bool:
    """Whether it is no luck, and the intervals of the two networks do not touch."""
    return seeing.luck(chance) < 0.001 and seeing.interval()[0] > blind.interval()[1]


def show_share(learnt: Learnt) -> str:
    """The share with its interval."""
    low, high = learnt.interval()
    return f"{learnt.share:.1%} ({low:.1%} to {high:.1%})"


def write_text(file: BinaryIO, text: str) -> None:
    """For `write_whole`."""
    file.write(text.encode())


def say(text: str) -> None:
    """To stderr, at once."""
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.world_lessons", description=__doc__.splitlines()[0]
    )
    names = [lesson.world for lesson in LESSONS]
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="WORLD")
    parser.add_argument("--runs", type=Path, default=Path("runs/lessons"), help="default: %(default)s")
    parser.add_argument("--json", type=Path, default=TARGET, metavar="FILE", help="default: %(default)s")
    asked = parser.parse_args(arguments)
    lines: list[Any] = []
    for lesson in LESSONS:
        if lesson.world in asked.only:
            lines.append(do_lesson(lesson, asked.runs))
            document = to_json({"machine": describe_machine(), "size": SIZE, "lessons": lines})
            write_whole(asked.json, partial(write_text, text=document))
    print(format_lessons(json.loads(asked.json.read_text(encoding="utf-8"))["lessons"]))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
