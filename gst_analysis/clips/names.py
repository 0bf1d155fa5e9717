"""What a drawing calls a clip: a bare path shrinks to its file's name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.errors import one_line

if TYPE_CHECKING:
    from gst_analysis.clips.records import ClipRecord


def name_files(records: Mapping[str, ClipRecord]) -> dict[str, str]:
    """A title of one line for every clip: of one named by its path, the file and what tells it apart.

    Others keep the name that their data set gives them. One that is listed twice keeps its number.
    """
    paths = {name: Path(record.path) for name, record in records.items() if name.startswith(str(record.path))}
    ends = Counter(end for path in set(paths.values()) for end in _list_ends(path))
    short = {
        name: str(Path(*next((end for end in _list_ends(path) if ends[end] == 1), path.parts)))
        + name.removeprefix(str(path))
        for name, path in paths.items()
    }
    return {name: one_line(short.get(name, name)) for name in records}


def _list_ends(path: Path) -> list[tuple[str, ...]]:
    """The file, the file in its folder, and so on."""
    return [path.parts[-length:] for length in range(1, len(path.parts) + 1)]
