"""Annotation files of every data set: file(s) in, a RecordList of ClipRecords out.

Nothing here opens a video. Labels that are not among the classes stay in the list with `label` None,
so that check_dataset can report them all at once; a ClipDataset refuses them.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import glob
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MemberDescriptorType
from typing import Any, cast, overload

from gst_analysis.clips.detection import FORMATS, infer_format
from gst_analysis.clips.entries import Annotation, Entry
from gst_analysis.clips.labels import (
    LabelIndex,
    LabelOrder,
    derive_class_names,
    find_label_file,
    hmdb51_actions,
    load_class_names,
)
from gst_analysis.clips.locating import ClipLocator, NamedClips
from gst_analysis.clips.roots import find_root
from gst_analysis.errors import DataError, name_some
from gst_analysis.numbers import how_many
from gst_analysis.progress import Progress

AnyPath = str | os.PathLike[str]

_Read = list[tuple[Annotation, list[Entry]]]
_SORTED_BY_CUSTOM = ("something-v1", "jester")
EVERY_SUBSET = "all"
_FEW_THOUSAND = 5000


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """One clip: where it is and what is said of it.

    `start_frame` (from 0), `stop_frame` (exclusive), `start_s` and `stop_s` cut it out of a longer
    video; all four are None where the file is the clip. `num_frames` is what the annotation promises.
    """

    clip: str
    path: Path
    label: int | None = None
    label_text: str | None = None
    num_frames: int | None = None
    start_frame: int | None = None
    stop_frame: int | None = None
    start_s: float | None = None
    stop_s: float | None = None

    @property
    def file(self) -> str:
        """Its path as text, which costs less than a Path where there are many."""
        return str(_SLOT.__get__(self))


class _PathOfText:
    """Reads a slot as a Path that may hold text: a million Paths would take half a gigabyte."""

    def __get__(self, record: ClipRecord | None, owner: type | None = None) -> Any:
        held = self if record is None else _SLOT.__get__(record)
        return Path(held) if isinstance(held, str) else held

    def __set__(self, record: ClipRecord, path: str | Path) -> None:
        _SLOT.__set__(record, path)


_SLOT: MemberDescriptorType = ClipRecord.__dict__["path"]
ClipRecord.path = _PathOfText()  # type: ignore[misc, assignment] # mypy sees the field, which reads as a Path


@dataclass(frozen=True)
class RecordList(Sequence[ClipRecord]):
    """Records, class names in class order (empty if unknown), what was assumed, and the files' sha256.

    `format` is the list's, a key of FORMATS; empty where no list tells the clips.
    """

    records: tuple[ClipRecord, ...]
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] | None = None
    format: str = ""

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[ClipRecord]:
        return iter(self.records)

    @overload
    def __getitem__(self, index: int) -> ClipRecord: ...
    @overload
    def __getitem__(self, index: slice) -> RecordList: ...
    def __getitem__(self, index: int | slice) -> ClipRecord | RecordList:
        """A record, or for a slice some of them with the same class names, notes and sources."""
        if isinstance(index, slice):
            return dataclasses.replace(self, records=self.records[index])
        return self.records[index]

    def name_clips(self) -> tuple[str, ...]:
        """Clips that were named one by one; none where a file lists them."""
        return () if self.sources else tuple(record.clip for record in self.records)


def load_records(
    annotation: AnyPath | Sequence[AnyPath],
    *,
    format: str | None = None,
    root: AnyPath | NamedClips | None = None,
    labels: AnyPath | Sequence[str] | None = None,
    label_order: LabelOrder = "alphabetical",
    subset: str | None = None,
    usual_subsets: Sequence[str] = (),
    within: AnyPath | None = None,
    progress: Progress | None = None,
) -> RecordList:
    """Read annotation file(s) of one data set.

    Args:
        annotation: A file, a glob such as `splits/*_test_split1.txt`, or several of them.
        format: A key of FORMATS; detected from the content if None, and said in the notes.
        root: The folder the clips lie in, or what finds them; if None, the folder near the list that holds
            most of them.
        labels: A label file, or the class names themselves in order; if None, the data set's usual
            label file beside the annotation, else the names in the annotation.
        label_order: How the one-name-a-line label files of Something-Something v1 and Jester become
            numbers: sorted, as TRN, TSM and GST do, or by their place in the `file`, as MMAction2 does.
        subset: `train`, `test` …, or `all`: needed where the files list several.
        usual_subsets: Where they list several and none is named, the first of these that is there.
        within: The data set's folder, in which clips are looked for; the annotation's own if None.
        progress: Called every few thousand entries.

    Raises:
        DataError: a malformed line (named), an unusable label file, a path that leaves the root.
    """
    files = [Annotation.load(path) for path in _expand(annotation)]
    name, notes = _choose_format(files, format)
    read = [(file, FORMATS[name](file)) for file in files]
    entries = [entry for _, part in read for entry in part]  # of every subset: they share their classes
    read, more = _choose_subset(read, subset, usual_subsets, files[0].path)
    notes += more
    if labels is None:
        labels = _find_labels(name, files, entries, named=format is not None)
    class_names, note = _choose_class_names(name, files, entries, labels, label_order)
    del entries
    locator, looked = _choose_locator(root, files[0].path, read, within)
    index = LabelIndex(class_names)
    records, total = list[ClipRecord](), sum(len(part) for _, part in read)
    for file, part in read:
        part.reverse()
        while part:  # of a list of a million lines, what has been made of them is let go of at once
            if progress is not None and len(records) % _FEW_THOUSAND == 0:
                progress(len(records), total, "reading the list")
            records.append(_make_record(part.pop(), file, locator, class_names, index))
    notes += [note, *looked, *_remarks(records, class_names, index)]
    sources = {str(file.path): file.sha256 for file in files}
    return RecordList(tuple(records), tuple(class_names), tuple(notes), sources, name)


def _choose_locator(
    root: AnyPath | NamedClips | None, path: Path, read: _Read, within: AnyPath | None
) -> tuple[ClipLocator | NamedClips, tuple[str, ...]]:
    """What finds the clips, and what to note of how their folder was found."""
    if isinstance(root, NamedClips):
        return root, ()
    if root is not None:
        return ClipLocator(Path(root)), ()
    entries = [entry for _, part in read for entry in part]
    found = find_root(path, entries, None if within is None else Path(within))
    return ClipLocator(found.folder), found.notes


def number_videos(records: Sequence[ClipRecord]) -> tuple[int, ...]:
    """A number for each record's file: clips that are cut out of one video share theirs."""
    numbers: dict[str, int] = {}
    return tuple(numbers.setdefault(record.file, len(numbers)) for record in records)


