"""A data set that a visitor sent: clips under numbers, what they were called, and what gives each its class.

Folders are classes, below folders of splits or not, as `load_class_folders` has them on a disk; or a list is.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gst_analysis.clips.class_folders import MEASURED, SPLITS, TRAINING
from gst_analysis.clips.labels import LabelIndex
from gst_analysis.clips.locating import NamedClips
from gst_analysis.clips.records import ClipRecord, RecordList, load_records
from gst_analysis.errors import DataError, name_some, shorten
from gst_analysis.numbers import how_many

_ENDING = re.compile(r"(\.tar)?\.\w+\Z", re.IGNORECASE)
"""Of an archive: what goes when it is unpacked."""


@dataclass(frozen=True)
class SentClips:
    """A data set: its clips by their names, and the list that labels them, or the folders that do."""

    name: str
    version: str
    """All of its content as one word."""
    folder: Path
    places: Mapping[str, Path] = field(repr=False)
    labelled_by: Path | None
    list_as: str
    """The list's name among what was sent, with its folders."""
    flat: bool
    _known: dict[Sequence[str], RecordList] = field(default_factory=dict, repr=False, compare=False)
    """What was read before: pages are drawn again and again."""

    @property
    def list_name(self) -> str:
        """What the list is called, without its folders."""
        return posixpath.basename(self.list_as)

    @property
    def unpacked(self) -> str:
        """What commands take where the visitor has it: the list, or the folder of classes.

        That is the folder that all clips share, or else the one that an archive is unpacked into, which has
        its name.
        """
        if self.labelled_by is not None:
            return self.list_name
        shared = _count_shared(self.places)
        first = next(iter(self.places)).split("/")
        return first[shared - 1] if shared else _ENDING.sub("", self.name) or self.name

    def name_unpacked(self, clip: str) -> str:
        """A clip as commands take it, beside `unpacked`.

        Args:
            clip: its name among what was sent.
        """
        if self.labelled_by is not None:
            return posixpath.relpath(clip, posixpath.dirname(self.list_as))
        shared = _count_shared(self.places)
        return "/".join([self.unpacked, *clip.split("/")[shared:]])

    def name_records(self, records: RecordList) -> RecordList:
        """Clips and their source as commands take them; parts of one file keep names that none takes."""
        sources = dict.fromkeys([self.unpacked], self.version)
        named = replace(records, sources=sources, notes=(*records.notes, *self._say_unpacked()))
        if any(record.start_frame is not None or record.start_s is not None for record in records):
            return named
        known = {str(place): self.name_unpacked(name) for name, place in self.places.items()}
        renamed = (replace(record, clip=known.get(record.file, record.clip)) for record in records)
        return replace(named, records=tuple(renamed))

    def _say_unpacked(self) -> tuple[str, ...]:
        if self.name == self.list_name:  # sent file by file
            return ()
        return (f"commands take {self.unpacked} out of {self.name}: unpack it first",)

    @property
    def names(self) -> dict[str, str]:
        """Places on the server, by what the visitor knows them as."""
        own = {str(place): name for name, place in self.places.items()}
        lists = {} if self.labelled_by is None else {str(self.labelled_by): self.list_name}
        return own | lists | {f"{self.folder}/": "", str(self.folder): self.name}

    def read(self, labels: Sequence[str] = ()) -> RecordList:
        """The labelled clips.

        Args:
            labels: a network's classes: folders, and lists without numbers of their own, are numbered as it
                has them, if it has them all.

        Raises:
            DataError: no clip with a class, or a list that cannot be read.
        """
        key = tuple(labels)
        if key not in self._known:
            found = _read_folders(self, key) if self.labelled_by is None else _read_list(self, key)
            self._known.clear()  # one is enough: networks are looked at one by one
            self._known[key] = found
        return self._known[key]


def split_classes(clips: Collection[str]) -> dict[str, tuple[str, str]]:
    """Each clip's split and class by its folders, below those that all share; empty where it has none."""
    shared = _count_shared(clips)
    return {clip: _split_class(clip.split("/")[shared:]) for clip in clips}


def _split_class(parts: list[str]) -> tuple[str, str]:
    split = parts[0].lower() if len(parts) > 2 and parts[0].lower() in SPLITS else ""
    rest = parts[1:] if split else parts
    return split, rest[0] if len(rest) > 1 else ""


