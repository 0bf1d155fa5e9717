"""Comma- and semicolon-separated annotation files: text in, entries out.

Something-Something v1 and Jester (`id;label`), Kinetics, EPIC-Kitchens 55 and 100.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from gst_analysis.clips.entries import Annotation, Entry, hold_once, is_whole, strip_quotes

KINETICS_COLUMNS = ("youtube_id", "time_start", "time_end")
EPIC_COLUMNS = (
    "participant_id",
    "video_id",
    "start_timestamp",
    "stop_timestamp",
    "start_frame",
    "stop_frame",
)

VALIDATION_NAMES = ("validate", "val", "valid", "validation")
"""What lists and folders call the same subset."""

Row = dict[str, str]


def read_semicolons(annotation: Annotation) -> list[Entry]:
    """`id;label text`, or `id` alone in a test set."""
    entries: list[Entry] = []
    for line, text in annotation.lines():
        clip, separator, label = (strip_quotes(part.strip()) for part in text.partition(";"))
        if not clip or " " in clip or (separator and not label):
            raise annotation.error(line, expected="`id;label text`, or `id` alone", found=text)
        if entries and bool(entries[0].label_text) != bool(label):
            raise annotation.error(line, expected="a label on every line or on none", found=text)
        entries.append(Entry(clip, line, files=(clip,), label_text=hold_once(label)))
    return entries


def read_kinetics(annotation: Annotation) -> list[Entry]:
    """Header with youtube_id, time_start, time_end; label and split where there are any."""
    entries = []
    folders: dict[tuple[str | None, str | None], tuple[str, ...]] = {}
    for line, row in _rows(annotation, KINETICS_COLUMNS):
        video = annotation.field(row, "youtube_id", line)
        start, stop = (_whole_seconds(annotation, row, name, line) for name in KINETICS_COLUMNS[1:])
        annotation.span(start, stop, line, "time")
        label = hold_once((row.get("label") or "").strip())
        subset = hold_once((row.get("split") or "").strip())
        name = f"{video}_{start:06d}_{stop:06d}"
        if (label, subset) not in folders:
            folders[label, subset] = _list_folders(label, subset)
        entries.append(
            Entry(
                name,
                line,
                files=(name,),
                sources=(video,),
                label_text=label,
                times=(float(start), float(stop)),
                subset=subset,
                folders=folders[label, subset],
            )
        )
    return entries


def _list_folders(label: str | None, subset: str | None) -> tuple[str, ...]:
    """The folders that a clip of a class and a subset may lie in."""
    classes = [text for text in dict.fromkeys((label, (label or "").replace(" ", "_"))) if text]
    splits = _subset_folders(subset)
    return (*classes, *splits, *(f"{split}/{one}" for split in splits for one in classes))


def _subset_folders(subset: str | None) -> tuple[str, ...]:
    """The folders that a subset's clips may lie in: its own first."""
    if subset is None or subset.lower() not in VALIDATION_NAMES:
        return (subset,) if subset else ()
    return (subset, *(name for name in VALIDATION_NAMES if name != subset))


def _whole_seconds(annotation: Annotation, row: Row, name: str, line: int) -> int:
    text = annotation.field(row, name, line)
    return annotation.whole(text.removesuffix(".0"), line, name)


def read_epic(annotation: Annotation) -> list[Entry]:
    """Verbs of EPIC-Kitchens 55 and 100; a test set has no verb_class."""
    entries = []
    for line, row in _rows(annotation, EPIC_COLUMNS):
        person, video, start, stop, first, last = (annotation.field(row, name, line) for name in EPIC_COLUMNS)
        times = annotation.seconds(start, line, "start"), annotation.seconds(stop, line, "stop")
        frames = annotation.whole(first, line, "start_frame"), annotation.whole(last, line, "stop_frame")
        annotation.span(*times, line, "time")
        annotation.span(frames[0] - 1, frames[1], line, "frame")
        verb = (row.get("verb_class") or "").strip()
        clip = (row.get("narration_id") or row.get("uid") or f"{video}_{line - 2}").strip()
        entries.append(
            Entry(
                clip,
                line,
                sources=(
                    video,
                    f"{person}/{video}",
                    f"{person}/rgb_frames/{video}",
                    f"{person}/videos/{video}",
                ),
                label=annotation.whole(verb, line, "verb_class") if verb else None,
                label_text=hold_once((row.get("verb") or "").strip()),
                # EPIC counts from 1 and names the last frame; ours are from 0 to the one after.
                frames=(max(0, frames[0] - 1), frames[1]),
                times=times,
            )
        )
    return entries


def read_header(line: str) -> list[str]:
    """The names of the columns, quoted or not; those without a name are empty."""
    try:
        cells = next(csv.reader([line]), [])
    except csv.Error:
        cells = line.split(",")
    return [name.strip() for name in cells]


def _rows(annotation: Annotation, needed: Sequence[str]) -> Iterator[tuple[int, Row]]:
    """The rows below a header that has the needed columns, each with its line number.

    A column without a name, as an index or a comma at the end of each line makes one, is passed over.
    """
    reader = csv.reader(io.StringIO(annotation.text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next((cells for cells in reader if cells), [])]
        missing = [name for name in needed if name not in header]
        if missing:
            raise annotation.error(
                1,
                expected=f"a header with {', '.join(needed)}",
                found=f"none of {', '.join(missing)}",
                todo="keep the data set's own header",
            )
        for cells in filter(None, reader):
            if len(cells) != len(header):
                raise annotation.error(
                    reader.line_num,
                    expected=f"{len(header)} columns, as in the header",
                    found=f"{len(cells)} columns",
                    todo="correct it, or quote what holds a comma",
                )
            yield reader.line_num, {name: cell for name, cell in zip(header, cells, strict=True) if name}
    except csv.Error as error:
        line = reader.line_num
        raise annotation.error(line, expected="comma-separated values", found=str(error)) from error


def is_identifier_line(text: str) -> bool:
    """Whether a line looks like `id;label`, or like a test set's lone number."""
    clip, separator, _ = text.partition(";")
    return (bool(separator) and bool(clip) and " " not in clip) or is_whole(text)
