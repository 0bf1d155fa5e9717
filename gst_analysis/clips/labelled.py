"""A data set by name -> the labelled clips that an analysis runs over."""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gst_analysis.clips.class_folders import find_validation, load_class_folders
from gst_analysis.clips.finding import find_clips
from gst_analysis.clips.locating import list_folder
from gst_analysis.clips.readers_csv import VALIDATION_NAMES
from gst_analysis.clips.readers_lists import HMDB_FILE
from gst_analysis.clips.records import AnyPath, RecordList, load_records
from gst_analysis.errors import DataError, SpecError, legible, name_some
from gst_analysis.numbers import how_many
from gst_analysis.progress import HELD, NOTICES

logger = logging.getLogger(NOTICES)

LIST_KINDS = ("train", "val", "test")
"""What the names of annotation files hold; of the validation list, `val` or else `test`."""
_SUFFIXES = (".csv", ".json", ".txt")
_MOST_FOLDERS = 100
_WORDS = {
    "root": "its root",
    "format": "its format",
    "subset": "its subset",
    "limit": "a number of clips",
    "seed": "a seed",
}


@dataclasses.dataclass(frozen=True)
class ClipChoice:
    """Which clips of a data set: its annotations' root, format and subset, and how many of them at most.

    With `limit` that many clips are drawn at random, the same for the same seed, and kept in their order.
    Where the annotations list several subsets and none is named, it is the one for validation, or else the
    one for testing; `all` takes every one.
    """

    root: str | os.PathLike[str] | None = None
    format: str | None = None
    limit: int | None = None
    seed: int = 0
    subset: str | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and not (type(self.limit) is int and self.limit >= 1):
            raise SpecError(
                "number of clips",
                expected="a whole number of at least 1",
                found=repr(self.limit)[:60],
                todo="give one, or none for all clips",
            )

    def name_given(self, names: Sequence[str] = tuple(_WORDS)) -> str:
        """In words, those of some fields that are not left as they are by themselves."""
        own = {field.name: field.default for field in dataclasses.fields(self)}
        given = [_WORDS[name] for name in names if getattr(self, name) != own[name]]
        return " and ".join([", ".join(given[:-1]), given[-1]] if len(given) > 1 else given)

    def require_lists(self, folder: Path) -> None:
        """Refuse what says something of lists, where folders alone tell the classes.

        Raises:
            SpecError: such a choice.
        """
        given = self.name_given(("root", "format", "subset"))
        if given:
            raise SpecError(
                legible(folder),
                expected=f"a list of clips beside {given}",
                found="none: its folders are the classes",
                todo="name the list, or the folder of the split, and leave that out",
            )

    def require_dataset(self, subject: str, *, todo: str, seed_is_used: bool = False) -> None:
        """Refuse what says something of a data set where there is none.

        Args:
            subject: who refuses.
            todo: how a data set is named there.
            seed_is_used: it draws other things too.

        Raises:
            SpecError: such a choice.
        """
        given = self.name_given([name for name in _WORDS if name != "seed" or not seed_is_used])
        if given:
            raise SpecError(subject, expected=f"a data set beside {given}", found="none", todo=todo)


def choose_clips(
    clips: Sequence[AnyPath], dataset: str | os.PathLike[str] | None = None, choice: ClipChoice | None = None
) -> RecordList:
    """Clips by their paths, or a data set's labelled ones.

    Raises:
        SpecError: neither or both, or a choice of a data set where there is none.
        DataError: a name that stands for no clip, or annotations that cannot be read.
    """
    choice = choice or ClipChoice()
    if bool(clips) == (dataset is not None):
        raise SpecError(
            "clips",
            expected="clips, or a data set with --dataset",
            found="both" if clips else "neither",
            todo="name one of them",
        )
    if dataset is None:
        choice.require_dataset("clips", todo="name it with --dataset, or leave that out")
    return find_clips(list(clips)) if dataset is None else load_labelled_clips(dataset, choice)


def load_labelled_clips(
    dataset: str | os.PathLike[str] | RecordList,
    choice: ClipChoice | None = None,
    *,
    classes: Sequence[str] | None = None,
) -> RecordList:
    """The clips of an annotation file, or of the one validation list in a folder; or some of those given.

    Args:
        dataset: the file, a glob of several, or the folder, of a list or of a folder for every class; or what
            this function returned.
        choice: where clips lie, the format, the subset, and how many to take: of clips that have been read
            the last alone.
        classes: of a network that the clips are for: folders of classes are numbered as it has them, if it
            has them all.

    Raises:
        DataError: no such file, no list or several in the folder, or an annotation that cannot be read.
        SpecError: a root, format or subset for clips that have been read.
    """
    choice = choice or ClipChoice()
    if isinstance(dataset, RecordList):
        _refuse_reading(choice)
        return _draw(dataset, choice)
    if not isinstance(dataset, (str, os.PathLike)):
        raise DataError(
            "labelled clips",
            expected="a path, or what load_labelled_clips returned",
            found=type(dataset).__name__,
            todo="name the annotation file, or its folder",
        )
    place = Path(dataset)
    files = _find_validation(place)
    if len(files) == 1 and os.path.isdir(files[0]):
        choice.require_lists(files[0])
        found = load_class_folders(files[0], among=classes or ())
        _say_found(place, files[0], found)
        return _draw(found, choice)
    records = load_records(
        files,
        format=choice.format,
        root=choice.root,
        subset=choice.subset,
        usual_subsets=(*VALIDATION_NAMES, "test", "testing"),
        within=place if os.path.isdir(place) else None,
    )
    if os.path.isdir(place):
        _say_found(place, files[0], records)
    return _draw(records, choice)


