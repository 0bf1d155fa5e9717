"""The two kinds of file that hold weights, PyTorch's and safetensors: looked through first, then read.

What is looked through is small (names, a directory, a header); the reading itself is torch's, always with
weights_only=True, and safetensors' own.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from safetensors import SafetensorError, safe_open

from gst_analysis.checkpoints.archives import Archive, read_archive
from gst_analysis.checkpoints.pickle_parts import Damaged, Part, Refused
from gst_analysis.checkpoints.pickles import LARGEST_PICKLE, Walk
from gst_analysis.checkpoints.stand_ins import load_past_values, load_plain
from gst_analysis.errors import (
    BrokenCheckpoint,
    CheckpointError,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
    one_line,
)
from gst_analysis.rooms import Door
from gst_analysis.untrusted import LARGEST_JSON, LONGEST_NAME, parse_json

if TYPE_CHECKING:
    from torch import Tensor
    from torch.utils.serialization import config
else:
    config = Door("torch.utils.serialization.config")

MOST_TENSORS = 10_000
"""Of a network; the largest that is known here has 1,000."""
SAFETENSORS_KEY = "gst_analysis"
"""Where our own record lies in a safetensors file's metadata."""
MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
"""What an older file of PyTorch's begins with."""
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"


@dataclass(frozen=True)
class Scan:
    """What looking through a file showed: its directory if it is an archive, our own record in its header."""

    archive: Archive | None = None
    record: Mapping[str, Any] = field(default_factory=dict)
    safetensors: bool = False
    left_out: bool = False
    """Whether it names values of other libraries, which are left out unread."""
    doubtful: bool = False
    """Whether it asks for something that torch may refuse to make."""
    made: Any = field(default=None, repr=False)
    """What an archive's pickle would make, in parts."""
    header: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Of a safetensors file, by tensor; not yet looked into."""
    first: int = 0
    """Where such a file's values begin."""
    size: int = 0


def is_safetensors(head: bytes) -> bool:
    """Eight bytes of header length, below the format's limit of 100 MB, then a JSON object."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= 100_000_000


def is_torch(head: bytes) -> bool:
    """How PyTorch's archives and its older pickles begin."""
    return head.startswith((_ZIP, _PICKLE))


def scan_torch(path: Path, size: int) -> Scan:
    """Look through a PyTorch file: what its pickle would make, and whether the file holds it.

    Raises:
        CheckpointError: it would make something else than weights and plain values, or is damaged.
    """
    with explain_refusal(path), path.open("rb") as file:
        if file.read(len(_ZIP)) != _ZIP:
            return Scan(left_out=_scan_pickles(file, size))
        archive = read_archive(file, size)
        walk = Walk(archive.read(file, "data.pkl", most=LARGEST_PICKLE))
        made = walk.run()
        if walk.views:
            raise Damaged("a damaged pickle")
        archive.require_storages(walk.storages.values())
        return Scan(archive, left_out=walk.left_out, doubtful=walk.doubtful, made=made)


def load_values(path: Path, scan: Scan) -> Any:
    """Read a file that was looked through."""
    if scan.safetensors:
        return {**scan.record, "state_dict": _load_safetensors(path)}
    return _load_torch(path, load_past_values if scan.left_out else load_plain)


def _load_torch(path: Path, load: Callable[[str], Any]) -> Any:
    try:
        with warnings.catch_warnings(), readable_name(path) as name:
            warnings.simplefilter("ignore")  # what torch warns of, we refuse in our own words or accept
            return load(name)
    except MemoryError:
        raise
    except pickle.UnpicklingError as error:
        raise UnsafeCheckpoint(
            str(path),
            expected="tensors and plain values only",
            found=f"something else ({_first_words(error)})",
            todo="if you trust its author, load it there and save only its state dict again",
        ) from error
    except Exception as error:  # a damaged file can fail anywhere in torch's reader, in any way
        raise _damaged(path, "PyTorch", error) from error


