"""What a report is about: a checkpoint, and labelled clips if there are any; and how commands name them.

Files are named without their folders, and clips as they lie beside their annotations, so that a page is the
same wherever they lie.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gst_analysis.checkpoints.loaded import Checkpoint, LoadedModel
from gst_analysis.clips.labelled import ClipChoice, spread_records
from gst_analysis.clips.records import RecordList
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.options import join_words as quote_words
from gst_analysis.sections.options import ReportOptions


@dataclass(frozen=True)
class ReportClips:
    """A network and the labelled clips it is shown."""

    model: LoadedModel
    dataset: str | os.PathLike[str] | RecordList
    records: RecordList
    options: ReportOptions
    failures: dict[str, str] = field(default_factory=dict)
    """Fills with clips that could not be read, and why."""

    @property
    def settings(self) -> InferenceSettings:
        """How the network is run."""
        return InferenceSettings(batch=self.options.batch, device=self.options.device)

    def draw_few(self, count: int) -> ClipChoice:
        """So many clips at most."""
        return replace(choose_clips(self.options), limit=min(count, self.options.limit or count))


@dataclass(frozen=True)
class Subject:
    """A checkpoint, and a network with labelled clips if a data set was given."""

    checkpoint: Checkpoint
    clips: ReportClips | None = None
    start: str | os.PathLike[str] | None = None
    """A file that tells where scales started, if one was named."""

    @property
    def shown(self) -> ReportClips:
        """The clips, for a section that is written only where there are some."""
        assert self.clips is not None
        return self.clips

    @property
    def file(self) -> str:
        """The checkpoint's file as commands name it."""
        return self.checkpoint.path.name


def choose_clips(options: ReportOptions) -> ClipChoice:
    """Which clips of the data set a report is about."""
    return ClipChoice(options.root, options.format, options.limit, options.seed, options.subset)


def list_untold(clips: ReportClips, notes: Sequence[str]) -> list[str]:
    """Notes that the section on accuracy has not said of the clips."""
    return [note for note in notes if note not in clips.records.notes]


def join_words(*words: object) -> str:
    """A command line of ours."""
    return quote_words(["gst-analyze", *map(str, words)])


def are_cut(clips: ReportClips) -> bool:
    """Whether clips are parts of longer videos, which no command takes by name."""
    return any(record.start_frame is not None or record.start_s is not None for record in clips.records)


def name_dataset(clips: ReportClips) -> tuple[str, ...]:
    """The annotation file, its clips' folder, format and subset, as far as they were given."""
    given = clips.options
    root = ("--root", Path(given.root).name) if given.root is not None else ()
    kind = ("--format", given.format) if given.format is not None else ()
    part = ("--subset", given.subset) if given.subset is not None else ()
    return (_annotations(clips).name, *root, *kind, *part)


def name_few(clips: ReportClips, count: int) -> tuple[object, ...]:
    """Flags that draw so many clips of a data set."""
    given, usual = clips.options, ReportOptions()
    seed = ("--seed", given.seed) if given.seed != usual.seed else ()
    batch = ("--batch", given.batch) if given.batch != usual.batch else ()
    return ("--limit", min(count, given.limit or count), *seed, *batch)


def name_clips(clips: ReportClips, count: int) -> list[str]:
    """Clips spread over all, by their places beside the annotations."""
    folder = _annotations(clips).absolute().parent
    if isinstance(clips.dataset, RecordList):  # of an upload: they lie elsewhere, under numbers
        return [record.clip for record in spread_records(clips.records, count)]
    paths = [record.path.absolute() for record in spread_records(clips.records, count)]
    return [
        path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name for path in paths
    ]


def _annotations(clips: ReportClips) -> Path:
    return Path(next(iter(clips.records.sources or {}), "annotations"))
