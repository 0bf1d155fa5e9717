"""The directory of a PyTorch file, which is a zip archive: held against the file before anything is unpacked.

Two readers of one archive may see two things in it. So what could be seen in two ways is refused: torch's
reader, which takes the directory at its word and checks no checksum, then sees what was checked here.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import RawIOBase
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from gst_analysis.checkpoints.pickle_parts import Damaged, Part, Refused
from gst_analysis.checkpoints.stored import Storage, see_finite

MOST_RECORDS = 100_000
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
STORED, _DEFLATED = 0, 8
_ALL = 0xFFFFFFFF
_FOLDER = 1 << 4
"""In what an entry's file looked like on the disk: it was a folder."""
_ODD_FLAGS = 1 | 1 << 5 | 1 << 6 | 1 << 13
"""Of what is encrypted, in one way or another, or a patch: torch reads none of it."""
_PIECE = 1 << 22
"""Bytes that are read together: few enough for the processor's cache, and work enough for two threads."""
_SPARE = 1_000_000
"""Bytes that an archive may unpack to beyond twice its size: small records pack well."""


@dataclass(frozen=True)
class Record:
    """One file in the archive: where its bytes lie, how many, and what they must sum up to."""

    start: int
    packed: int
    size: int
    method: int
    crc: int


@dataclass(frozen=True)
class Archive:
    """A directory that was held against its file."""

    prefix: str
    records: Mapping[str, Record]

    def read(self, file: BinaryIO, name: str, *, most: int) -> bytes:
        """One record's bytes."""
        record = self.records.get(f"{self.prefix}/{name}")
        if record is None:
            raise Damaged(f"a damaged archive, without {name}")
        if record.size > most:
            raise Refused(f"{record.size:,} bytes of names and plain values")
        file.seek(record.start)
        packed = file.read(record.packed)
        return packed if record.method == STORED else _unpack(packed, record.size)

    def read_small(self, file: BinaryIO, name: str) -> bytes:
        """One of the small notes beside the values; empty where there is none.

        Raises:
            Refused: it is larger than such notes are.
        """
        return self.read(file, name, most=100) if f"{self.prefix}/{name}" in self.records else b""

    def require_storages(self, storages: Iterable[Part]) -> None:
        """Hold the storages that a pickle names against the records: torch reads as much as a pickle says."""
        for storage in storages:
            record = self.records.get(f"{self.prefix}/data/{storage.name}")
            if record is None:
                raise Damaged("a damaged archive, without all of its tensors")
            if record.size != storage.numel * storage.width:
                raise Damaged("a damaged archive: its tensors have another size than it says")


def read_archive(file: BinaryIO, size: int) -> Archive:
    """The directory of an archive.

    Raises:
        Damaged: it is none, or not complete.
        Refused: it would unpack to more than twice its size, or can be read in two ways.
    """
    try:
        start, length, count = _find_directory(file, size)
        file.seek(start)
        records = _read_entries(file, file.read(length), count, start)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise Damaged("an archive with a damaged directory") from error
    if sum(record.size for record in records.values()) > 2 * size + _SPARE:
        raise Refused("an archive that unpacks to more than twice its size")
    if len({name.lower() for name in records}) < count:
        raise Refused("an archive with two files of one name")
    prefix = next(iter(records)).partition("/")[0]
    if any(not name.startswith(f"{prefix}/") for name in records):
        raise Refused("an archive of several folders")
    if f"{prefix}/constants.pkl" in records:
        raise Refused("a TorchScript archive, which holds code")
    return Archive(prefix, records)


def digest(
    path: Path,
    records: Mapping[str, Record],
    storages: Mapping[str, Storage] | None = None,
    *,
    hashed: bool = True,
) -> tuple[str, str]:
    """A file's sha256, and the first record whose bytes are not those that were written; empty if all are.

    Everything is read once. Files that were written without checksums have 0 in their place.

    Args:
        path: the file.
        records: where its records lie, and what they must sum up to.
        storages: which records hold numbers, to see on the way whether those are finite; it is noted there.
        hashed: False where somebody else hashes the file, and its sha256 is left empty.
    """
    if not hashed and not records:  # nothing of it needs its bytes
        return "", ""
    known, checks, at, buffer = hashlib.sha256(), _Checks(records, storages or {}), 0, bytearray(_PIECE)
    with path.open("rb", buffering=0) as file, ThreadPoolExecutor(1) as pool:
        while read := file.readinto(buffer):
            piece = memoryview(buffer)[:read]
            if hashed:  # it takes longer than all checks, which a second core does meanwhile
                checking = pool.submit(checks.take, piece, at)
                known.update(piece)
                checking.result()
            else:
                checks.take(piece, at)
            at += read
        bad = [*checks.list_damaged(), *_list_damaged_packed(file, records)]
    return known.hexdigest() if hashed else "", next(iter(bad), "")


class _Checks:
    """What is made of a file's pieces beside its hash: records' checksums, and whether numbers are finite."""

    def __init__(self, records: Mapping[str, Record], storages: Mapping[str, Storage]) -> None:
        for storage in storages.values():
            storage.finite = True
        plain = {name: record for name, record in records.items() if record.method == STORED}
        self._records = {name: record for name, record in plain.items() if record.crc or name in storages}
        self._storages = storages
        self._left = deque(sorted(self._records, key=lambda name: self._records[name].start))
        self._sums = dict.fromkeys(self._left, 0)

    def take(self, piece: memoryview, at: int) -> None:
        """Look at the bytes that begin at some place of the file; pieces come in their order."""
        while self._left:
            name = self._left[0]
            record, storage = self._records[name], self._storages.get(name)
            start, end = max(record.start - at, 0), record.start + record.packed - at
            if start < len(piece):
                part = piece[start:end]
                if record.crc:
                    self._sums[name] = zlib.crc32(part, self._sums[name])
                if storage is not None and storage.finite:
                    storage.finite = see_finite(part, storage, at + start - record.start)
            if end > len(piece):
                break
            self._left.popleft()

    def list_damaged(self) -> list[str]:
        """Records whose bytes are not those that were written."""
        return [name for name, crc in self._sums.items() if crc != self._records[name].crc]


