"""Where a clip lies on disk: untrusted relative paths in, paths inside the root out."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from gst_analysis.errors import DataError
from gst_analysis.untrusted import Oversized, require_regular

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


Where = Callable[[], str]
"""Names the line that a path stands in; called only where something is wrong with it."""


class ClipLocator:
    """Finds clips below one root, and reads each folder's listing once.

    Paths are text within: a list may have a million lines, and a Path costs more than all else together.
    """

    def __init__(self, root: Path) -> None:
        _check_root(root)
        self.root = Path(os.path.abspath(root))
        self._base = str(self.root).rstrip(os.sep) + os.sep
        self._listings: dict[str, _Listing | None] = {}

    def find(self, candidates: Iterable[str], *, where: Where) -> str | None:
        """The first candidate that exists, with or without a video's suffix.

        Raises:
            DataError: a candidate, found or not, lies outside the root.
        """
        paths = [self._join(spelt, where) for text in candidates for spelt in _spell(text)]
        return next((found for path in paths if (found := self._present(path)) is not None), None)

    def expect(self, candidates: Sequence[str], *, where: Where) -> str:
        """Where a clip that is not found should be.

        It is the first candidate in a folder that may not be listed, as it may well exist; else the first.
        """
        paths = [self._join(_spell(text)[-1], where) for text in candidates]
        for path in paths:
            if self._list(os.path.dirname(path)) is None:
                return path
        folder, _, name = paths[0].rpartition(os.sep)
        listing = self._list(folder or os.sep)
        return paths[0] if listing is None else listing.join(name)

    def _join(self, text: str, where: Where) -> str:
        # The text alone is judged: a link below the root may lead out of it, as where data sets are put
        # together of links; a line of the list may not.
        path = self._base + text
        if not _PLAIN.fullmatch(path, len(self._base)):
            path = os.path.normpath(os.path.join(self._base, text))
        if "\0" in text or not path.startswith(self._base) or len(path) == len(self._base):
            raise DataError(
                where(),
                expected=f"a clip below {self.root}",
                found=repr(text)[:80],
                todo="write paths relative to the root, or give another root",
            ).quoting(instead="one outside")
        return path

    def _present(self, path: str) -> str | None:
        folder, _, name = path.rpartition(os.sep)
        listing = self._list(folder or os.sep)
        if listing is None:  # what may not be listed may still be opened by its name
            guesses = (path, *(path + suffix for suffix in VIDEO_SUFFIXES))
            return next(filter(os.path.exists, guesses), None)
        found = listing.find(name)
        return None if found is None else listing.join(found)

    def _list(self, folder: str) -> _Listing | None:
        if folder not in self._listings:
            self._listings[folder] = _read_listing(folder)
        return self._listings[folder]


def _spell(text: str) -> tuple[str, ...]:
    """What a line may mean: a name with backslashes in it, as there may be one, or a path from Windows."""
    slashes = text.replace("\\", "/")
    return (slashes,) if slashes == text or os.sep == "\\" else (text, slashes)


class NamedClips:
    """Finds clips that lie elsewhere than their names say, such as those that came out of an archive.

    A list names a clip as a whole, or by the last folders of its name, where no other ends alike.
    """

    def __init__(self, places: Mapping[str, Path], *, flat: bool = False) -> None:
        """Clips by their names.

        Args:
            places: where each lies.
            flat: their folders are not known, so that of a path in a list only the end counts.
        """
        self._flat = flat
        self._places: dict[str, str | None] = {}
        for name, place in places.items():
            parts = name.split("/")
            for start in range(len(parts)):
                self._add("/".join(parts[start:]), str(place))
        self._places |= {name: str(place) for name, place in places.items()}

    def _add(self, name: str, place: str) -> None:
        stem, suffix = os.path.splitext(name)
        for known in (name, stem) if suffix.lower() in VIDEO_SUFFIXES else (name,):
            self._places[known] = place if self._places.get(known, place) == place else None

    def find(self, candidates: Iterable[str], *, where: Where) -> str | None:
        """The place of the first candidate that is one of them."""
        names = [text.replace("\\", "/").strip("/").removeprefix("./") for text in candidates]
        plain = [name.rpartition("/")[2] for name in names] if self._flat else names
        return next((place for name in plain if (place := self._places.get(name)) is not None), None)

    def expect(self, candidates: Sequence[str], *, where: Where) -> str:
        """A path at which nothing is, as one that is not among them is nowhere."""
        return os.path.join(os.devnull, os.path.basename(candidates[0]))


_PLAIN = re.compile(r"[^./\0][^/\0]*(?:/[^./\0][^/\0]*)*")
"""A relative path of names none of which begins with a dot: one that is as short as it can be."""


class _Listing:
    """The names in a folder; videos also by their stem (earlier suffixes win), once one is asked for."""

    def __init__(self, folder: str, names: Iterable[str]) -> None:
        self._base = folder.rstrip(os.sep) + os.sep
        self._names = frozenset(names)
        self._stems: dict[str, str] | None = None

    def join(self, name: str) -> str:
        """The path of a name in it."""
        return self._base + name

    def find(self, name: str) -> str | None:
        """The name as it is there."""
        if name in self._names:
            return name
        if self._stems is None:
            self._stems = self._list_stems()
        return self._stems.get(name)

    def _list_stems(self) -> dict[str, str]:
        rank = {suffix: place for place, suffix in enumerate(VIDEO_SUFFIXES)}
        videos = [
            (rank[suffix.lower()], stem, stem + suffix)
            for stem, suffix in map(os.path.splitext, self._names)
            if suffix.lower() in rank
        ]
        return {stem: name for _, stem, name in sorted(videos, reverse=True)}


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


def _read_listing(folder: str) -> _Listing | None:
    """What is in a folder; None for one that may not be listed."""
    try:
        return _Listing(folder, os.listdir(folder))
    except OSError as error:
        return _Listing(folder, ()) if _is_absent(error) else None


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
    """Refuse what holds no file's bytes before it is opened: a pipe may never end, holes take minutes.

    Raises:
        DataError: such a thing. Of what is not there nothing is said: opening it says why.
    """
    try:
        require_regular(path)
    except Oversized as odd:
        raise DataError(
            str(path), expected=what, found=str(odd), todo="leave it out, or put the file itself there"
        ) from odd
    except (OSError, ValueError):
        return


def look_up(path: str | Path) -> os.stat_result | None:
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