def scan_safetensors(path: Path, size: int) -> Scan:
    """Look through the header of a safetensors file, with our own record in it.

    Raises:
        CheckpointError: the header is none, or asks for more than any network needs.
    """
    with explain_refusal(path), path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > size - 8:
            raise Damaged("a damaged one (its header is longer than the file)")
        if length > LARGEST_JSON:
            raise Refused(f"a header of {length:,} bytes")
        header = _parse(file.read(length), "its header")
        told = header.pop("__metadata__", {})
        if len(header) > MOST_TENSORS:
            raise Refused(f"{len(header):,} tensors")
        longest = max(map(len, header), default=0)
        if longest > LONGEST_NAME:
            raise Refused(f"a key of {longest:,} signs")
        record = told.get(SAFETENSORS_KEY, "{}") if isinstance(told, dict) else "{}"
        if not isinstance(record, str):
            raise Damaged("a damaged one (its metadata is no text)")
        own = _parse(record, "the record of gst-analysis in it")
        return Scan(record=own, safetensors=True, header=header, first=length + 8, size=size)


def _load_safetensors(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a safetensors file that was looked through.

    Its library maps the file, and whoever shortened it later would end this process when it looks at a
    value: so each tensor is copied, but where torch is told to map files, too, as in a child of one read.
    """
    mapped = config.load.mmap
    try:
        with readable_name(path) as name, safe_open(name, framework="pt") as file:
            found = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 # a handle that cannot be iterated
            return found if mapped else {key: tensor.clone() for key, tensor in found.items()}
    except (SafetensorError, OSError, RuntimeError, ValueError, TypeError) as error:
        raise _damaged(path, "safetensors", error) from error


@contextlib.contextmanager
def readable_name(path: Path) -> Iterator[str]:
    """A name under which libraries that want text find a file whose name is none."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with path.open("rb") as file:
            yield f"/dev/fd/{file.fileno()}"
    else:
        yield os.fspath(path)


@contextlib.contextmanager
def explain_refusal(path: Path) -> Iterator[None]:
    """Turn what looking through a file found into an error of ours."""
    try:
        yield
    except Damaged as error:
        raise UnreadableCheckpoint(
            str(path), expected="a complete file", found=str(error), todo="copy or download it again"
        ) from error
    except Refused as error:
        raise _refuse(path, error) from error


def _refuse(path: Path, refusal: Refused) -> CheckpointError:
    if refusal.unsafe:
        return UnsafeCheckpoint(
            str(path),
            expected="tensors and plain values only",
            found=refusal.found,
            todo="if you trust its author, load it there and save only its state dict again",
        )
    if refusal.tensor:
        return BrokenCheckpoint(
            str(path),
            expected="weights as dense floating-point tensors",
            found=refusal.found,
            todo="save the state dict of the trained network itself, as float32",
        )
    return UnreadableCheckpoint(
        str(path),
        expected="a network's weights and what was noted about them",
        found=refusal.found,
        todo="save only the network's state dict again",
    )


def _scan_pickles(file: BinaryIO, size: int) -> bool:
    """The older form: a number, a version, a machine, what was saved, the names of storages, their values."""
    file.seek(0)
    data = file.read(LARGEST_PICKLE)
    at, made, storages, left_out = 0, list[Any](), dict[str, Part](), False
    for part in range(5):
        walk = Walk(data, at)
        made.append(walk.run())
        at, storages = walk.at, walk.storages or storages
        left_out = left_out or walk.left_out
        if part == 0 and made[0] != MAGIC_NUMBER:
            raise Damaged("a damaged file, or a pickle that torch.save did not write")
    names: list[Any] = made[4].items if isinstance(made[4], Part) and made[4].kind == "list" else []
    if len(names) != len(storages) or set(names) != set(storages):
        raise Refused("tensors that nothing in the file fills", tensor=True)
    for name in names:
        file.seek(at)
        storage = storages[name]
        if int.from_bytes(file.read(8), "little") != storage.numel:
            raise Damaged("a damaged file")
        at += 8 + storage.numel * storage.width
    if at > size:
        raise Damaged("a damaged file: it ends too early")
    return left_out


def _parse(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        value = parse_json(text)
    except ValueError as error:
        raise Damaged(f"a damaged one ({what}: {_first_words(error)})") from error
    if not isinstance(value, dict):
        raise Damaged(f"a damaged one ({what} is no record)")
    return value


def _damaged(path: Path, kind: str, error: BaseException) -> UnreadableCheckpoint:
    return UnreadableCheckpoint(
        str(path),
        expected=f"a complete {kind} file",
        found=f"a damaged one ({_first_words(error)})",
        todo="copy or download it again",
    )


def _first_words(error: BaseException) -> str:
    text = one_line(str(error)) or type(error).__name__
    return text if len(text) <= 90 else text[:87] + "..."
