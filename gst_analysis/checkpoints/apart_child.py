"""The child's side of reading apart: its limits, and what it tells of the one file that it reads."""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import BufferedRWPair
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import torch
from torch import Tensor
from torch.utils.serialization import config

from gst_analysis.checkpoints.apart import VARIABLE, Told
from gst_analysis.checkpoints.formats import is_safetensors
from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.checkpoints.loading import load_checkpoint, read_here
from gst_analysis.checkpoints.reading import load_raw
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.errors import GstError, one_line
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems.transformer_kinds import KINDS
from gst_analysis.networks.systems.video_transformers import load_classes
from gst_analysis.options import NetworkOptions

_ALIGNED = 64
_IDLE_S = 1.0
ASKED_WITHIN_S = 60
_ROOM = 2**28
"""Bytes beside the file's own that a child may take: for names, and for what reading imports."""


def serve(descriptor: int) -> None:
    """Keep one child ready that takes the next request, until the other side is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    os.environ.pop(VARIABLE, None)  # what it reads to get ready it reads itself
    torch.set_num_threads(1)
    _read_once(recorded=True)
    with socket.socket(fileno=descriptor) as wire:
        # What foreign files need takes seconds to import, and folders some more: not before others are read.
        for get_ready in (partial(_read_once, recorded=False), _import_for_folders):
            if select.select([wire], [], [], _IDLE_S)[0] and not _keep_ready(wire):
                return
            get_ready()
        while _keep_ready(wire):
            pass


def _keep_ready(wire: socket.socket) -> bool:
    """Fork a child ahead of its request; returns when it has taken one, or False when there will be none."""
    listening, speaking = os.pipe()
    if os.fork() == 0:
        os.close(listening)
        told, files, _, _ = socket.recv_fds(wire, 1, 2)
        if told:
            os.write(speaking, b"!")
            wire.close()
            os.close(speaking)
            live(socket.socket(fileno=files[0]), files[1])
        os._exit(0)
    os.close(speaking)
    taken = os.read(listening, 1) != b""
    os.close(listening)
    return taken


def _read_once(*, recorded: bool) -> None:
    """Read a small file, with a record of what it is or without, so that no child imports what that needs."""
    with tempfile.TemporaryDirectory(prefix="gst-analysis-helper-") as folder:
        small = build_model(ModelSpec.from_name("gst-resnet26s", num_classes=2))
        path = save_model(Path(folder) / "small.pth", small)
        if not recorded:
            torch.save(small.state_dict(), path)
        load_checkpoint(path)


def _import_for_folders() -> None:
    """What a folder of Hugging Face's form is held against; not everybody has their library."""
    with suppress(GstError):
        for kind in KINDS.values():
            load_classes(kind, "a folder")


def live(wire: socket.socket, output: int) -> NoReturn:
    """Answer one question and end, whatever happens; nothing of the parent's is run on the way out."""
    code = 1
    try:
        gc.freeze()  # else each collection looks through all that was imported before, and so copies it
        os.setsid()
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(ASKED_WITHIN_S)  # whoever was to ask may have been killed
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)
        os.environ.pop(VARIABLE, None)
        with wire.makefile("rwb") as talk, os.fdopen(output, "wb", closefd=False) as file:
            talk.write(b"%d\n" % os.getpid())
            talk.flush()
            question = json.loads(talk.readline())
            _limit(question["size"], question["seconds"])
            config.load.mmap = _may_be_mapped(question["source"])
            talk.write(json.dumps(_answer(question, file, lambda: _hear(talk))).encode() + b"\n")
            talk.flush()
        code = 0
    except BaseException:  # the other side says what it sees: no answer
        code = 1
    finally:
        os._exit(code)


def _limit(size: int, seconds: float) -> None:
    """Bound what this process may take, by the file's honest size."""
    signal.alarm(int(seconds) + 1)
    with open("/proc/self/statm", "rb") if sys.platform == "linux" else open(os.devnull, "rb") as told:
        pages = int((told.read().split() or [b"0"])[0])
    bounds = {
        resource.RLIMIT_CPU: int(seconds) + 1,
        resource.RLIMIT_FSIZE: 2 * size + 2**24,
        resource.RLIMIT_CORE: 0,
    }
    if pages:
        bounds[resource.RLIMIT_AS] = pages * resource.getpagesize() + 5 * size // 2 + _ROOM
    for kind, most in bounds.items():
        with suppress(ValueError, OSError):  # where a lower one holds already
            resource.setrlimit(kind, (most, most))


