"""Every clip of a dataset looked at: records in, one table of what is wrong out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields

import pandas as pd

from gst_analysis.data.clips import find_span
from gst_analysis.data.decoding import open_clip
from gst_analysis.data.locating import look_up
from gst_analysis.data.records import ClipRecord, RecordList
from gst_analysis.data.sampling import segment_indices
from gst_analysis.errors import DataError
from gst_analysis.results import Provenance, Result
from gst_analysis.tables import DATASET_CHECK, check

_CHUNK = 32


@dataclass(frozen=True)
class CheckSettings:
    """`min_frames`: shorter clips are reported; `frames`: how many are decoded, 0 for every one."""

    min_frames: int = 3
    frames: int = 8
    num_classes: int | None = None
    """Labels must lie below it; the number of class names if None."""


@dataclass(frozen=True)
class DatasetSummary:
    """How many clips there are, how many are sound, and how many have each problem."""

    clips: int
    sound: int
    missing: int
    unreadable: int
    truncated: int
    too_short: int
    mislabelled: int


@dataclass(frozen=True)
class _Problem:
    """One row of the table."""

    clip: str
    path: str
    problem: str
    frames: int | None
    promised: int | None
    label: str
    detail: str


def check_dataset(
    records: RecordList,
    *,
    settings: CheckSettings | None = None,
    workers: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> Result[DatasetSummary]:
    """Open every clip and decode a few of its frames, as training would.

    Args:
        records: What load_records returned.
        settings: What counts as too short, and how thoroughly to decode.
        workers: Clips looked at at once (decoding leaves the interpreter free, so threads suffice).
        progress: Called with (clips done, clips in all) now and then.

    Returns:
        A DATASET_CHECK table with a row for every problem of every clip: empty if all is well.
    """
    settings = settings or CheckSettings()
    classes = settings.num_classes or len(records.class_names) or None
    problems: list[list[_Problem]] = []
    for found in _check_chunks(records, settings, classes, workers):
        problems += found
        if progress is not None:
            progress(len(problems), len(records))
    table = _build_table([row for rows in problems for row in rows])
    summary = _summarise(table, len(records), sum(not rows for rows in problems))
    provenance = Provenance(dict(records.sources or {}), {}, dict(vars(settings)))
    return Result(table, summary, provenance)


def _check_chunks(
    records: RecordList, settings: CheckSettings, classes: int | None, workers: int
) -> Iterator[list[list[_Problem]]]:
    """Each record's problems, a chunk of records at a time, in order."""
    chunks = [records[start : start + _CHUNK] for start in range(0, len(records), _CHUNK)]

    def check_chunk(chunk: Sequence[ClipRecord]) -> list[list[_Problem]]:
        return [list(_check_clip(record, settings, classes)) for record in chunk]

    with ThreadPoolExecutor(max(1, workers)) as pool:
        try:
            yield from pool.map(check_chunk, chunks)
        finally:
            pool.shutdown(cancel_futures=True)


def _check_clip(record: ClipRecord, settings: CheckSettings, classes: int | None) -> Iterator[_Problem]:
    number = "" if record.label is None else str(record.label)
    label = number if record.label_text is None else record.label_text
    unknown = record.label is None and record.label_text is not None
    beyond = record.label is not None and classes is not None and record.label >= classes
    if unknown or beyond:
        detail = f"{number or label} is not among the {classes or 'known'} classes"
        yield _Problem(record.clip, str(record.path), "mislabelled", None, None, label, detail)
    trouble = _check_frames(record, settings)
    if trouble is not None:
        problem, frames, detail = trouble
        yield _Problem(record.clip, str(record.path), problem, frames, _promised(record), label, detail)


def _check_frames(record: ClipRecord, settings: CheckSettings) -> tuple[str, int | None, str] | None:
    """The problem, the number of frames as far as it is known, and the words for it; None if sound."""
    try:
        if look_up(record.path) is None:
            return "missing", None, "nothing at that path"
    except OSError as error:
        return "unreadable", None, error.strerror or str(error)
    problem, frames = "unreadable", None
    try:
        with open_clip(record.path) as clip:
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


def _build_table(problems: Sequence[_Problem]) -> pd.DataFrame:
    columns = [field.name for field in fields(_Problem)]
    table = pd.DataFrame([astuple(problem) for problem in problems], columns=columns)
    return check(table.astype({"frames": "Int64", "promised": "Int64"}), DATASET_CHECK)


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
