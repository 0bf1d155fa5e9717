"""What benchmarks/findings_questions.toml fixes: runs, clips and thresholds. No torch here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gst_analysis.files import hash_file

QUESTIONS = Path(__file__).parent / "findings_questions.toml"
LONGER = Path(__file__).parent / "findings_longer.toml"
"""The same questions after longer training."""


@dataclass(frozen=True)
class Run:
    """One training."""

    world: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.world}-{self.seed}"


@dataclass(frozen=True)
class Plan:
    """The questions file."""

    sha256: str
    worlds: tuple[str, ...]
    seeds: tuple[int, ...]
    epochs: int
    changes: tuple[str, ...]
    """Of the packaged recipe, beside the epochs."""
    measured_clips: int
    measured_seed: int
    moved: float
    """Of scales from where they began, below which a run says nothing of them."""
    least: float
    """Of a difference of shares that is worth speaking of."""
    questions: dict[str, Any]

    def runs(self) -> list[Run]:
        """Seed by seed, so that what is broken off has both worlds."""
        return [Run(world, seed) for seed in self.seeds for world in self.worlds]

    def settings(self, run: Run, root: Path) -> list[str]:
        """What a run changes in the recipe planted-WORLD."""
        own = [f"schedule.epochs={self.epochs}", f"run.seed={run.seed}", f"data.root={root}"]
        return [*self.changes, *own, "run.threads=1", "run.tensorboard=false"]


def load_plan(path: Path = QUESTIONS) -> Plan:
    """Read the questions file."""
    with path.open("rb") as file:
        record = tomllib.load(file)
    runs = record["runs"]
    return Plan(
        sha256=hash_file(path),
        worlds=tuple(runs["worlds"]),
        seeds=tuple(runs["seeds"]),
        epochs=runs["epochs"],
        changes=tuple(runs["settings"]),
        measured_clips=runs["measured_clips"],
        measured_seed=runs["measured_seed"],
        moved=runs["moved"],
        least=record["answers"]["least"],
        questions=record["questions"],
    )
