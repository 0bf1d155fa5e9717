"""Which data set an annotation file belongs to, from its name and its first lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gst_analysis.clips.entries import Annotation, Entry
from gst_analysis.clips.readers_csv import (
    EPIC_COLUMNS,
    KINETICS_COLUMNS,
    is_identifier_line,
    read_epic,
    read_header,
    read_kinetics,
    read_semicolons,
)
from gst_analysis.clips.readers_json import parse_json, read_diving48, read_something_v2, walk_list
from gst_analysis.clips.readers_lists import (
    EGTEA_CLIP,
    HMDB_FILE,
    UCF_CLIP,
    read_egtea,
    read_hmdb51,
    read_list,
    read_ucf101,
)
from gst_analysis.errors import DataError

Reader = Callable[[Annotation], list[Entry]]

FORMATS: Mapping[str, Reader] = {
    "something-v1": read_semicolons,
    "something-v2": read_something_v2,
    "jester": read_semicolons,
    "diving48": read_diving48,
    "epic-kitchens": read_epic,
    "egtea": read_egtea,
    "kinetics": read_kinetics,
    "hmdb51": read_hmdb51,
    "ucf101": read_ucf101,
    "list": read_list,
}


def infer_format(annotation: Annotation) -> str:
    """The format's name; `id;label` files read alike, so Jester's also come back as something-v1."""
    first = next((text for _, text in annotation.lines()), "")
    if not first:
        raise DataError(str(annotation.path), expected="annotations", found="no lines", todo="check the file")
    if annotation.is_json:
        return _infer_json(annotation)
    columns = set(read_header(first))
    if set(KINETICS_COLUMNS) <= columns:
        return "kinetics"
    if set(EPIC_COLUMNS) <= columns:
        return "epic-kitchens"
    if HMDB_FILE.fullmatch(annotation.path.name):
        return "hmdb51"
    token = first.split()[0]
    if EGTEA_CLIP.fullmatch(token):
        return "egtea"
    if UCF_CLIP.fullmatch(token) and _numbers_from_one(annotation):
        return "ucf101"
    return "something-v1" if is_identifier_line(first) else "list"


def _numbers_from_one(annotation: Annotation) -> bool:
    """UCF-101's own split files count classes from 1; lists made from them for TSN count from 0."""
    fields = [text.split() for _, text in annotation.lines()]
    return all(len(parts) == 1 or (len(parts) == 2 and parts[1] != "0") for parts in fields)


def _infer_json(annotation: Annotation) -> str:
    is_list = annotation.text.lstrip()[:1] == "["
    first = next(walk_list(annotation), None) if is_list else parse_json(annotation)
    keys = set(first) if is_list and isinstance(first, dict) else set()
    if "vid_name" in keys:
        return "diving48"
    if "id" in keys:
        return "something-v2"
    raise annotation.error(
        1,
        expected="a JSON list of records with id (Something-Something v2) or vid_name (Diving48)",
        found=annotation.text[:60],
        todo="give one of them, or name the format",
    )
