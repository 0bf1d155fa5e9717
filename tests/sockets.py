"""No sockets but between processes of this machine: a hook of the interpreter, which no library goes round.

`forbidden(told)` holds for this process, those it forks, and Pythons that it starts. What was tried is
written into the file `told` too: a worker's exception may not come through. FFmpeg opens sockets without
Python; tests that hand it links listen at a port of their own.
"""

from __future__ import annotations

import os
import socket
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_TOLD = "GST_TESTS_SOCKETS"
_CALLS = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg")
_NAMES = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
_hooked = False
_file: Path | None = None


class SocketOpened(RuntimeError):
    """Something wanted to talk to another machine, or to listen to one."""


@contextmanager
def forbidden(told: Path) -> Iterator[None]:
    """Raise where a socket is connected, bound or written to, but for those of AF_UNIX."""
    global _file
    path = os.environ.get("PYTHONPATH", "")
    folder = told.parent / "first"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import tests.sockets\ntests.sockets.forbid_here()\n")
    told.touch()
    os.environ |= {_TOLD: str(told), "PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parents[1]}"}
    forbid_here()
    try:
        yield
    finally:
        _file = None
        del os.environ[_TOLD]
        os.environ["PYTHONPATH"] = path


def forbid_here() -> None:
    """Forbid them in this process, for a process that one with `forbidden` has started."""
    global _file, _hooked
    _file = Path(os.environ[_TOLD])
    if not _hooked:  # a hook can't be taken away
        sys.addaudithook(_look)
        _hooked = True


def _look(event: str, arguments: tuple[Any, ...]) -> None:
    if _file is None or not event.startswith("socket."):
        return
    ours = event in _CALLS and getattr(arguments[0], "family", None) == socket.AF_UNIX
    if (event in _CALLS and not ours) or event in _NAMES:
        with _file.open("a") as file:
            file.write(f"{event} {arguments[1:]}\n{''.join(traceback.format_stack(limit=12))}\n")
        raise SocketOpened(f"{event} {arguments[1:]}")
