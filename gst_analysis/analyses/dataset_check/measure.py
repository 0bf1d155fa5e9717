"""Every clip of a data set looked at: records in, one table of what is wrong out."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pandas as pd

from gst_analysis.analyses.dataset_check.table import (
    DATASET_CHECK,
    DatasetCheck,
    DatasetCheckOptions,
    DatasetSummary,
)
from gst_analysis.clips.class_folders import has_class_folders, list_splits, load_class_folders
from gst_analysis.clips.decoding import open_clip
from gst_analysis.clips.flow_folders import point_at_flow
from gst_analysis.clips.labelled import LIST_KINDS, find_lists
from gst_analysis.clips.locating import look_up
from gst_analysis.clips.records import EVERY_SUBSET, ClipRecord, RecordList, load_records
from gst_analysis.clips.sampling import segment_indices
from gst_analysis.clips.spans import find_span
from gst_analysis.errors import DataError, name_some
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance
from gst_analysis.tables import check

_CHUNK = 32
_PIECE = 20_000
_WHOLE = (None, None, None, None)
_JSON_FORMATS = ("something-v2", "diving48")


@dataclass(frozen=True)
class CheckSettings:
    """`min_frames`: shorter clips are reported; `frames`: how many are decoded, 0 for every one."""

    min_frames: int = 3
    frames: int = 8
    num_classes: int | None = None
    """Labels must lie below it; the number of class names if None."""
    flow: bool = False
    """Whether clips are folders of optical flow, whose steps count as frames."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """One row of the table."""

    clip: str
    path: str
    problem: str
    frames: int | None
    promised: int | None
    label: str
    detail: str


def list_clips(
    places: Sequence[Path], options: DatasetCheckOptions, progress: Progress | None
) -> tuple[RecordList, list[str]]:
    """Every clip, where its optical flow lies if that is meant; and what to note of that.

    Raises:
        DataError: annotations that cannot be read, or a folder with neither lists nor clips.
    """
    listed, notes = _list_all(places, options, progress)
    if not options.of_flow:
        return listed, notes
    return replace(listed, records=point_at_flow(listed, options.flow_root)), notes


def _list_all(
    places: Sequence[Path], options: DatasetCheckOptions, progress: Progress | None
) -> tuple[RecordList, list[str]]:
    """Every clip of lists, of the lists in folders, or of folders without any; and what to note of that.

    Raises:
        DataError: annotations that cannot be read, or a folder with neither lists nor clips.
    """
    bare = len(places) == 1 and os.path.isdir(places[0]) and not find_lists(places[0])
    if bare and has_class_folders(places[0]):
        parts = [load_class_folders(part) for part in list_splits(places[0]) or places]
        records = tuple(record for part in parts for record in part)
        found = {path: digest for part in parts for path, digest in (part.sources or {}).items()}
        told = list(dict.fromkeys(note for part in parts for note in part.notes))
        return RecordList(records, parts[0].class_names, (), found), told
    files, notes = find_annotations(places, options.format)
    listed = load_records(
        files,
        format=options.format,
        root=options.root or options.flow_root,  # colour clips need not be there
        subset=options.subset or EVERY_SUBSET,
        within=places[0] if os.path.isdir(places[0]) else None,
        progress=progress,
    )
    return listed, notes


def find_annotations(paths: Sequence[Path], format: str | None) -> tuple[list[Path], list[str]]:
    """The files named, and those in the folders named that look like lists of clips; and what to note.

    Raises:
        DataError: a folder without such files.
    """
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
    """Files of the kind that a format has, or else that most of them have: they are read as one."""
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


def measure_dataset(
    records: RecordList,
    *,
    settings: CheckSettings | None = None,
    workers: int = 1,
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> DatasetCheck:
    """Open every clip and decode a few of its frames, as training would.

    A clip is a file, or a part of one: several records of it are one clip, which has the label that any of
    them gives, and is mislabelled if they give several.

    Args:
        records: What load_records returned.
        settings: What counts as too short, and how thoroughly to decode.
        workers: Clips looked at at once (decoding leaves the interpreter free, so threads suffice).
        notes: What is known of the records already.
        progress: Called after every few clips.

    Returns:
        A DATASET_CHECK table with a row for every problem of every clip: empty if all is well.
    """
    settings = settings or CheckSettings()
    classes = settings.num_classes or len(records.class_names) or None
    clips = _Clips(records)
    rows, looked, sound = _Rows(), 0, 0
    for found in _check_chunks(clips, settings, classes, workers):
        rows.add([problem for problems in found for problem in problems])
        looked, sound = looked + len(found), sound + sum(not problems for problems in found)
        if progress is not None:
            progress(looked, len(clips), "")
    table = check(rows.join(), DATASET_CHECK)
    summary = _summarise(table, len(clips), sound)
    provenance = Provenance(dict(records.sources or {}), {}, dict(vars(settings)))
    again = _note_repeats(len(records) - len(clips))
    return DatasetCheck(table, summary, provenance, notes=(*notes, *records.notes, *again))


def _note_repeats(again: int) -> list[str]:
    entries = "1 entry names" if again == 1 else f"{again} entries name"
    return [f"{entries} a clip that was listed before: each is checked once"] if again else []


class _Clips:
    """The records of every clip, in the order in which clips come first.

    Nearly all clips have one record, and a list for each would take as much as the records.
    """

    def __init__(self, records: RecordList) -> None:
        firsts: dict[object, ClipRecord] = {}
        self._others: dict[object, list[ClipRecord]] = {}
        for one in records:
            key = _identify(one)
            if firsts.setdefault(key, one) is not one:
                self._others.setdefault(key, []).append(one)
        self._firsts = list(firsts.values())

    def __len__(self) -> int:
        return len(self._firsts)

    def take(self, start: int, stop: int) -> list[list[ClipRecord]]:
        """The records of some of the clips."""
        return [[first, *self._others.get(_identify(first), ())] for first in self._firsts[start:stop]]


def _identify(record: ClipRecord) -> object:
    part = (record.start_frame, record.stop_frame, record.start_s, record.stop_s)
    return record.file if part == _WHOLE else (record.file, *part)


def _check_chunks(
    clips: _Clips, settings: CheckSettings, classes: int | None, workers: int
) -> Iterator[list[list[_Problem]]]:
    """Each clip's problems, a chunk of clips at a time, in order."""

    def check_chunk(start: int) -> list[list[_Problem]]:
        return [list(_check_clip(listed, settings, classes)) for listed in clips.take(start, start + _CHUNK)]

    with ThreadPoolExecutor(max(1, workers)) as pool:
        waiting: deque[Future[list[list[_Problem]]]] = deque()
        try:
            for start in range(0, len(clips), _CHUNK):  # not all at once: a list may have a million lines
                waiting.append(pool.submit(check_chunk, start))
                if len(waiting) > 4 * max(1, workers):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _check_clip(
    listed: Sequence[ClipRecord], settings: CheckSettings, classes: int | None
) -> Iterator[_Problem]:
    """The problems of a clip, of which there may be several records, with the longest promise of them."""
    promised = max((one.num_frames for one in listed if one.num_frames is not None), default=None)
    record = listed[0]
    if record.num_frames != promised:
        record = replace(record, num_frames=promised)
    labels = _name_labels(listed)
    label = next(iter(labels.values()), "")
    wrong = [f"labelled {' and '.join(labels.values())}"] if len(labels) > 1 else []
    wrong += [
        f"{name if isinstance(key, str) else key} is not among the {classes or 'known'} classes"
        for key, name in labels.items()
        if isinstance(key, str) or (classes is not None and key >= classes)
    ]
    if wrong:
        yield _Problem(record.clip, record.file, "mislabelled", None, None, label, "; ".join(wrong))
    trouble = _check_frames(record, settings)
    if trouble is not None:
        problem, frames, detail = trouble
        yield _Problem(record.clip, record.file, problem, frames, _promised(record), label, detail)


