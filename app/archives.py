"""Archives that visitors send: what is in them is listed and counted before a byte of it is written.

Nothing that an archive says is believed. Names tell members apart and are shown; none is a path on the
disk. Sizes are added up first, and counted again while files are written. Only plain files are taken: one
link, pipe or device, one name that leads out, one encrypted file, and the whole archive is refused. Archives
within are files like others, and are not opened.
"""

from __future__ import annotations

import gzip
import io
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, cast

from gst_analysis.errors import DataError, GstError

ARCHIVE_ENDINGS = (".zip", ".tar", ".tgz", ".gz")
MOST_MEMBERS = 20_000
MOST_BYTES = 2**30
"""Of all files of an archive, unpacked."""
MOST_BYTES_OF_ONE = 2**28
MOST_RATIO = 100
"""Unpacked bytes for each packed one. Videos and pictures do not shrink; lists shrink to a twentieth."""
RATIO_FROM = 2**23
"""Bytes from which the ratio counts: a small file harms nobody."""
_MOST_AT_ONCE = 2**21
"""Bytes of a header or of a zip's directory: a hundred for each of so many members."""
_HEADER_BYTES = 2048
"""Of each member, between files: a kilobyte or two."""
_MOST_OF_HEADER = 2**16
_SLOW = re.compile(rb"[0-9]{100}|GNU\.sparse")
_CHUNK = 2**16
_LONGEST, _DEEPEST = 250, 16
_DRIVE = re.compile(r"[A-Za-z]:")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,
    OverflowError,
    LookupError,
)
"""What broken archives raise in the libraries that read them."""


class Member(NamedTuple):
    """A plain file of an archive: a name to tell it by, what it says its size is, and how to read it."""

    name: str
    size: int
    open: Callable[[], Any]


@contextmanager
def open_archive(content: BinaryIO, shown: str) -> Iterator[list[Member]]:
    """The plain files of an archive in its own order, checked as a whole; to be read until it is closed.

    Raises:
        DataError: another kind of file, a broken or encrypted one, too much in it, or what is no plain file.
    """
    try:
        head = content.read(4)
        content.seek(0)
        if head[:2] == b"PK":
            with zipfile.ZipFile(_Counted(content)) as opened:
                yield _check(_list_zip(opened, shown), _measure(content), shown)
        else:
            inner = gzip.GzipFile(fileobj=content) if head[:2] == b"\x1f\x8b" else content
            told = _Headers(inner)
            with tarfile.open(fileobj=cast(IO[bytes], told), mode="r:") as tar:
                members = _check(_list_tar(tar, shown), _measure(content), shown)
                told.listing = False
                yield members
    except GstError:
        raise
    except _Slow as error:
        raise _refuse(shown, "headers that name plain files", str(error), _AGAIN) from None
    except _TooMuch:
        raise _refuse(shown, _within(), "more") from None
    except OSError as error:
        if error.errno is not None:  # of the disk
            raise
        raise _refuse(shown, *_WHOLE) from error
    except _BROKEN as error:
        raise _refuse(shown, *_WHOLE) from error


def unpack(member: Member, place: Path) -> None:
    """Write a member's bytes to a new file: as many as it said, not one more.

    Raises:
        DataError: it holds more or fewer.
    """
    left = member.size
    with member.open() as source, place.open("xb") as file:
        while chunk := source.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                break
            file.write(chunk)
    if left:
        raise DataError(
            "a file of the archive", expected="as many bytes as it says", found="another number", todo=_AGAIN
        )


_AGAIN = "make the archive anew, and send that"
_WHOLE = ("a whole zip, tar or tar.gz archive", "another kind of file, or one that is broken or cut off")


class _TooMuch(OSError):
    """A broken or malicious archive asks for more than any good one."""


class _Slow(_TooMuch):
    """A header that would take long to read; its text says what was found."""


