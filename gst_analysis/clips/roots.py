"""Where the clips of a list lie, where nobody says: in the folder near the list that holds most of them.

Nothing outside the folder that was named is looked at, or outside the list's own where the list was named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gst_analysis.clips.entries import Entry
from gst_analysis.clips.locating import ClipLocator
from gst_analysis.errors import DataError, legible, name_some

_SAMPLE = 12
"""Clips that are looked for in every folder: one may be missing, a dozen seldom are."""
_MOST_FOLDERS = 40


@dataclass(frozen=True)
class Root:
    """The folder that clips lie in, and what to note of how it was found."""

    folder: Path
    notes: tuple[str, ...] = ()


def find_root(annotation: Path, entries: Sequence[Entry], within: Path | None = None) -> Root:
    """The folder in which most clips of a list are, of those that data sets put them in.

    Args:
        annotation: the list.
        entries: what it lists.
        within: the folder of the data set, if that was named; else the list's own.

    Returns:
        The list's own folder where none of the clips is anywhere; a note says where they were looked for.
    """
    own = annotation.parent
    sample = entries[:: max(1, len(entries) // _SAMPLE)][:_SAMPLE]
    tried = list(dict.fromkeys(_list_folders(own, within or own)))
    counts = [_count_found(folder, sample) for folder in tried]
    if sample and not any(counts):
        names = name_some([legible(folder) for folder in tried], limit=6)
        note = f"not one of {len(sample)} clips that were looked for is there; tried {names}"
        note += ": name the folder that they lie in with root (--root)"
        return Root(own, (note,))
    best = tried[counts.index(max(counts))]
    usual = (own, own / "videos")
    return Root(best, () if best in usual else (f"clips found in {legible(best)}",))


def _list_folders(own: Path, within: Path) -> Iterator[Path]:
    """Beside the list first, then in the data set's folder and those in it."""
    if (own / "videos").is_dir():
        yield own / "videos"
    yield own
    yield within
    yield from _list_inside(within)


def _list_inside(folder: Path) -> list[Path]:
    with suppress(OSError):
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        return [folder / name for name in names if not name.startswith(".")][:_MOST_FOLDERS]
    return []


def _count_found(folder: Path, sample: Sequence[Entry]) -> int:
    """How many of some clips are in a folder; a line that leads out of it is refused where it is read."""
    try:
        locator = ClipLocator(folder)
        return sum(
            locator.find((*entry.candidates, *entry.sources), where=lambda: "a clip") is not None
            for entry in sample
        )
    except DataError:
        return 0