def _name_labels(listed: Sequence[ClipRecord]) -> dict[int | str, str]:
    """The names of a clip's labels by their numbers; a label of no known class stands by its text."""
    names: dict[int | str, str] = {}
    for one in listed:
        key = one.label_text if one.label is None else one.label
        if key is not None:
            names.setdefault(key, one.label_text or str(key))
    return names


def _check_frames(record: ClipRecord, settings: CheckSettings) -> tuple[str, int | None, str] | None:
    """The problem, the number of frames as far as it is known, and the words for it; None if sound."""
    try:
        if look_up(record.file) is None:
            return "missing", None, "nothing at that path"
    except OSError as error:
        return "unreadable", None, error.strerror or str(error)
    problem, frames = "unreadable", None
    try:
        with open_clip(record.path, flow=settings.flow) as clip:
            problem = kind = "truncated" if clip.missing else "unreadable"
            frames = clip.num_frames
            problem = "truncated"  # all that find_span can find
            span = find_span(record, clip)
            problem = kind
            if settings.frames:
                clip.read(span.start + segment_indices(len(span), settings.frames))
            else:
                clip.verify()
    except DataError as error:
        return problem, frames, str(error)
    if len(span) < settings.min_frames:
        return "too short", frames, f"{len(span)} frames, fewer than {settings.min_frames}"
    return None


def _promised(record: ClipRecord) -> int | None:
    if record.start_frame is not None and record.stop_frame is not None:
        return record.stop_frame - record.start_frame
    return record.num_frames


class _Rows:
    """The table as it grows, a piece at a time: a list may have a million lines, and nothing be there."""

    def __init__(self) -> None:
        self._pieces: list[pd.DataFrame] = []
        self._rows: list[_Problem] = []

    def add(self, problems: Sequence[_Problem]) -> None:
        self._rows += problems
        if len(self._rows) >= _PIECE:
            self._pieces.append(_build_table(self._rows))
            self._rows = []

    def join(self) -> pd.DataFrame:
        """Every row. A piece without rows has columns of another kind, and would give the others its own."""
        if self._rows or not self._pieces:
            self._pieces.append(_build_table(self._rows))
        return pd.concat(self._pieces, ignore_index=True)


def _build_table(problems: Sequence[_Problem]) -> pd.DataFrame:
    columns = [field.name for field in fields(_Problem)]
    table = pd.DataFrame({name: [getattr(one, name) for one in problems] for name in columns})
    return table.astype({"frames": "Int64", "promised": "Int64"})


def _summarise(table: pd.DataFrame, clips: int, sound: int) -> DatasetSummary:
    counts = {str(problem): int(number) for problem, number in table["problem"].value_counts().items()}
    return DatasetSummary(
        clips=clips,
        sound=sound,
        missing=counts.get("missing", 0),
        unreadable=counts.get("unreadable", 0),
        truncated=counts.get("truncated", 0),
        too_short=counts.get("too short", 0),
        mislabelled=counts.get("mislabelled", 0),
    )