def note_videos(videos: Sequence[int]) -> tuple[str, ...]:
    """What must be said of intervals where several clips are cut out of one video; nothing elsewhere."""
    count = len(set(videos))
    if count == len(videos):
        return ()
    return (f"{len(videos)} clips are cut out of {count} videos: intervals take those of a video together",)


def _expand(annotation: AnyPath | Sequence[AnyPath]) -> list[Path]:
    given = [annotation] if isinstance(annotation, (str, os.PathLike)) else list(annotation)
    paths: list[Path] = []
    for item in given:
        path = Path(item)
        matches = [] if os.path.exists(path) else sorted(glob.glob(str(path)))
        paths += map(Path, matches) if matches else [path]
    if not paths:
        raise DataError("annotation", expected="at least one file", found="none", todo="name one")
    return paths


def _choose_format(files: Sequence[Annotation], name: str | None) -> tuple[str, list[str]]:
    if name is None:
        found = {infer_format(file): file.path for file in files}
        if len(found) > 1:
            raise DataError(
                "annotation files",
                expected="one format",
                found=", ".join(f"{key} ({path.name})" for key, path in found.items()),
                todo="load them one by one, or name the format",
            )
        name = next(iter(found))
        return name, [f"format detected from the content: {name}"]
    if name not in FORMATS:
        close = difflib.get_close_matches(name, list(FORMATS), n=1)
        raise DataError(
            "annotation format",
            expected=f"one of {', '.join(FORMATS)}",
            found=repr(name)[:60],
            todo=f"did you mean {close[0]}?" if close else "choose one of them, or leave it out",
        )
    return name, []


