"""Uploaded files: kept under made-up names in one temporary folder, gone with the visitor.

Nothing of an upload's own name reaches the disk. The folder goes when its visitor is forgotten; the one it
lies in goes when the server stops.
"""

from __future__ import annotations

import secrets
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from app.wording import plain_name
from gst_analysis.checkpoints.naming import CHECKPOINT_ENDINGS
from gst_analysis.errors import DataError, OutputError, UnreadableCheckpoint

MOST_FILES, MOST_BYTES = 20, 2 * 2**30
"""Of one visitor: as many as pages compare, and together as large as four of the largest."""
MOST_BYTES_OF_ALL = 8 * 2**30
"""Of all visitors together."""
_PREFIX = "of-"
ROOM_TO_LEAVE = 2**30
"""Bytes that uploads leave free on the disk."""


def make_folder(home: Path, owner: object) -> Path:
    """A folder of somebody's own below `home`; it goes when they go."""
    folder = Path(tempfile.mkdtemp(dir=home, prefix=_PREFIX))
    weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
    return folder


def check_room(home: Path, shown: str, size: int) -> None:
    """Refuse what the disk has no room for, beside all that visitors keep.

    Raises:
        OutputError: there is none.
    """
    kept = sum(_measure(file) for folder in home.glob(f"{_PREFIX}*") for file in folder.rglob("*"))
    if kept + size > MOST_BYTES_OF_ALL or shutil.disk_usage(home).free < size + ROOM_TO_LEAVE:
        raise OutputError(
            shown,
            expected="room for it on the server's disk",
            found="too little",
            todo="ask whoever runs the server, or give a path in an allowed folder",
        )


def _measure(file: Path) -> int:
    """Bytes of a file; nothing of one that has just gone."""
    try:
        return file.lstat().st_size
    except OSError:
        return 0


class Uploads:
    """One visitor's uploaded files, by the names that pages show."""

    def __init__(self, home: Path, endings: Sequence[str] = CHECKPOINT_ENDINGS) -> None:
        self.endings = endings
        self.folder = make_folder(home, self)
        self.files: dict[str, Path] = {}

    def keep(self, name: str, content: BinaryIO, size: int) -> str:
        """Store a file and return the name it is shown by; refuse what is no checkpoint by its ending."""
        given = Path(name.replace("\\", "/"))
        ending = given.suffix.lower()
        shown = plain_name(given.stem) + plain_name(given.suffix)
        if ending not in self.endings:
            wrong = UnreadableCheckpoint if self.endings == CHECKPOINT_ENDINGS else DataError
            raise wrong(
                shown,
                expected=f"a file ending in {', '.join(self.endings)}",
                found=ending or "no ending",
                todo="choose the file itself",
            )
        self._check_room(shown, size)
        shown = self._distinct(shown)
        place = self.folder / f"{secrets.token_hex(8)}{ending}"
        with place.open("xb") as file:
            shutil.copyfileobj(content, file)
        self.files[shown] = place
        return shown

    @property
    def names(self) -> dict[str, str]:
        """What pages call them, by their paths."""
        return {str(place): name for name, place in self.files.items()}

    def remove(self, name: str) -> None:
        """Remove one of them now."""
        self.files.pop(name).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove every file now."""
        for place in self.files.values():
            place.unlink(missing_ok=True)
        self.files.clear()

    def _check_room(self, shown: str, size: int) -> None:
        if len(self.files) >= MOST_FILES:
            raise OutputError(
                shown,
                expected=f"at most {MOST_FILES} uploaded files at a time",
                found="one more",
                todo="remove the uploaded files first",
            )
        if sum(map(_measure, self.files.values())) + size > MOST_BYTES:
            raise OutputError(
                shown,
                expected=f"at most {MOST_BYTES // 2**20:,} MB of uploaded files at a time",
                found="more with this one",
                todo="remove the uploaded files first",
            )
        check_room(self.folder.parent, shown, size)

    def _distinct(self, shown: str) -> str:
        stem, ending = Path(shown).stem, Path(shown).suffix
        names = [shown, *(f"{stem} ({n}){ending}" for n in range(2, MOST_FILES + 2))]
        return next(name for name in names if name not in self.files)
