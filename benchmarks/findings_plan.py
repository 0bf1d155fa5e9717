"""What benchmarks/findings_questions.toml fixes: runs, clips and thresholds. No torch here."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gst_analysis.files import hash_file

QUESTIONS = Path(__file__).parent / "findings_questions.toml"


@dataclass(frozen=True)
class RunSet:
    """Runs that are trained alike: every seed in every world."""

    name: str
    worlds: tuple[str, ...]
    seeds: tuple[int, ...]
    epochs: int
    settings: tuple[str, ...]
    """What is changed in the packaged recipe, beside the epochs."""

    def runs(self) -> Iterator[Run]:
        """Seed by seed, so that what is broken off has both worlds."""
        for seed in self.seeds:
            for world in self.worlds:
                yield Run(self, world, seed)


@dataclass(frozen=True)
class Run:
    """One training."""

    of: RunSet
    world: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.of.name}-{self.world}-{self.seed}"

    def settings(self, root: Path) -> list[str]:
        """What it changes in the recipe planted-WORLD."""
        own = [f"schedule.epochs={self.of.epochs}", f"run.seed={self.seed}", f"data.root={root}"]
        return [*self.of.settings, *own, "run.threads=1", "run.tensorboard=false"]


@dataclass(frozen=True)
class Plan:
    """The questions file."""

    sha256: str
    sets: tuple[RunSet, ...]
    measured_clips: int
    measured_seed: int
    moved: float
    """Of scales from where they began, below which a run says nothing of them."""
    least: float
    """Of a difference of shares that is worth speaking of."""
    questions: dict[str, Any]

    def runs(self) -> list[Run]:
        """All of them, in the order in which they are done."""
        return [run for one in self.sets for run in one.runs()]


def load_plan(path: Path = QUESTIONS) -> Plan:
    """Read the questions file."""
    with path.open("rb") as file:
        record = tomllib.load(file)
    sets = tuple(
        RunSet(
            name,
            tuple(record[name]["worlds"]),
            tuple(record[name]["seeds"]),
            record[name]["epochs"],
            tuple(record[name]["settings"]),
        )
        for name in ("runs", "scales")
    )
    clips, seed = record["runs"]["measured_clips"], record["runs"]["measured_seed"]
    moved, least = record["scales"]["moved"], record["answers"]["least"]
    return Plan(hash_file(path), sets, clips, seed, moved, least, record["questions"])
