"""How much room the files of a folder may take together, whatever processes write them. No torch here."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

_TAKEN = "taken"
"""The file that says how many bytes are taken."""
_DRAFT = re.compile(r"\.[0-9a-f]{32}\.\w{8}")
"""What `write_draft` calls the draft of a kept file. Nothing else is removed: a link may lead elsewhere."""
_OLD_S = 86_400
"""No file takes a day to write: a draft of that age was left by a process that was killed."""


class FolderRoom:
    """The room in a folder: whoever is about to write a file there takes it first.

    What is taken stands in a small file, which is changed under a lock: processes that read clips, several
    ranks and other runs share one bound. `measure` counts anew, so that what was deleted is free again.

    Args:
        folder: where the files lie, at any depth; nothing else lies there.
        limit_bytes: what they may take together.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder, self.limit_bytes = folder, limit_bytes

    def measure(self) -> int:
        """Count what the files take, remove drafts that were left behind, and return the bytes."""
        with self.alone() as handle:
            held = _count(self.folder)
            with suppress(OSError):  # a full disk; an empty note is counted anew
                if handle is not None:
                    _write(handle, held)
            return held

    def take(self, size: int) -> bool:
        """Take room for so many bytes; False, and nothing is taken, where there is not enough.

        Raises:
            OSError: the folder cannot be written to.
        """
        with self.alone() as handle:
            if handle is None:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            taken = _read(handle)
            taken = _count(self.folder) if taken is None else taken
            if size > 0 and taken + size > self.limit_bytes:
                return False
            _write(handle, max(0, taken + size))
            return True

    @contextmanager
    def alone(self) -> Iterator[int | None]:
        """Keep all other processes waiting; the open note of what is taken, None where none can be."""
        handle = None
        with suppress(OSError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it may be deleted at any time
            handle = _open_note(self.folder / _TAKEN)
        try:
            if handle is not None and sys.platform != "win32":  # which has no such locks
                with suppress(OSError):  # nor have some file systems
                    fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            if handle is not None:
                os.close(handle)


def _open_note(path: Path) -> int:
    """Open the note, which is changed in place: it may not be a link to another file, nor a pipe.

    Raises:
        OSError: it is no file of its own, or cannot be opened.
    """
    tame = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | tame, 0o666)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(handle)
        raise PermissionError(errno.EPERM, "a link or a pipe", str(path))
    return handle


def _read(handle: int) -> int | None:
    """The number in the file; None in a new one, or in one that was changed by hand."""
    text = os.read(handle, 30)
    return int(text) if text.isdigit() else None


def _write(handle: int, number: int) -> None:
    os.ftruncate(handle, 0)
    os.lseek(handle, 0, os.SEEK_SET)
    os.write(handle, str(number).encode())


def _count(folder: Path) -> int:
    """Bytes of all files in a folder, without its note; old drafts are removed."""
    total, now = 0, time.time()
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with suppress(OSError):  # another process has removed it
                told = os.lstat(path)
                if _DRAFT.fullmatch(name) and now - told.st_mtime > _OLD_S:
                    os.unlink(path)
                elif name != _TAKEN:
                    total += told.st_size
    return total