def _say_found(place: Path, taken: Path, found: RecordList) -> None:
    """What was taken where no more than a data set's folder was named, before any clip is shown."""
    lists = len(found.sources or ())
    name = "its folders" if taken == place else legible(os.path.relpath(taken, place))
    kind = f"a list of {found.format}" if found.format else "a folder for every class"
    more = f" and {how_many(lists - 1, 'more list')}" if lists > 1 else ""
    first = f", such as {legible(os.path.relpath(found[0].file, place))}" if len(found) else ""
    count = how_many(len(found), "clip")
    logger.info("%s: %s%s (%s), %s%s", legible(place), name, more, kind, count, first, extra={HELD: True})


def _refuse_reading(choice: ClipChoice) -> None:
    given = choice.name_given(("root", "format", "subset"))
    if given:
        raise SpecError(
            "labelled clips",
            expected=f"the path of a data set beside {given}",
            found="clips that have been read",
            todo="say so where they are read, with load_labelled_clips",
        )


def find_lists(folder: Path, kinds: Sequence[str] = LIST_KINDS) -> list[Path]:
    """The annotation files of a folder, as their names tell, in order of their names.

    Where there are none, those of the folders in it: UCF-101's lie in `ucfTrainTestlist`.

    Raises:
        DataError: the folder cannot be opened.
    """
    names = list_folder(folder)
    found = _choose_lists(folder, names, kinds)
    if found:
        return found
    below = [folder / name for name in names if not name.startswith(".") and (folder / name).is_dir()]
    return [
        file for place in below[:_MOST_FOLDERS] for file in _choose_lists(place, _try_names(place), kinds)
    ]


def _choose_lists(folder: Path, names: Sequence[str], kinds: Sequence[str]) -> list[Path]:
    lists = [name for name in names if name.lower().endswith(_SUFFIXES)]
    return [folder / name for name in lists if any(kind in name.lower() for kind in kinds)]


def _try_names(folder: Path) -> list[str]:
    try:
        return list_folder(folder)
    except DataError:
        return []


def _find_validation(path: Path) -> list[Path]:
    if not os.path.isdir(path):
        return [path]
    found = find_lists(path, ("val",)) or find_lists(path, ("test",))
    splits = _hmdb51_splits(found)
    if len(found) == 1 or len(splits) == 1:
        return found
    apart = None if found else find_validation(path)
    if apart is not None:
        return [apart]
    todo = (
        f"name one split, such as '{path}/*_test_split{min(splits)}.txt'"
        if splits
        else ("name the annotation file itself")
    )
    raise DataError(
        str(path),
        expected="one validation list, such as validation.json",
        found=name_some([file.name for file in found]) or "none",
        todo=todo,
    )


def _hmdb51_splits(files: Sequence[Path]) -> set[str]:
    """The splits of HMDB-51's files, each of which lists one action; none if there are others too."""
    matches = [match for file in files if (match := HMDB_FILE.fullmatch(file.name))]
    return {match["split"] for match in matches} if len(matches) == len(files) else set()


def _draw(records: RecordList, choice: ClipChoice) -> RecordList:
    if choice.limit is None or choice.limit >= len(records):
        return records
    drawn = np.random.default_rng(choice.seed).choice(len(records), choice.limit, replace=False)
    note = f"{choice.limit} of {len(records)} clips, drawn with seed {choice.seed}"
    kept = tuple(records[int(place)] for place in sorted(drawn))
    return dataclasses.replace(records, records=kept, notes=(*records.notes, note))


def open_clips(clips: AnyPath | Sequence[AnyPath] | RecordList) -> RecordList:
    """Clips by their paths, or those that were found before.

    Raises:
        DataError: a name that stands for no clip.
    """
    return clips if isinstance(clips, RecordList) else find_clips(clips)


def spread_records(records: RecordList, limit: int | None) -> RecordList:
    """Every so-manieth clip, so that no more than `limit` are left."""
    if limit is not None and not (isinstance(limit, int) and limit >= 1):
        raise SpecError(
            "number of clips",
            expected="a whole number, at least 1",
            found=repr(limit)[:40],
            todo="give another one, or none",
        )
    if limit is None or limit >= len(records):
        return records
    kept = tuple(records[place * len(records) // limit] for place in range(limit))
    note = f"{limit} of {len(records)} clips, spread evenly"
    return dataclasses.replace(records, records=kept, notes=(*records.notes, note))


def open_listed_or_clips(clips: AnyPath | Sequence[AnyPath] | RecordList) -> RecordList:
    """Clips by their paths; of an annotation file, or a folder with one for validation, those it lists.

    Raises:
        DataError: a name that stands for no clip, or annotations that cannot be read.
    """
    given = [clips] if isinstance(clips, (str, os.PathLike)) else clips
    if isinstance(given, Sequence) and len(given) == 1 and isinstance(given[0], (str, os.PathLike)):
        path = Path(given[0])
        is_list = path.suffix.lower() in _SUFFIXES and path.is_file()
        if is_list or (path.is_dir() and find_lists(path, ("val", "test"))):
            return load_labelled_clips(path)
    return open_clips(clips)