class _Counted:
    """A file of which nobody reads much at once, or beyond what an archive may unpack to."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def read(self, size: int | None = -1) -> Any:
        """Bytes from here, as many as asked for."""
        wanted = _MOST_AT_ONCE + 1 if size is None or size < 0 else size
        if wanted > _MOST_AT_ONCE and size is not None and size >= 0:
            raise _TooMuch
        self._check(self._file.tell() + wanted)
        found = self._file.read(wanted)
        if len(found) > _MOST_AT_ONCE:
            raise _TooMuch
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> Any:
        """Go elsewhere, within bounds."""
        if whence == io.SEEK_SET:
            self._check(offset)
        return self._file.seek(offset, whence)

    def tell(self) -> Any:
        """Where it is."""
        return self._file.tell()

    def seekable(self) -> bool:
        """It always is."""
        return True

    def close(self) -> None:
        """Whoever opened it closes it."""

    @staticmethod
    def _check(end: int) -> None:
        if not 0 <= end <= MOST_BYTES + _HEADER_BYTES * MOST_MEMBERS:
            raise _TooMuch


class _Headers(_Counted):
    """A tar archive whose headers are looked through before Python's reader does.

    Before 3.11.10 that takes quadratic time for digits in a row, here for a sparse file's map without ends of
    lines, and holds up the whole server meanwhile.
    """

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.listing = True
        """Whether nothing but headers is read."""
        self._left = _HEADER_BYTES * MOST_MEMBERS

    def read(self, size: int | None = -1) -> Any:
        """Bytes from here; while it is listed few, and none that take long to read."""
        found = super().read(size)
        if self.listing:
            self._left -= len(found)
            if self._left < 0:
                raise _TooMuch
            if len(found) > _MOST_OF_HEADER:
                raise _Slow(f"one of more than {_MOST_OF_HEADER // 2**10} KB")
            if slow := _SLOW.search(found):
                raise _Slow("a sparse file" if slow[0].startswith(b"GNU") else "a number of a hundred digits")
        return found


def _list_zip(opened: zipfile.ZipFile, shown: str) -> list[Member]:
    found = []
    for info in opened.infolist():
        kind = stat.S_IFMT(info.external_attr >> 16)
        if info.flag_bits & 0x2041:
            raise _refuse(
                shown, "an archive that anybody can open", "an encrypted one", "send it unencrypted"
            )
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise _refuse_kind(shown)
        if info.is_dir():
            continue
        if info.compress_type not in _METHODS:
            raise _refuse(shown, "files that are stored or deflated", "another compression", _AGAIN)
        if info.file_size > RATIO_FROM and info.file_size > MOST_RATIO * max(1, info.compress_size):
            raise _refuse_ratio(shown)
        found.append(Member(_plain(info.filename, shown), info.file_size, partial(opened.open, info)))
    return found


def _list_tar(tar: tarfile.TarFile, shown: str) -> list[Member]:
    found: list[Member] = []
    for count, info in enumerate(tar):
        if count >= MOST_MEMBERS:
            raise _refuse(shown, _within(), "more")
        if info.isdir():
            continue
        if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or info.sparse is not None:
            raise _refuse_kind(shown)
        found.append(Member(_plain(info.name, shown), info.size, partial(tar.extractfile, info)))
    # What reads it takes a broken header for its end.
    ending = tar.fileobj
    assert ending is not None
    ending.seek(tar.offset)
    if ending.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
        raise _refuse(shown, *_WHOLE)
    return found


def _check(members: list[Member], packed: int, shown: str) -> list[Member]:
    """What all of them come to."""
    total, largest = sum(one.size for one in members), max((one.size for one in members), default=0)
    if len(members) > MOST_MEMBERS or total > MOST_BYTES or largest > MOST_BYTES_OF_ONE:
        raise _refuse(shown, _within(), "more")
    if total > RATIO_FROM and total > MOST_RATIO * packed:
        raise _refuse_ratio(shown)
    if len({one.name for one in members}) < len(members):
        raise _refuse(shown, "files of different names", "two of one name", _AGAIN)
    return members


def _plain(name: str, shown: str) -> str:
    """A member's name in one form; what could not be shown, or leads out, refuses the archive."""
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or ".." in parts or _DRIVE.match(name):
        raise _refuse(shown, "names of files within the archive", "one that leads out of it", _AGAIN)
    kept = "/".join(part for part in parts if part not in ("", "."))
    if not kept or not kept.isprintable() or len(kept) > _LONGEST or len(parts) > _DEEPEST:
        found = "one with signs that cannot be shown, or a very long one"
        raise _refuse(shown, "names of files that can be shown", found, "rename that file, and send it again")
    return kept


def _measure(content: BinaryIO) -> int:
    return content.seek(0, io.SEEK_END)


def _within() -> str:
    return (
        f"at most {MOST_MEMBERS:,} files, {MOST_BYTES // 2**20:,} MB unpacked, none of more than "
        f"{MOST_BYTES_OF_ONE // 2**20} MB"
    )


def _refuse(shown: str, expected: str, found: str, todo: str = "send fewer or smaller clips") -> DataError:
    return DataError(shown, expected=expected, found=found, todo=_AGAIN if found == _WHOLE[1] else todo)


def _refuse_kind(shown: str) -> DataError:
    return _refuse(
        shown, "files and folders alone", "a link, a pipe or a device", "leave it out of the archive"
    )


def _refuse_ratio(shown: str) -> DataError:
    found = f"files that unpack to more than {MOST_RATIO} times their size"
    return _refuse(shown, "an archive of videos or pictures", found)