def _list_damaged_packed(file: RawIOBase, records: Mapping[str, Record]) -> list[str]:
    packed = {name: record for name, record in records.items() if record.method == _DEFLATED}
    return [name for name, record in packed.items() if record.crc not in (0, _sum(file, record))]


def _find_directory(file: BinaryIO, size: int) -> tuple[int, int, int]:
    """Where the directory starts, its length, and how many it lists."""
    tail_size = min(size, _END.size + _LOCATOR.size)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    mark, disk, first, here, count, length, start, comment = _END.unpack(tail[-_END.size :])
    if mark != b"PK\5\6" or comment or disk or first or here != count:
        raise Damaged("a damaged archive, without its directory")
    before = size - _END.size
    if tail[:4] == b"PK\6\7":
        _, where, at, disks = _LOCATOR.unpack(tail[: _LOCATOR.size])
        if at > size - _END64.size or where or disks > 1:
            raise Damaged("an archive with a damaged directory")
        file.seek(at)
        mark, _, _, _, disk, first, here, count, length, start = _END64.unpack(file.read(_END64.size))
        before = at
        if mark != b"PK\6\6" or disk or first or here != count:
            raise Damaged("an archive with a damaged directory")
    if start + length != before or not count:
        raise Damaged("an archive with a damaged directory")
    if count > MOST_RECORDS or length > 1_000 * MOST_RECORDS:
        raise Refused(f"an archive of {count:,} files")
    return start, length, count


def _read_entries(file: BinaryIO, directory: bytes, count: int, end: int) -> dict[str, Record]:
    records: dict[str, Record] = {}
    at, spans = 0, []
    for _ in range(count):
        fields = _ENTRY.unpack_from(directory, at)
        mark, _, _, flags, method, _, _, crc, packed, size, named, extra, remark, disk, _, look, start = (
            fields
        )
        at += _ENTRY.size
        name = directory[at : at + named].decode()
        packed, size, start = _widen(directory[at + named : at + named + extra], packed, size, start)
        at += named + extra + remark
        if (
            mark != b"PK\1\2"
            or disk
            or flags & _ODD_FLAGS
            or method not in (STORED, _DEFLATED)
            or "\0" in name
        ):
            raise Damaged("an archive with a damaged directory")
        if method == STORED and packed != size:
            raise Damaged("an archive with a damaged directory")
        # Torch says that it has read such a record, and leaves in its tensor whatever lay in memory.
        if size and (look & _FOLDER or name.endswith("/") or not packed):
            raise Refused("an archive whose values nothing in the file fills")
        first = _find_bytes(file, start, end)
        if first + packed > end:
            raise Damaged("an archive with a damaged directory")
        records[name] = Record(first, packed, size, method, crc)
        spans.append((start, first + packed))
    if at != len(directory):
        raise Damaged("an archive with a damaged directory")
    spans.sort()
    # What is summed up and looked through piece by piece needs files one behind the other.
    if any(end > start for (_, end), (start, _) in pairwise(spans)):
        raise Refused("an archive whose files lie in one another")
    return records


def _widen(extra: bytes, packed: int, size: int, start: int) -> tuple[int, int, int]:
    """Sizes and place of a large file, which stand in an extra field."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = iter(struct.unpack_from(f"<{length // 8}Q", extra, at + 4))
            size, packed, start = (next(wide, 0) if n == _ALL else n for n in (size, packed, start))
            return packed, size, start
        at += 4 + length
    return packed, size, start


def _find_bytes(file: BinaryIO, start: int, end: int) -> int:
    """Where a file's bytes begin, behind its own header."""
    if start + _LOCAL.size > end:
        raise Damaged("an archive with a damaged directory")
    file.seek(start)
    mark, *_, named, extra = _LOCAL.unpack(file.read(_LOCAL.size))
    if mark != b"PK\3\4":
        raise Damaged("an archive with a damaged directory")
    return start + _LOCAL.size + int(named) + int(extra)


def _unpack(packed: bytes, size: int) -> bytes:
    """Unpack no more than was announced."""
    try:
        plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size + 1)
    except zlib.error as error:
        raise Damaged("a damaged archive, which cannot be unpacked") from error
    if len(plain) != size:
        raise Damaged("a damaged archive: its files have another size than it says")
    return plain


def _sum(file: RawIOBase, record: Record) -> int:
    """The checksum of what a packed record holds; -1 where it cannot be unpacked or has another size."""
    file.seek(record.start)
    unpacker, left, done, crc = zlib.decompressobj(-zlib.MAX_WBITS), record.packed, 0, 0
    while left > 0 and done <= record.size:
        packed = file.read(min(left, 1 << 20))
        if not packed:
            return -1
        left -= len(packed)
        try:
            plain = unpacker.decompress(packed, record.size - done + 1)
        except zlib.error:
            return -1
        done += len(plain)
        crc = zlib.crc32(plain, crc)
    return crc if done == record.size else -1
