"""Labelled clips as pages list them: where each lies, and a small picture of it. Bounded by `kept`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from app.cached import turn
from app.cached_results import kept
from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import GstError
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses.traces import clip_list
else:
    clip_list = Door("gst_analysis.analyses.traces.clip_list")

THUMBNAIL = 200
"""Pixels of a thumbnail's longer side."""


@kept
def find_records(
    key: str, _place: str, *, limit: int | None, _check: Callable[[Iterable[Path]], None] | None = None
) -> Mapping[str, ClipRecord]:
    """The clips of a list by the names that tables give them.

    `_check` refuses those that may not be read.
    """
    records = load_labelled_clips(_place, ClipChoice(limit=limit))
    if _check is not None:
        _check(Path(record.path) for record in records)
    return clip_list.name_records(records)


def draw_thumbnail(record: ClipRecord) -> bytes | None:
    """A clip's middle frame as JPEG; None where it cannot be read."""
    try:
        return _draw(repr(record), Path(record.path).stat().st_mtime_ns, _record=record)
    except (GstError, OSError):
        return None


@kept
def draw_strip(path: str, changed_ns: int, *, frames: int) -> bytes:
    """Some frames of a video beside each other, as JPEG."""
    with turn():
        return clip_list.draw_strip(ClipRecord(path, Path(path)), side=THUMBNAIL // 2, frames=frames)


@kept
def _draw(key: str, changed_ns: int, *, _record: ClipRecord) -> bytes:
    with turn():
        return clip_list.draw_thumbnail(_record, side=THUMBNAIL)
