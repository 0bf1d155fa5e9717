"""What may be read: a path that a visitor types, and all that is read because of it, links followed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from app.cached import make_upload_home
from gst_analysis.errors import DataError

LIST_ENDINGS = (".csv", ".json", ".txt")
"""Of files whose text may be read as a list of clips or of class names."""
OUTSIDE = "the explorer's folder"
"""As errors call it: where that lies on the server is nobody's business."""


def may_be_read(path: Path, allowed: Sequence[Path]) -> bool:
    """Whether a path lies in a folder that may be shown, and is nobody's upload."""
    real = Path(os.path.realpath(path))
    inside = any(real.is_relative_to(folder) for folder in allowed)
    return inside and not real.is_relative_to(make_upload_home().resolve())


def check_beside(path: Path, shown: str, allowed: Sequence[Path]) -> None:
    """Refuse a folder in which a link leads outside, and a list with such a link among the lists beside it.

    Raises:
        DataError: there is one.
    """
    folder = path if path.is_dir() else path.parent
    with os.scandir(folder) as entries:
        links = [entry for entry in entries if entry.is_symlink() and not entry.name.startswith(".")]
    read = [link for link in links if path.is_dir() or link.name.lower().endswith(LIST_ENDINGS)]
    _refuse_first((Path(link.path) for link in read), shown, allowed)


def check_clips(paths: Iterable[Path], shown: str, allowed: Sequence[Path]) -> None:
    """Refuse clips, and folders of frames, that are not where they may be read.

    Raises:
        DataError: one lies outside, or leads there.
    """

    known: dict[Path, bool] = {}

    def is_open(folder: Path) -> bool:
        if folder not in known:
            known[folder] = may_be_read(folder, allowed)
        return known[folder]

    doubtful = (path for path in paths if not is_open(path.parent) or not _is_plain(path))
    _refuse_first(doubtful, shown, allowed)


def _is_plain(path: Path) -> bool:
    """Whether a clip is no link and has none in it."""
    if path.is_symlink():
        return False
    if not path.is_dir():
        return True
    with os.scandir(path) as entries:
        return not any(entry.is_symlink() for entry in entries)


def _refuse_first(paths: Iterable[Path], shown: str, allowed: Sequence[Path]) -> None:
    for path in paths:
        inner = [path, *path.iterdir()] if path.is_dir() else [path]
        if not all(may_be_read(one, allowed) for one in inner):
            raise DataError(
                shown,
                expected=f"files inside {OUTSIDE}",
                found="one outside, or a link that leads there",
                todo="start the explorer with that folder, too",
            )
