"""Reading a checkpoint in a process of its own, as browsers read pages: with limits of memory and time.

The child reads and recognises the file. What comes back is never unpickled: tensors as plain bytes in memory
that both share, everything else as JSON. A file that ends its reader, or takes too long, is one line here.

Where this process has a single thread the child is forked from it, which costs milliseconds. Where it has
several, as the explorer has, a small helper is started once that waits with all modules loaded and forks.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import select
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis import errors
from gst_analysis.checkpoints.apart_helper import helper
from gst_analysis.checkpoints.naming import WEIGHTS, find_folder
from gst_analysis.errors import GstError, UnreadableCheckpoint
from gst_analysis.options import NetworkOptions
from gst_analysis.rooms import Door
from gst_analysis.untrusted import count_free_memory

if TYPE_CHECKING:
    import torch

    from gst_analysis.checkpoints import apart_child
else:
    torch = Door("torch")
    apart_child = Door("gst_analysis.checkpoints.apart_child")

VARIABLE = "GST_ANALYSIS_ISOLATE"
"""What is read apart: `always`, `large` files, or nothing (the default)."""
OWN_VARIABLE = "GST_ANALYSIS_OWN_MODELS"
"""A folder whose files are read here even so: those that come with the explorer, which nobody sent."""
LARGE = 2**28
"""Bytes from which a file is read apart where `large` ones are."""
LEAST_S, BYTES_A_SECOND = 20.0, 20e6
"""A child may take so long, and for each so many bytes of the file a second more."""
_STARTED_WITHIN_S, _GRACE_S = 120.0, 5.0
_MOST_TOLD, _REFUSAL = 2**28, b'{"error"'
Told = dict[str, Any]


def must_read_apart(path: str | os.PathLike[str]) -> bool:
    """Whether a file is to be read in a child; never in one, and not where there is no `fork`."""
    wish = os.environ.get(VARIABLE, "")
    if wish not in ("always", "large") or not hasattr(os, "fork"):
        return False
    own = os.environ.get(OWN_VARIABLE)
    if own and os.path.realpath(path).startswith(os.path.realpath(own) + os.sep):
        return False
    # A helper's start takes longer than even a large file.
    return wish == "always" or (_size(path) >= LARGE and _may_fork())


def read_apart(
    path: str | os.PathLike[str], options: NetworkOptions | None
) -> tuple[Told, dict[str, torch.Tensor]]:
    """What a child says of a checkpoint, and its tensors.

    Args:
        path: the file.
        options: what is told of its network; None where it is read for its weights and not recognised.

    Raises:
        GstError: the child's own, or that it ended or took too long.
    """
    size = _size(path)
    seconds = LEAST_S + size / BYTES_A_SECOND
    free = count_free_memory()
    where = find_folder(path)
    holds = Path(path) if where is None else where / WEIGHTS
    source = str(holds) if holds.is_file() and (free is None or size < free) else ""
    question: Told = {"path": str(path), "options": options and _plain(options), "source": source}
    question |= {"size": size, "seconds": seconds}
    ours, theirs = socket.socketpair()
    with _shared_file() as shared:
        output = shared.fileno()
        try:
            with theirs:
                _ask_for_child(theirs, output)
            told, content = _converse(ours, question, str(path))
        finally:
            ours.close()
        if "error" in told:
            raise _read_error(told["error"])
        return told, _find_tensors(told["tensors"], content, output)


@contextmanager
def reading_apart(wish: str) -> Iterator[None]:
    """From here to the end files are read apart: `always`, or `large` ones."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = wish
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def start_helper() -> None:
    """Start the helper now, where one will be needed, so that the first file does not wait for it."""
    helper().start()


def _size(path: str | os.PathLike[str]) -> int:
    """Bytes of a file, or of the files in a folder."""
    where = Path(path)
    try:
        files = [where] if not where.is_dir() else [file for file in where.iterdir() if file.is_file()]
        return sum(file.stat().st_size for file in files)
    except OSError:
        return 0


def _plain(options: NetworkOptions) -> Told:
    """Options as JSON can say them."""
    found = asdict(options)
    if isinstance(found["labels"], os.PathLike):
        found["labels"] = str(found["labels"])
    return found


def _shared_file() -> Any:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("gst-analysis"), "w+b")
    return tempfile.TemporaryFile(prefix="gst-analysis-")


def _ask_for_child(theirs: socket.socket, output: int) -> None:
    """A child that listens at the other end."""
    if not _may_fork():
        helper().ask(theirs, output)
        return
    child = os.fork()
    if child == 0:
        apart_child.live(theirs, output)
    helper().note_own(child)


