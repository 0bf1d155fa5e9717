"""What a report is about: a checkpoint, and labelled clips if there are any; and how commands name them.

Files are named without their folders, and clips as they lie beside their annotations, so that a page is the
same wherever they lie.
"""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gst_analysis.checkpoints.loading import Checkpoint, LoadedModel
from gst_analysis.clips.labelled import ClipChoice, spread_records
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.inference.settings import InferenceSettings

USUAL_BATCH = 8


@dataclass(frozen=True)
class ReportPlan:
    """How much of a data set is looked at: by default all for accuracy, and a few clips for the rest."""

    choice: ClipChoice = field(default_factory=ClipChoice)
    ablation_clips: int = 40
    traces: int = 3
    influence_clips: int = 8
    slimming_clips: int = 40
    saliency_clips: int = 2
    without: tuple[str, ...] = ()
    """Sections to leave out."""

    def __post_init__(self) -> None:
        for name in ("ablation_clips", "traces", "influence_clips", "slimming_clips", "saliency_clips"):
            if getattr(self, name) < 1:
                raise SpecError(
                    f"report's {name}",
                    expected="at least 1",
                    found=str(getattr(self, name)),
                    todo="give a larger number, or leave the section out",
                )

    def draw_few(self, count: int) -> ClipChoice:
        """So many clips at most."""
        return dataclasses.replace(self.choice, limit=min(count, self.choice.limit or count))


@dataclass(frozen=True)
class ReportClips:
    """A network and the labelled clips it is shown."""

    model: LoadedModel
    dataset: str | os.PathLike[str]
    records: RecordList
    plan: ReportPlan
    settings: InferenceSettings
    failures: dict[str, str] = field(default_factory=dict)
    """Fills with clips that could not be read, and why."""


@dataclass(frozen=True)
class Subject:
    """A checkpoint, and a network with labelled clips if a data set was given."""

    checkpoint: Checkpoint
    clips: ReportClips | None = None

    @property
    def shown(self) -> ReportClips:
        """The clips, for a section that is written only where there are some."""
        assert self.clips is not None
        return self.clips

    @property
    def file(self) -> str:
        """The checkpoint's file as commands name it."""
        return self.checkpoint.path.name


def list_untold(clips: ReportClips, notes: Sequence[str]) -> list[str]:
    """Notes that the section on accuracy has not said of the clips."""
    return [note for note in notes if note not in clips.records.notes]


def join_words(*words: object) -> str:
    """A command line of ours."""
    return shlex.join(["gst-analyze", *map(str, words)])


def are_cut(clips: ReportClips) -> bool:
    """Whether clips are parts of longer videos, which no command takes by name."""
    return any(record.start_frame is not None or record.start_s is not None for record in clips.records)


def name_dataset(clips: ReportClips) -> tuple[str, ...]:
    """The annotation file, its clips' folder, format and subset, as far as they were given."""
    choice = clips.plan.choice
    root = ("--root", Path(choice.root).name) if choice.root is not None else ()
    kind = ("--format", choice.format) if choice.format is not None else ()
    part = ("--subset", choice.subset) if choice.subset is not None else ()
    return (_annotations(clips).name, *root, *kind, *part)


def name_few(clips: ReportClips, count: int) -> tuple[object, ...]:
    """Flags that draw so many clips of a data set."""
    choice = clips.plan.choice
    seed = ("--seed", choice.seed) if choice.seed else ()
    batch = ("--batch", clips.settings.batch) if clips.settings.batch != USUAL_BATCH else ()
    return ("--clips", min(count, choice.limit or count), *seed, *batch)


def name_clips(clips: ReportClips, count: int) -> list[str]:
    """Clips spread over all, by their places beside the annotations."""
    folder = _annotations(clips).absolute().parent
    paths = [record.path.absolute() for record in spread_records(clips.records, count)]
    return [
        path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name for path in paths
    ]


def _annotations(clips: ReportClips) -> Path:
    return Path(next(iter(clips.records.sources or {}), "annotations"))
