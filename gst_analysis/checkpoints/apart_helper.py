"""The helper that forks for a process with several threads: started once, with all modules loaded."""

from __future__ import annotations

import array
import atexit
import os
import socket
import subprocess
import threading
from functools import cache

from gst_analysis.processes import call_python, list_import_paths

_CALL = "from gst_analysis.checkpoints.apart_child import serve; serve({})"


class Helper:
    """The process that forks for this one. It ends when this one does: its wire is cut."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wire: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._own: list[int] = []

    def start(self) -> None:
        """Start it unless it runs."""
        with self._lock:
            self._start()

    def ask(self, theirs: socket.socket, output: int) -> None:
        """Have it fork a child that gets this end of the wire, and where to write."""
        with self._lock:
            for _ in range(2):  # it may have been ended from outside
                wire = self._start()
                try:
                    _send_files(wire, [theirs.fileno(), output])
                    return
                except OSError:
                    wire.close()
                    self._wire = None
        raise OSError("the helper cannot be started")

    def note_own(self, child: int) -> None:
        """Remember a child of this process itself, and take leave of those that have ended."""
        with self._lock:
            self._own = [*filter(_still_runs, self._own), child]

    def close(self) -> None:
        """Let go of it; it ends by itself."""
        with self._lock:
            if self._wire is not None and self._process is not None:
                self._wire.close()
                self._process.wait()
                self._wire = self._process = None

    def _start(self) -> socket.socket:
        if self._wire is None or self._process is None or self._process.poll() is not None:
            self._wire, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    call_python("-c", _CALL.format(theirs.fileno())),
                    env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": list_import_paths()},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
        return self._wire


def _still_runs(child: int) -> bool:
    """Whether a child has not ended; one that has is taken leave of."""
    try:
        return not os.waitpid(child, os.WNOHANG)[0]
    except ChildProcessError:  # somebody else has
        return False


@cache
def helper() -> Helper:
    """This process's own."""
    made = Helper()
    atexit.register(made.close)
    return made


def _send_files(wire: socket.socket, files: list[int]) -> None:
    wire.sendmsg([b"!"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))])