def _may_fork() -> bool:
    """Whether this process has a single thread, those of libraries counted: others may hold locks.

    Numpy's BLAS has threads from its import on, and ends them ahead of a fork, as every library with threads
    should: which do is seen after a fork that does nothing.
    """
    try:
        return threading.active_count() == 1 and (_is_single() or _is_single_once_forked())
    except OSError:
        return False


def _is_single() -> bool:
    return len(os.listdir("/proc/self/task")) == 1


def _is_single_once_forked() -> bool:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return _is_single()


def _converse(ours: socket.socket, question: Told, name: str) -> tuple[Told, Any]:
    """The child's answer and the file's content, or an error where there is no answer."""
    began, child, content = math.inf, 0, _make_room(0)
    sha256 = ""
    why = "one that ends the process that reads it"
    ours.settimeout(_STARTED_WITHIN_S)
    try:
        with ours.makefile("rwb") as wire:
            child = int(wire.readline(20) or 0)
            # A helper that is still starting, on a busy machine, is no fault of the file.
            began = time.monotonic()
            ours.settimeout(question["seconds"] + _GRACE_S)  # the child ends itself first
            wire.write(json.dumps(question).encode() + b"\n")
            wire.flush()
            if question["source"]:  # at the same time as the child follows what it says
                content, sha256 = _read(question["source"], ours)
                with suppress(OSError):  # it has answered already, and is gone
                    ours.sendall(sha256.encode() + b"\n")
            answer = wire.readline(_MOST_TOLD)
        found = json.loads(answer)
        if isinstance(found, dict):
            return found | {"sha256": sha256} if sha256 else found, content
    except TimeoutError:
        if not child:
            why = f"one that nobody reads: no reader has started after {_STARTED_WITHIN_S:.0f} s"
    except (OSError, ValueError):
        pass
    finally:
        if child > 1:
            _end(child)
    if time.monotonic() - began > question["seconds"] - 0.5:
        why = f"one that is not read after {question['seconds']:.0f} s"
    raise UnreadableCheckpoint(
        name,
        expected="a checkpoint",
        found=why,
        todo="copy or download it again, or ask whoever made it for the state dict alone",
    )


def _read(path: str, wire: socket.socket) -> tuple[Any, str]:
    """A file's content and its sha256, or what there is of it, unhashed, when the child has refused it.

    Raises:
        ValueError: it changed meanwhile.
    """
    known = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        content, done = _make_room(before.st_size), 0
        while read := file.readinto(memoryview(content)[done : done + 2**21]):
            known.update(memoryview(content)[done : done + read])
            done += read
            if select.select([wire], [], [], 0)[0] and wire.recv(len(_REFUSAL), socket.MSG_PEEK) == _REFUSAL:
                return content, ""
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or done != before.st_size:
        raise ValueError("it changed")
    return content, known.hexdigest()


def _make_room(size: int) -> Any:
    """Fresh memory, in large pages where there are such: to take 84 MB in small ones takes 50 ms."""
    if not size:
        return bytearray()
    room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):
            room.madvise(mmap.MADV_HUGEPAGE)
    return room


def _end(child: int) -> None:
    """End a child and all that it has started: it leads a group of its own."""
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _read_error(told: Mapping[str, Any]) -> GstError:
    """An error as the child raised it."""
    kind = getattr(errors, str(told.get("kind")), None)
    fits = isinstance(kind, type) and issubclass(kind, GstError)
    parts = {key: str(told.get(key, "")) for key in ("subject", "expected", "found", "todo")}
    made = kind(**parts) if fits and kind is not None else GstError(**parts)
    return made.quoting(instead=str(told["discreet"])) if told.get("discreet") else made


def _find_tensors(told: Any, content: Any, output: int) -> dict[str, torch.Tensor]:
    """Tensors in the file's content and in what the child has written; torch holds each against its size."""
    places: dict[str, Any] = {"source": content}
    if size := os.fstat(output).st_size:
        # Private: what is written to a tensor stays in this process.
        access = {"flags": mmap.MAP_PRIVATE, "prot": mmap.PROT_READ | mmap.PROT_WRITE}
        places["written"] = mmap.mmap(output, size, **access)
    found = {}
    for name, kind, shape, place, start in told:
        dtype, count = getattr(torch, kind), math.prod(shape)
        if count:
            flat = torch.frombuffer(places[place], dtype=dtype, count=count, offset=start)
            found[str(name)] = flat.reshape(shape)
        else:
            found[str(name)] = torch.empty(shape, dtype=dtype)
    used = sum(tensor.nbytes for tensor in found.values())
    # An optimizer's memory beside the weights would stay as long as they do.
    return found if 2 * used > len(content) else {name: tensor.clone() for name, tensor in found.items()}
