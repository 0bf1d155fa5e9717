"""JSON annotation files: text in, entries out. Something-Something v2 and Diving48."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from gst_analysis.clips.entries import Annotation, Entry, hold_once, strip_template
from gst_analysis.errors import DataError

_OPENING = re.compile(r"[ \t\r\n]*\[[ \t\r\n]*")
_COMMA = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_CLOSING = re.compile(r"[ \t\r\n]*\][ \t\r\n]*\Z")
_HALF = re.compile(r"\\u[dD]")


def read_something_v2(annotation: Annotation) -> list[Entry]:
    """`[{"id": "45", "template": "Putting [something] down", …}]`; a test set has ids alone."""
    entries = []
    for number, record in _records(annotation):
        clip, template = record.get("id"), record.get("template")
        if isinstance(clip, int) and not isinstance(clip, bool):
            clip = str(clip)
        if not isinstance(clip, str) or not clip.strip():
            raise _error(annotation, number, "an id", record)
        if template is not None and not (isinstance(template, str) and template.strip()):
            raise _error(annotation, number, "a template of text", record)
        label = hold_once(strip_template(template)) if template is not None else None
        entries.append(Entry(clip.strip(), number, files=(clip.strip(),), label_text=label))
    return entries


def read_diving48(annotation: Annotation) -> list[Entry]:
    """`[{"vid_name": …, "label": 0, "start_frame": 0, "end_frame": 133}]`, v1 and v2."""
    entries = []
    for number, record in _records(annotation):
        name = record.get("vid_name")
        if not isinstance(name, str) or not name.strip():
            raise _error(annotation, number, "a vid_name", record)
        label = _whole_or_none(annotation, number, record, "label")
        start = _whole_or_none(annotation, number, record, "start_frame") or 0
        stop = _whole_or_none(annotation, number, record, "end_frame")
        if stop is not None and stop <= start:
            raise _error(annotation, number, "an end_frame after start_frame", record)
        entry = Entry(name.strip(), number, label=label, files=(name.strip(),), num_frames=stop)
        if start and stop is not None:
            entry = Entry(name.strip(), number, label=label, sources=(name.strip(),), frames=(start, stop))
        entries.append(entry)
    return entries


def parse_json(annotation: Annotation) -> Any:
    """The file's value, or the parser's complaint with its line."""
    try:
        value = json.loads(annotation.text)
        list(_refuse_halves(annotation, value if isinstance(value, list) else [value]))
        return value
    except json.JSONDecodeError as error:
        raise DataError(
            f"{annotation.path}, line {error.lineno}", expected="JSON", found=error.msg, todo="correct it"
        ) from error
    except (ValueError, RecursionError) as error:
        raise annotation.error(1, expected="JSON of sane size and depth", found=str(error)) from error


def _refuse_halves(annotation: Annotation, items: Iterable[Any]) -> Iterator[Any]:
    """JSON may hold half a character (`"\\ud800"`), which can be neither printed nor written."""
    if _HALF.search(annotation.text) is None:
        yield from items
        return
    for number, item in enumerate(items, start=1):
        text = json.dumps(item, ensure_ascii=False)
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise _error(annotation, number, "whole characters", item)
        yield item


def walk_list(annotation: Annotation) -> Iterator[Any]:
    """The values of a JSON list, one after the other: a million held at once are half a gigabyte.

    Raises:
        DataError: the text is no JSON, or no list.
    """
    return _refuse_halves(annotation, _walk(annotation))


def _walk(annotation: Annotation) -> Iterator[Any]:
    text, decode = annotation.text, json.JSONDecoder().raw_decode
    opening = _OPENING.match(text)
    if opening is None:
        raise _name_fault(annotation)
    at, closing = opening.end(), _CLOSING.match(text, opening.end())
    while closing is None:
        try:
            value, at = decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _name_fault(annotation) from error
        yield value
        comma, closing = _COMMA.match(text, at), _CLOSING.match(text, at)
        if comma is None and closing is None:
            raise _name_fault(annotation)
        at = at if comma is None else comma.end()


def _name_fault(annotation: Annotation) -> DataError:
    """What is wrong with a text that is no list, in the parser's words where it is no JSON."""
    try:
        value = parse_json(annotation)
    except DataError as error:
        return error
    return annotation.error(1, expected="a JSON list of records", found=type(value).__name__)


def _records(annotation: Annotation) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, record in enumerate(walk_list(annotation), start=1):
        if not isinstance(record, dict):
            raise _error(annotation, number, "a record", record)
        yield number, record


def _whole_or_none(annotation: Annotation, number: int, record: dict[str, Any], name: str) -> int | None:
    value = record.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise _error(annotation, number, f"{name} as a whole number", record)
    return value


def _error(annotation: Annotation, number: int, expected: str, record: object) -> DataError:
    return annotation.error(number, expected=expected, found=str(record))
