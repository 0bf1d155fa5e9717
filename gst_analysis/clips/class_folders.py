"""Data sets without any list: a folder a class, with its clips in it, below folders for training and testing.

    videos/train/opening/a.mp4     or, where nothing is kept apart,     videos/opening/a.mp4
    videos/val/opening/b.mp4                                            videos/closing/c.mp4

Enters such a folder; its clips, labelled with the names of their folders, leave it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from gst_analysis.clips.finding import find_clips
from gst_analysis.clips.labels import LabelIndex
from gst_analysis.clips.readers_csv import VALIDATION_NAMES
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import DataError, legible

TRAINING, TESTING = ("train", "training"), ("test", "testing")
MEASURED = (*VALIDATION_NAMES, *TESTING)
"""Splits that networks are measured on, the first of them that is there."""
SPLITS = (*TRAINING, *MEASURED)
"""Names of folders that hold a part of the clips, and are no class."""


def has_class_folders(folder: Path) -> bool:
    """Whether a folder holds folders of clips, by class, or by split and then by class."""
    return bool(_list_classes(folder)) or bool(list_splits(folder))


def list_splits(folder: Path) -> list[Path]:
    """The folders of its splits, for training first, then those to measure on."""
    found = {path.name.lower(): path for path in _list_folders(folder)}
    return [found[name] for name in SPLITS if name in found and _list_classes(found[name])]


def find_validation(folder: Path) -> Path | None:
    """The folder whose clips a network is measured on: a split for that, or all where there are no splits."""
    splits = list_splits(folder)
    measured = [path for path in splits if path.name.lower() not in TRAINING]
    if measured:
        return measured[0]
    return folder if not splits and _list_classes(folder) else None


def load_class_folders(
    folder: Path, labels: Sequence[str] | None = None, *, among: Sequence[str] = ()
) -> RecordList:
    """The clips of a folder of classes.

    Args:
        folder: holds a folder a class; of a split, its neighbours' classes count too, so that all are
            numbered alike.
        labels: names of the classes in order; those of the folders, sorted, if None.
        among: the classes of a network, which are taken where it has all of the folders'.

    Raises:
        DataError: no clips.
    """
    around = list_splits(folder.parent) if folder.name.lower() in SPLITS else [folder]
    names = sorted({path.name for split in around for path in _list_classes(split)})
    if labels is None and all(LabelIndex(among).find(name) is not None for name in names):
        labels = among
    classes = list(labels) if labels is not None else names
    index, records = LabelIndex(classes), []
    for path in _list_classes(folder):
        for clip in find_clips(path):
            name = legible(clip.path.relative_to(folder))
            records.append(ClipRecord(name, clip.path, index.find(path.name), path.name))
    if not records:
        raise DataError(
            str(folder),
            expected="folders of clips, one a class, or a list of clips",
            found="neither",
            todo="name the list, or put the clips of every class into a folder with its name",
        )
    order = "the network's, or as given" if labels is not None else "the folders' names, sorted"
    listing = "\n".join(f"{record.clip}\t{record.label_text}" for record in records)
    digest = hashlib.sha256(listing.encode("utf-8", "replace")).hexdigest()
    note = f"no list: classes are {order}"
    return RecordList(tuple(records), tuple(classes), (note,), {str(folder): digest})


def _list_classes(folder: Path) -> list[Path]:
    """Folders that hold a clip each, whatever else; folders of splits are none."""
    return [one for one in _list_folders(folder) if one.name.lower() not in SPLITS and _holds_clips(one)]


def _holds_clips(folder: Path) -> bool:
    try:
        # A folder of frames is a clip by itself, and so no class.
        return any(record.path != folder for record in find_clips(folder))
    except DataError:
        return False


def _list_folders(folder: Path) -> list[Path]:
    try:
        entries = sorted(os.listdir(folder))
    except OSError:
        return []
    return [folder / name for name in entries if not name.startswith(".") and (folder / name).is_dir()]
