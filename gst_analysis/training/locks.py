"""One run at a time in a folder. No torch here."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from gst_analysis.errors import OutputError
from gst_analysis.training.table import LOCK

if sys.platform != "win32":
    import fcntl

_HELD = (errno.EACCES, errno.EAGAIN)


class FolderLock:
    """One run at a time in a folder: held from its making until `close`, or until the process ends.

    The locked file stays: to remove one that another process may be about to lock would undo its lock. The
    lock belongs to the process, not to the open file, so the processes that read clips, which are forks of
    this one, do not hold on to it when this one is killed.

    Raises:
        OutputError: another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = None
        if sys.platform == "win32":  # which has no such locks
            return
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(handle, 20).decode(errors="replace")
            os.close(handle)
            if error.errno not in _HELD:  # a file system without locks
                return
            raise OutputError(
                str(folder),
                expected="a folder that no other run is writing to",
                found=f"one that process {holder or 'unknown'} is training in",
                todo="wait for it, stop it, or choose another folder with --out",
            ) from error
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