def _hear(talk: BufferedRWPair) -> str:
    """The sha256 of the file, which the other side has read meanwhile."""
    told = talk.readline(80).strip().decode()
    if not told:
        raise OSError("nobody has read it to its end")
    return told


def _answer(question: Told, file: BinaryIO, hear: Callable[[], str]) -> Told:
    try:
        told, state = _read(question["path"], question["options"], hear if question["source"] else None)
        return told | {"tensors": _write(state, question["source"], file)}
    except GstError as error:
        return {"error": _say(error)}
    except MemoryError:
        return {"error": _refuse(question["path"], "one that takes far more memory than it is large")}
    except RecursionError:
        return {"error": _refuse(question["path"], "one whose parts lie within each other without end")}
    except Exception as error:
        return {"error": _refuse(question["path"], f"a damaged one ({one_line(str(error))[:90]})")}


def _read(path: str, told: Told | None, hear: Callable[[], str] | None) -> tuple[Told, dict[str, Tensor]]:
    """What a file is, or no more than its weights where nobody asks what they are of.

    Its sha256 may be empty where the other side hashes the same bytes meanwhile, as `hear` would tell.
    """
    if told is None:
        raw = load_raw(path, hashed=hear is None)
        return {"path": str(raw.path), "sha256": raw.sha256, "averaged": raw.averaged}, raw.state
    options: Told = {key: tuple(v) if isinstance(v, list) else v for key, v in told.items()}
    found = read_here(path, NetworkOptions(**options), hear=hear)
    return _describe(found), found.state


def _say(error: GstError) -> Told:
    kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == GstError.__module__)
    return {"kind": kind, "discreet": error.discreet, **error.parts}


def _refuse(path: str, found: str) -> Told:
    told = {"subject": path, "expected": "a checkpoint", "found": found}
    return {"kind": "UnreadableCheckpoint", **told, "todo": "copy or download it again"}


def _describe(found: Checkpoint) -> Told:
    return {
        "path": str(found.path),
        "sha256": found.sha256,
        "spec": found.spec.to_json(),
        "clip_spec": found.clip_spec.to_json(),
        "labels": None if found.labels is None else list(found.labels),
        "layout": found.layout,
        "notes": list(found.notes),
        "provenance": json.loads(json.dumps(dict(found.provenance), default=str, skipkeys=True)),
    }


def _write(state: dict[str, Tensor], source: str, file: BinaryIO) -> list[Any]:
    """What tensors are, and where each begins: in the source file, which the parent has, or written here."""
    told: list[Any] = []
    mapped, place = _find_mapped(source), 0
    for name, tensor in state.items():
        what = [name, str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]
        start = _locate(tensor, mapped)
        if start is not None:
            told.append([*what, "source", start])
            continue
        told.append([*what, "written", place])
        flat = tensor.detach().contiguous().reshape(-1)
        if flat.numel():
            file.write(flat.view(torch.uint8).numpy().data)
        place += flat.numel() * flat.element_size()
        file.write(bytes(-place % _ALIGNED))
        place += -place % _ALIGNED
    file.flush()
    return told


def _may_be_mapped(path: str) -> bool:
    """Whether a file's parts lie in it as they are: one of safetensors, or an archive of nothing packed."""
    if not path:
        return False
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            return is_safetensors(file.read(16))
    with zipfile.ZipFile(path) as archive:
        return all(part.compress_type == zipfile.ZIP_STORED for part in archive.infolist())


def _find_mapped(source: str) -> list[tuple[int, int, int]]:
    """Where in memory parts of a file lie: from, to, and which of its bytes is the first."""
    if not source or sys.platform != "linux":
        return []
    inode = os.stat(source).st_ino
    lines = (line.split(None, 5) for line in Path("/proc/self/maps").read_text().splitlines())
    found = [line for line in lines if len(line) > 4 and int(line[4]) == inode]
    spans = [(*line[0].split("-"), line[2]) for line in found]
    return [(int(low, 16), int(high, 16), int(first, 16)) for low, high, first in spans]


def _locate(tensor: Tensor, mapped: list[tuple[int, int, int]]) -> int | None:
    """Which byte of the file a tensor begins with; None where it is not the file's own bytes in order."""
    low, width = tensor.data_ptr(), tensor.element_size()
    if not tensor.numel() or not tensor.is_contiguous() or low % width:
        return None
    high = low + tensor.numel() * width
    starts = (low - begin + first for begin, end, first in mapped if begin <= low and high <= end)
    start = next(starts, None)
    return start if start is not None and start % width == 0 else None