def _choose_subset(
    read: _Read, subset: str | None, usual: Sequence[str], path: Path
) -> tuple[_Read, list[str]]:
    """Keep one subset's entries; several subsets are never mixed unless that is asked for."""
    present = Counter(entry.subset for _, part in read for entry in part)
    total = present.total()
    present.pop("unused", None)
    notes = []
    if subset is None and len(present) > 1:
        subset = next((name for want in usual for name in present if _same(name, want)), None)
        notes += [] if subset is None else [f"subset {subset} taken, of {_count(present)}"]
    if (subset is None and len(present) < 2) or (subset == EVERY_SUBSET and subset not in present):
        kept = [(file, [entry for entry in part if entry.subset != "unused"]) for file, part in read]
        notes += [f"clips of every subset: {_count(present)}"] if len(present) > 1 else []
    elif subset in present:
        kept = [(file, [entry for entry in part if entry.subset == subset]) for file, part in read]
    else:
        named = sorted(str(name) for name in present if name is not None)
        raise DataError(
            str(path),
            expected=f"a subset among {', '.join(named)}" if named else "no subset: it has none",
            found="none" if subset is None else f"subset {subset!r}"[:60],
            todo="choose one of them, or all" if named else "leave it out",
        )
    dropped = total - sum(len(part) for _, part in kept)
    if dropped == total:
        raise DataError(str(path), expected="at least one clip", found="none", todo="check the file")
    if dropped:
        notes.append(f"{how_many(dropped, 'entry', 'entries')} of other subsets left out")
    return kept, notes


def _same(name: str | None, wanted: str) -> bool:
    return name is not None and name.lower() == wanted


def _count(present: Mapping[str | None, int]) -> str:
    return ", ".join(f"{name or 'none named'} ({count})" for name, count in present.items())


def _find_labels(
    name: str, files: Sequence[Annotation], entries: Sequence[Entry], *, named: bool
) -> Path | None:
    """The label file beside the annotations, by its name, or by what the annotations say."""
    folder = files[0].path.parent
    texts = None if named else {entry.label_text for entry in entries if entry.label_text is not None}
    return find_label_file(name, folder, texts)


def _choose_class_names(
    name: str,
    files: Sequence[Annotation],
    entries: Sequence[Entry],
    labels: AnyPath | Sequence[str] | None,
    order: LabelOrder,
) -> tuple[list[str], str]:
    if labels is not None and not isinstance(labels, (str, os.PathLike)):
        return list(labels), "class order: as given"
    if labels is not None:
        return load_class_names(Path(labels), order=order if name in _SORTED_BY_CUSTOM else "file")
    beside = hmdb51_actions(file.path for file in files) if name == "hmdb51" else ()
    return derive_class_names(entries, beside)


def _make_record(
    entry: Entry,
    file: Annotation,
    locator: ClipLocator | NamedClips,
    class_names: Sequence[str],
    index: LabelIndex,
) -> ClipRecord:
    where = functools.partial(file.place, entry.line)
    path = locator.find(entry.candidates, where=where)
    whole = None if path or not entry.sources else locator.find(entry.sources, where=where)
    frames, times = entry.frames, entry.times
    if whole is None and entry.files:
        frames = times = None  # the file is, or should have been, the clip itself
    label, text = entry.label, entry.label_text
    if label is None and text is not None:
        label = index.find(text)
    elif label is not None and label < len(class_names):
        text = class_names[label]
    return ClipRecord(
        entry.clip,
        cast(Path, path or whole or locator.expect(entry.candidates + entry.sources, where=where)),
        label,
        text,
        entry.num_frames,
        *(frames or (None, None)),
        *(times or (None, None)),
    )


def _remarks(records: Sequence[ClipRecord], class_names: Sequence[str], index: LabelIndex) -> list[str]:
    """What a user should know and a program need not stop for."""
    remarks = []
    odd = sorted({r.label_text for r in records if r.label is None and r.label_text is not None})
    if odd:
        near = index.nearest(odd[0])
        hint = f" (nearest to the first: {near})" if near else ""
        remarks.append(f"labels that are not among the {len(class_names)} classes: {name_some(odd)}{hint}")
    beyond = sum(r.label is not None and r.label >= len(class_names) for r in records) if class_names else 0
    if beyond:
        remarks.append(
            f"{how_many(beyond, 'clip')} with a class number beyond the {len(class_names)} classes"
        )
    if len({r.clip for r in records}) < len(records):
        twice = [clip for clip, count in Counter(r.clip for r in records).items() if count > 1]
        remarks.append(f"clips listed more than once: {name_some(sorted(twice))}")
    return remarks
