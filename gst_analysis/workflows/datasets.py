"""Videos on disk: planted worlds made, and any data set looked through."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.errors import DataError
from gst_analysis.results import Result
from gst_analysis.workflows.sources import Progress

if TYPE_CHECKING:
    from gst_analysis.data.checking import DatasetSummary
    from gst_analysis.data.synthetic_worlds import WorldConfig

_ANNOTATIONS = ("*train*.json", "*val*.json", "*train*.csv", "*val*.csv", "*train*.txt", "*val*.txt")


@dataclass(frozen=True)
class MadeWorld:
    """A planted world on disk."""

    folder: str
    world: str
    clips: int
    train: int
    validation: int
    labels: list[str]


@dataclass(frozen=True)
class DatasetCheck(Result[Any]):
    """What is wrong with a data set's clips: a row for every problem, none if all is well."""

    summary: DatasetSummary
    notes: tuple[str, ...] = ()


def make_world(
    folder: str | os.PathLike[str], config: WorldConfig, *, progress: Progress | None = None
) -> MadeWorld:
    """Render a planted world: video files in Something-Something v2's layout whose truth is known."""
    from gst_analysis.data import synthetic

    report = None if progress is None else lambda done, total: progress(done, total, "")
    world = synthetic.make_world(folder, config, progress=report)
    train, validation = (len(world.split(name)) for name in ("train", "validation"))
    return MadeWorld(str(world.folder), config.world, len(world.clips), train, validation, list(world.labels))


def check_dataset(
    annotations: Sequence[str | os.PathLike[str]],
    *,
    root: str | os.PathLike[str] | None = None,
    format: str | None = None,
    workers: int = 2,
    progress: Progress | None = None,
) -> DatasetCheck:
    """Open every clip of a data set and decode a few of its frames, as training would.

    Args:
        annotations: annotation files, or one folder that holds them.
        root: the folder the clips lie in; the annotations' own, or its `videos`, if not given.
        format: the annotations' format; detected if not given.
        workers: clips looked at at once.
        progress: called now and then.
    """
    from gst_analysis.data import checking
    from gst_analysis.data.records import load_records

    files = _find_annotations([Path(path) for path in annotations])
    beside = files[0].parent / "videos"
    records = load_records(files, format=format, root=root or (beside if beside.is_dir() else None))
    report = None if progress is None else lambda done, total: progress(done, total, "")
    found = checking.check_dataset(records, workers=workers, progress=report)
    return DatasetCheck(found.table, found.summary, found.provenance, records.notes)


def _find_annotations(paths: list[Path]) -> list[Path]:
    """The files named, and those in the folders named that look like lists of clips."""
    found: list[Path] = []
    for path in paths:
        inside = (
            sorted({p for pattern in _ANNOTATIONS for p in path.glob(pattern)}) if path.is_dir() else [path]
        )
        if not inside:
            raise DataError(
                str(path), expected=f"annotation files such as {', '.join(_ANNOTATIONS[:2])}", found="none",
                todo="name the annotation file itself",
            )  # fmt: skip
        found += inside
    return found
