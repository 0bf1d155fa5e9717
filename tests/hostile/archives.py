"""Checkpoints whose container is the attack: directories that lie, bombs, flipped bits, files cut off."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from tests.hostile.cases import RECOGNISING, Case, Kind, seed_of
from tests.hostile.parts import entry, make_archive, save, small_file, small_state, tensor, text, write

_ONE = entry(text("conv1.weight"), tensor("0", 4, (4,), (1,)))
_SOUND = {"data.pkl": _ONE, "data/0": bytes(16)}
_PACKED = zipfile.ZIP_DEFLATED


def _bomb(size: int, *, method: int = zipfile.ZIP_DEFLATED, name: str = "data/0") -> bytes:
    records = {"data.pkl": entry(text("conv1.weight"), tensor("0", size // 4, (size // 4,), (1,)))}
    return make_archive({**records, name: bytes(size)}, method=method)


def _overlapping(copies: int) -> bytes:
    """Many names for the same bytes of the file."""
    content = bytes(1_000_000)
    plain = make_archive({"data/0": content, "data.pkl": _ONE})
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        first = archive.getinfo("archive/data/0")
        lines = [archive.getinfo("archive/data.pkl")]
    start = plain.rindex(b"PK\1\2", 0, plain.rindex(b"PK\1\2"))
    entries = []
    for name, info in [
        ("archive/data.pkl", lines[0]),
        *((f"archive/data/{i}", first) for i in range(copies)),
    ]:
        sizes = (info.CRC, info.file_size, info.file_size)
        rest = (len(name), 0, 0, 0, 0, 0, info.header_offset)
        head = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 0, *sizes, *rest)
        entries.append(head + name.encode())
    directory = b"".join(entries)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(entries), len(entries), len(directory), start, 0)
    return plain[:start] + directory + end


def _patch(content: bytes, mark: bytes, offset: int, new: bytes) -> bytes:
    at = content.rindex(mark) + offset
    return content[:at] + new + content[at + len(new) :]


_BROKEN: dict[str, Callable[[], bytes]] = {
    "no directory": lambda: small_file()[:-22],
    "a comment": lambda: small_file()[:-2] + b"\x05\0abcde",
    "bytes behind it": lambda: small_file() + b"\0" * 100,
    "a second directory behind it": lambda: small_file() + small_file()[-22:],
    "bytes before it": lambda: b"PK\3\4" + b"\0" * 60 + small_file(),
    "two archives": lambda: small_file() + make_archive({"data.pkl": _ONE}),
    "a directory of 65,535 files": lambda: _patch(small_file(), b"PK\5\6", 8, b"\xff\xff\xff\xff"),
    "a directory beyond the file": lambda: _patch(small_file(), b"PK\5\6", 16, b"\xf0\xff\xff\x7f"),
    "no data.pkl": lambda: make_archive({"other.pkl": _ONE, "data/0": bytes(16)}),
    "two data.pkl": lambda: make_archive({"data.pkl": _ONE, "DATA.PKL": _ONE, "data/0": bytes(16)}),
    "no tensors": lambda: make_archive({"data.pkl": _ONE}),
    "tensors too small": lambda: make_archive({"data.pkl": _ONE, "data/0": bytes(8)}),
    "tensors empty": lambda: make_archive({"data.pkl": _ONE, "data/0": b""}),
    "tensors too large": lambda: make_archive({"data.pkl": _ONE, "data/0": bytes(400)}),
    "names without a folder": lambda: make_archive(_SOUND, prefix=""),
    "names that lead out": lambda: make_archive(_SOUND, prefix="../../"),
    "names with a null": lambda: make_archive(_SOUND).replace(b"data/0", b"data\x000"),
    "a TorchScript archive": lambda: make_archive({"constants.pkl": b"\x80\x02).", **_SOUND}),
    "a byte order of its own": lambda: make_archive({**_SOUND, "byteorder": b"middle"}),
    "another byte order": lambda: make_archive({**_SOUND, "byteorder": b"big"}),
    "an alignment of 10^6 digits": lambda: make_archive({**_SOUND, ".storage_alignment": b"9" * 10**6}),
    "a version of 10^6 digits": lambda: make_archive({**_SOUND, "version": b"9" * 10**6}),
    "100,000 files": lambda: make_archive({f"data/{i}": b"" for i in range(100_000)} | {"data.pkl": _ONE}),
    "a pickle of 100 MB, packed": lambda: make_archive({"data.pkl": bytes(100_000_000)}, method=_PACKED),
    "a bomb of 100 MB": lambda: _bomb(100_000_000),
    "a bomb of 500 MB": lambda: _bomb(500_000_000),
    "a bomb in a file that nobody reads": lambda: _bomb(100_000_000, name="data/1"),
    "a bomb packed by bzip2": lambda: _bomb(100_000_000, method=zipfile.ZIP_BZIP2),
    "a bomb packed by lzma": lambda: _bomb(50_000_000, method=zipfile.ZIP_LZMA),
    "5,000 names of the same bytes": lambda: _overlapping(5_000),
    "50 names of the same bytes": lambda: _overlapping(50),
    "a size that lies": lambda: _patch(_bomb(1_000_000), b"PK\1\2", 24, b"\x10\0\0\0"),
    "a packed size that lies": lambda: _patch(small_file(), b"PK\1\2", 20, b"\x00\0\0\0"),
    "an unknown packing": lambda: _patch(small_file(), b"PK\1\2", 10, b"\x63\0"),
    "encrypted": lambda: _patch(small_file(), b"PK\1\2", 8, b"\x01\0"),
}


def _flip(folder: Path, *, seed: int, safe: bool) -> Path:
    """One bit of a sound file, wherever it falls."""
    content = bytearray(small_file(safe=safe))
    draw = random.Random(seed)
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    return write(folder, bytes(content), "model.safetensors" if safe else "model.pth")


def _splice(folder: Path, *, seed: int, safe: bool) -> Path:
    """A sound file with some bytes of it put elsewhere, left out or repeated."""
    content, draw = small_file(safe=safe), random.Random(seed)
    first, last = sorted(draw.randrange(len(content)) for _ in range(2))
    at = draw.randrange(len(content))
    kinds = (
        content[:first] + content[last:],
        content[:at] + content[first:last] + content[at:],
        content[:first] + bytes(draw.randrange(256) for _ in range(64)) + content[first + 64 :],
        content[:first],
    )
    return write(folder, kinds[seed % 4], "model.safetensors" if safe else "model.pth")


def _legacy_torn(folder: Path, *, seed: int) -> Path:
    path = save(folder, dict(list(small_state().items())[:12]), form="legacy")
    content, draw = bytearray(path.read_bytes()), random.Random(seed)
    if seed % 2:
        del content[draw.randrange(len(content)) :]
    else:
        content[draw.randrange(min(len(content), 3_000))] ^= 1 << draw.randrange(8)
    return write(folder, bytes(content), "model.pth")


def _shared(folder: Path, *, count: int, form: str) -> Path:
    """Many tensors on one storage: little in the file, much once each has its own."""
    values = torch.zeros(1_000_000, dtype=torch.float16)
    return save(
        folder, {f"layer1.{i}.conv1.weight": values.view(100, 100, 10, 10) for i in range(count)}, form=form
    )


def generate(seed: int) -> Iterator[Case]:
    """Containers that lie, and sound ones that were damaged."""
    for name, make in _BROKEN.items():
        yield Case(name, partial(_write_late, make=make))
    for number in range(40):
        yield Case(f"bit {number} flipped", partial(_flip, seed=seed_of(f"bit {number}", seed), safe=False))
    for number in range(30):
        yield Case(f"spliced {number}", partial(_splice, seed=seed_of(f"splice {number}", seed), safe=False))
    for number in range(24):
        yield Case(f"older form damaged {number}", partial(_legacy_torn, seed=seed_of(f"old {number}", seed)))
    for count in (10, 1_000, 9_000):
        for form in ("zip", "legacy"):
            yield Case(f"{count:,} tensors on one storage, {form}", partial(_shared, count=count, form=form))


def _write_late(folder: Path, *, make: Callable[[], bytes]) -> Path:
    return write(folder, make())


CONTAINERS = Kind("checkpoints: archive", generate, modules=RECOGNISING)
