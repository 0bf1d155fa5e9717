"""A data set by name -> the labelled clips that an analysis runs over."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.errors import DataError, SpecError, name_some

if TYPE_CHECKING:
    from gst_analysis.data.records import RecordList

_LISTS = ("*val*.json", "*val*.csv", "*val*.txt", "*test*.json", "*test*.csv", "*test*.txt")


@dataclasses.dataclass(frozen=True)
class ClipChoice:
    """Which clips of a data set: its annotations' root and format, and how many of them at most.

    With `limit` that many clips are drawn at random, the same for the same seed, and kept in their order.
    """

    root: str | os.PathLike[str] | None = None
    format: str | None = None
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.limit is not None and not (type(self.limit) is int and self.limit >= 1):
            raise SpecError(
                "number of clips", expected="a whole number of at least 1", found=repr(self.limit)[:60],
                todo="give one, or none for all clips",
            )  # fmt: skip


def load_labelled_clips(dataset: str | os.PathLike[str], choice: ClipChoice | None = None) -> RecordList:
    """The clips of an annotation file, or of the one validation list in a folder.

    Args:
        dataset: the file or the folder.
        choice: where clips lie, the format, and how many to take.

    Raises:
        DataError: no such file, no list or several in the folder, or an annotation that cannot be read.
    """
    from gst_analysis.data.records import load_records

    choice = choice or ClipChoice()
    file = _find_list(Path(dataset))
    beside = file.parent / "videos"
    records = load_records(
        file, format=choice.format, root=choice.root or (beside if beside.is_dir() else None)
    )
    return _draw(records, choice)


def _find_list(path: Path) -> Path:
    if not path.is_dir():
        return path
    for patterns in (_LISTS[:3], _LISTS[3:]):
        found: Sequence[Path] = sorted({file for pattern in patterns for file in path.glob(pattern)})
        if len(found) == 1:
            return found[0]
        if found:
            break
    raise DataError(
        str(path), expected="one validation list, such as validation.json",
        found=name_some([file.name for file in found]) or "none", todo="name the annotation file itself",
    )  # fmt: skip


def _draw(records: RecordList, choice: ClipChoice) -> RecordList:
    if choice.limit is None or choice.limit >= len(records):
        return records
    import numpy as np

    drawn = np.random.default_rng(choice.seed).choice(len(records), choice.limit, replace=False)
    note = f"{choice.limit} of {len(records)} clips, drawn with seed {choice.seed}"
    kept = tuple(records[int(place)] for place in sorted(drawn))
    return dataclasses.replace(records, records=kept, notes=(*records.notes, note))
