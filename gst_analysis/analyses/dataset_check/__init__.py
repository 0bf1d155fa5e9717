"""Videos on disk: planted worlds made, and any data set looked through."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.clips.labelled import LIST_KINDS, find_lists, find_videos
from gst_analysis.errors import DataError, name_some
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result

if TYPE_CHECKING:
    from gst_analysis.analyses.dataset_check.measure import DatasetSummary
    from gst_analysis.planted.worlds import WorldConfig

_JSON_FORMATS = ("something-v2", "diving48")


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
    from gst_analysis.planted import making as synthetic

    world = synthetic.make_world(folder, config, progress=progress)
    train, validation = (len(world.split(name)) for name in ("train", "validation"))
    return MadeWorld(str(world.folder), config.world, len(world.clips), train, validation, list(world.labels))


def check_dataset(
    annotations: Sequence[str | os.PathLike[str]],
    *,
    root: str | os.PathLike[str] | None = None,
    format: str | None = None,
    subset: str | None = None,
    workers: int = 2,
    progress: Progress | None = None,
) -> DatasetCheck:
    """Open every clip of a data set and decode a few of its frames, as training would.

    A clip of several lists is one; where they label it differently, it is mislabelled.

    Args:
        annotations: annotation files, or folders that hold them: all for training, validation and testing.
        root: the folder the clips lie in; the annotations' own, or its `videos`, if not given.
        format: the annotations' format; detected if not given.
        subset: of those that the annotations list, such as `train`; every one if not given.
        workers: clips looked at at once.
        progress: called now and then.
    """
    from gst_analysis.analyses.dataset_check import measure
    from gst_analysis.clips.records import EVERY_SUBSET, load_records

    files, notes = _find_annotations([Path(path) for path in annotations], format)
    records = load_records(
        files, format=format, root=root or find_videos(files[0]), subset=subset or EVERY_SUBSET
    )
    report = None if progress is None else lambda done, total: progress(done, total, "")
    found = measure.check_dataset(records, workers=workers, progress=report)
    again = len(records) - found.summary.clips
    entries = "1 entry names" if again == 1 else f"{again} entries name"
    once = [f"{entries} a clip that was listed before: each is checked once"] if again else []
    return DatasetCheck(found.table, found.summary, found.provenance, (*notes, *records.notes, *once))


def _find_annotations(paths: Sequence[Path], format: str | None) -> tuple[list[Path], list[str]]:
    """The files named, and those in the folders named that look like lists of clips."""
    found: list[Path] = []
    notes: list[str] = []
    for path in paths:
        if not os.path.isdir(path):
            found.append(path)
            continue
        lists = find_lists(path)
        if not lists:
            raise DataError(
                str(path),
                expected=f"annotation files with {', '.join(LIST_KINDS)} in their names, such as train.json",
                found="none",
                todo="name the annotation file itself",
            )
        kept = _of_one_kind(lists, format)
        found += kept
        notes += _tell_lists(kept, [file for file in lists if file not in kept])
    return found, notes


def _of_one_kind(lists: Sequence[Path], format: str | None) -> list[Path]:
    """Those files of the kind that a format has, or else that most of them have: they are read as one."""
    kinds = Counter(file.suffix.lower() for file in lists)
    wanted = max(kinds, key=lambda kind: kinds[kind])
    if format is not None:
        fitting = [kind for kind in kinds if (kind == ".json") == (format in _JSON_FORMATS)]
        wanted = max(fitting or kinds, key=lambda kind: kinds[kind])
    return [file for file in lists if file.suffix.lower() == wanted]


def _tell_lists(kept: Sequence[Path], others: Sequence[Path]) -> list[str]:
    notes = [f"lists found: {name_some([file.name for file in kept])}"]
    if others:
        names = name_some([file.name for file in others])
        notes.append(
            f"left out, as {kept[0].suffix} files are looked through here: {names}; name what to check"
        )
    return notes
