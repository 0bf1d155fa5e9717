"""Where a clip lies on disk: untrusted relative paths in, paths inside the root out."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from gst_analysis.errors import DataError

VIDEO_SUFFIXES = (
    ".webm",
    ".mp4",
    ".avi",
    ".mkv",
    ".mov",
    ".m4v",
    ".mpg",
    ".mpeg",
    ".ts",
    ".flv",
    ".wmv",
    ".ogv",
    ".gif",
)


class ClipLocator:
    """Finds clips below one root, and reads each folder's listing once."""

    def __init__(self, root: Path) -> None:
        _check_root(root)
        self.root = Path(os.path.abspath(root))
        self._listings: dict[Path, dict[str, str] | None] = {}

    def find(self, candidates: Iterable[str], *, where: str) -> Path | None:
        """The first candidate that exists, with or without a video's suffix.

        Raises:
            DataError: a candidate, found or not, lies outside the root.
        """
        paths = [self.inside(text, where=where) for text in candidates]
        return next((found for path in paths if (found := self._present(path)) is not None), None)

    def find_closed(self, candidates: Iterable[str], *, where: str) -> Path | None:
        """The first candidate in a folder that may not be listed, so that it may well exist."""
        paths = [self.inside(text, where=where) for text in candidates]
        return next((path for path in paths if self._names_in(path.parent) is None), None)

    def inside(self, text: str, *, where: str) -> Path:
        """The path below the root that the text names, whether or not it exists."""
        # Lists may be written on Windows. The text alone is judged: a link below the root may lead out of
        # it, as where data sets are put together of links; a line of the list may not.
        path = Path(os.path.normpath(os.path.join(self.root, text.replace("\\", "/"))))
        if "\0" in text or path == self.root or not path.is_relative_to(self.root):
            raise DataError(
                where,
                expected=f"a clip below {self.root}",
                found=repr(text)[:80],
                todo="write paths relative to the root, or give another root",
            ).quoting(instead="one outside")
        return path

    def _present(self, path: Path) -> Path | None:
        names = self._names_in(path.parent)
        if names is None:  # what may not be listed may still be opened by its name
            guesses = (path, *(path.with_name(path.name + suffix) for suffix in VIDEO_SUFFIXES))
            return next((guess for guess in guesses if os.path.exists(guess)), None)
        name = names.get(path.name)
        return path.with_name(name) if name is not None else None

    def _names_in(self, folder: Path) -> dict[str, str] | None:
        if folder not in self._listings:
            self._listings[folder] = _list_names(folder)
        return self._listings[folder]


def _check_root(root: Path) -> None:
    found = "none there"
    try:
        place = look_up(root)
        if place is not None and stat.S_ISDIR(place.st_mode):
            return
    except OSError as error:
        found = error.strerror or str(error)
    raise DataError(
        str(root), expected="the folder that holds the clips", found=found, todo="give it as root"
    )


def _list_names(folder: Path) -> dict[str, str] | None:
    """Names in a folder by themselves, and videos also by their stem (earlier suffixes win).

    None for a folder that may not be listed.
    """
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        return {} if _is_absent(error) else None
    rank = {suffix: place for place, suffix in enumerate(VIDEO_SUFFIXES)}
    videos = [
        (rank[suffix.lower()], stem, stem + suffix)
        for stem, suffix in map(os.path.splitext, names)
        if suffix.lower() in rank
    ]
    stems = {stem: name for _, stem, name in sorted(videos, reverse=True)}
    return stems | {name: name for name in names}


def list_folder(folder: Path) -> list[str]:
    """The names in a folder, sorted.

    Raises:
        DataError: it cannot be listed.
    """
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise DataError(
            str(folder),
            expected="a folder that can be opened",
            found=error.strerror or str(error),
            todo="check the path, and who may open it",
        ) from error


def require_file(path: Path, what: str = "a file") -> None:
    """Refuse what is no file, before it is opened: to read a pipe or a device may never end.

    Raises:
        DataError: such a thing. Of what is not there nothing is said: opening it says why.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return
    if not stat.S_ISREG(mode):
        raise DataError(
            str(path),
            expected=what,
            found=next((name for kind, name in _KINDS if stat.S_IFMT(mode) == kind), "something else"),
            todo="leave it out, or put the file itself there",
        )


_KINDS = (
    (stat.S_IFDIR, "a folder"),
    (stat.S_IFIFO, "a pipe"),
    (stat.S_IFSOCK, "a socket"),
    (stat.S_IFCHR, "a device"),
    (stat.S_IFBLK, "a device"),
)


def look_up(path: Path) -> os.stat_result | None:
    """What is at a path, None if nothing is: so also of a name that no disk can hold.

    Raises:
        OSError: something may be there, but it cannot be looked at.
    """
    try:
        return os.stat(path)
    except ValueError:
        return None
    except OSError as error:
        if _is_absent(error):
            return None
        raise


def _is_absent(error: OSError) -> bool:
    return error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