def _count_shared(clips: Collection[str]) -> int:
    """Folders around the whole data set."""
    rows = [name.split("/") for name in clips]
    shared = 0
    while all(len(row) > shared + 2 for row in rows) and len({row[shared] for row in rows}) == 1:
        shared += 1
    return shared


def _read_folders(sent: SentClips, labels: Sequence[str]) -> RecordList:
    """Clips by their folders: of splits, the one that networks are measured on."""
    told = split_classes(sent.places)
    classes = sorted({label for _, label in told.values() if label})
    splits = {split for split, label in told.values() if label}
    measured = [split for split in (*MEASURED, "", *TRAINING) if split in splits]
    if not classes:
        raise DataError(
            sent.name,
            expected="clips in folders that are named as their classes, or a list of them",
            found="clips without either",
            todo="put the clips of every class into a folder, or send a list, too",
        )
    index = LabelIndex(labels)
    names = list(labels) if all(index.find(label) is not None for label in classes) else classes
    index = LabelIndex(names)
    records = [
        ClipRecord(clip, sent.places[clip], index.find(label), label)
        for clip, (split, label) in sorted(told.items())
        if label and split == measured[0]
    ]
    order = "the network's" if names != classes else "the folders' names, sorted"
    notes = (f"no list: classes are {order}",)
    return RecordList(tuple(records), tuple(names), notes, {sent.name: sent.version})


def _load(sent: SentClips, finder: NamedClips, labels: list[str] | None = None) -> RecordList:
    """What the list says; where it says it wrongly, it is called as its sender calls it."""
    assert sent.labelled_by is not None
    try:
        return load_records(sent.labelled_by, root=finder, usual_subsets=MEASURED, labels=labels)
    except DataError as error:
        subject = error.subject.replace(str(sent.labelled_by), sent.list_name)
        # A label file lies beside the list: the sender knows its name, and is not shown our folders.
        subject = subject.replace(f"{sent.folder}{os.sep}", "")
        raise DataError(subject, expected=error.expected, found=error.found, todo=error.todo).quoting(
            instead=error.discreet
        ) from error


def _read_list(sent: SentClips, labels: Sequence[str]) -> RecordList:
    """What of a list was sent."""
    finder = NamedClips(sent.places, flat=sent.flat)
    found = _load(sent, finder)
    unnumbered = any(note.startswith("class order: the names in the annotations") for note in found.notes)
    index = LabelIndex(labels)
    if unnumbered and all(index.find(name) is not None for name in found.class_names):
        found = _load(sent, finder, labels=list(labels))
    own = set(map(str, sent.places.values()))
    records = tuple(record for record in found if record.file in own)
    if not records:
        raise DataError(
            sent.list_name,
            expected="a list that names the clips that were sent",
            found="none of them in it",
            todo="send the clips under the names that the list gives them",
        )
    whole = [record.file for record in records if record.start_frame is None and record.start_s is None]
    if sent.flat and len(set(whole)) < len(whole):
        raise DataError(
            sent.list_name,
            expected="clips whose names differ",
            found="some that differ by their folders alone",
            todo="send an archive, which has folders",
        )
    _check_classes(records, found.class_names, sent.list_name)
    left = len(found) - len(records)
    notes = (*found.notes, *([f"{left:,} of {len(found):,} listed clips were not sent"] if left else []))
    return RecordList(records, found.class_names, notes, {sent.list_name: sent.version})


def _check_classes(records: Sequence[ClipRecord], classes: Sequence[str], name: str) -> None:
    """Refuse clips without one of the classes, by name: whoever sent the list may read it."""
    unknown = [one for one in records if one.label is None or (classes and one.label >= len(classes))]
    if unknown:
        said = [f"{one.clip} ({shorten(one.label_text or 'no class')})" for one in unknown]
        raise DataError(
            name,
            expected=f"one of {how_many(len(classes), 'class', 'classes') if classes else 'the classes'} "
            "for every clip",
            found=f"{how_many(len(unknown), 'clip')} without: {name_some(said)}",
            todo="correct the list, or the file that numbers the classes",
        )
