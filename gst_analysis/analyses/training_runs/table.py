"""A run's log, read back: the result and its summary. Its columns are those that training writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.results import Result

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RunSummary:
    """How far a run is. Scores are shares of the validation clips, None before the first validation."""

    network: str
    epochs: int
    planned_epochs: int
    steps: int
    loss: float | None
    top1: float | None
    best_top1: float | None
    best_epoch: int | None
    chance: float | None
    """The share of right answers that guessing reaches; None where the classes are not in the recipe."""
    seconds: float
    remaining_s: float | None
    """At the speed so far; None before the first epoch."""
    finished: bool


@dataclass(frozen=True)
class TrainingRun(Result[RunSummary]):
    """A run's log; `.table` is TRAINING_STEPS."""

    stem: ClassVar[str] = "training"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)

    epochs: pd.DataFrame = field(repr=False, kw_only=True)
    """A TRAINING_EPOCHS table."""
    folder: Path = field(kw_only=True)
    checkpoints: tuple[Path, ...] = field(kw_only=True)
    """The kept epochs, in order."""
    design: str = field(default="", repr=False, kw_only=True)
    """A hash of all settings that its weights follow from but the seed; the same for seeds of one design."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Steps, and epochs."""
        return {self.stem: self.table, "training_epochs": self.epochs}

    @property
    def last(self) -> Path | None:
        """The checkpoint that was written last, if there is one yet."""
        path = self.folder / "last.pth"
        return path if path.is_file() else None


@dataclass(frozen=True)
class RenderedSoFar:
    """How far a planted world is rendered."""

    done: int
    clips: int
    remaining_s: float | None
    """At the speed so far; None before the first clip."""
