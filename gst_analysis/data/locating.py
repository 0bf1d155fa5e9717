"""Where a clip lies on disk: untrusted relative paths in, paths inside the root out."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gst_analysis.errors import DataError

VIDEO_SUFFIXES = (
    ".webm", ".mp4", ".avi", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".flv", ".wmv", ".ogv", ".gif",
)  # fmt: skip


class ClipLocator:
    """Finds clips below one root, and reads each folder's listing once."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise DataError(
                str(root), expected="the folder that holds the clips", found="none there",
                todo="give it as root",
            )  # fmt: skip
        self.root = Path(os.path.abspath(root))
        self._listings: dict[Path, dict[str, str]] = {}

    def find(self, candidates: Iterable[str], *, where: str) -> Path | None:
        """The first candidate that exists, with or without a video's suffix.

        Raises:
            DataError: a candidate, found or not, lies outside the root.
        """
        paths = [self.inside(text, where=where) for text in candidates]
        return next((found for path in paths if (found := self._present(path)) is not None), None)

    def inside(self, text: str, *, where: str) -> Path:
        """The path below the root that the text names, whether or not it exists."""
        path = Path(os.path.normpath(os.path.join(self.root, text.replace("\\", "/"))))
        if "\0" in text or path == self.root or not path.is_relative_to(self.root):
            raise DataError(
                where, expected=f"a clip below {self.root}", found=repr(text)[:80],
                todo="write paths relative to the root, or give another root",
            )  # fmt: skip
        return path

    def _present(self, path: Path) -> Path | None:
        if path.parent not in self._listings:
            self._listings[path.parent] = _list_names(path.parent)
        name = self._listings[path.parent].get(path.name)
        return path.with_name(name) if name is not None else None


def _list_names(folder: Path) -> dict[str, str]:
    """Names in a folder by themselves, and videos also by their stem (earlier suffixes win)."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return {}
    rank = {suffix: place for place, suffix in enumerate(VIDEO_SUFFIXES)}
    videos = [(rank[suffix.lower()], stem, stem + suffix) for stem, suffix in map(os.path.splitext, names)
              if suffix.lower() in rank]  # fmt: skip
    stems = {stem: name for _, stem, name in sorted(videos, reverse=True)}
    return stems | {name: name for name in names}
