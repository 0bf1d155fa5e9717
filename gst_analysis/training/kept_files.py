"""One clip's frames in one file, raw or as JPEGs, behind a table of where each lies. No torch here.

Nothing in such a file is believed: the table and every frame have a checksum, and the file says of which
content of a video it was made. It is written whole or not at all.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from gst_analysis.clips.media import Frames, Indices, Pixels, Seconds
from gst_analysis.files import write_whole
from gst_analysis.untrusted import Oversized, require_regular

Form = Literal["jpeg", "raw"]
QUALITY = 90
"""Of JPEG, its colours at full size: about 40 dB from the frame that went in."""
_MAGIC = b"gst-frm1"
_HEAD = struct.Struct("<8s32sIIIq")
"""The kind of file, whose content it holds, frames, height, width, the first one's index in the video."""
_LATEST = 2**48
"""The index of a frame that no video reaches."""
_CHECKSUM = struct.Struct("<I")
_ENTRY = np.dtype([("end", "<u8"), ("checksum", "<u4"), ("seconds", "<f8")])
"""Of each frame: where its bytes end, counted from the end of the table, and when it is shown."""


class Damaged(Exception):
    """A kept file that does not hold what it should."""


@dataclass(frozen=True)
class PackedFrames:
    """Every frame of a clip as the bytes that are kept, with what the video says of them."""

    form: Form
    contents: tuple[bytes, ...]
    height: int
    width: int
    start: int
    """The first frame's index in the video."""
    seconds: Seconds

    @property
    def num_bytes(self) -> int:
        """How large the file is."""
        table = _HEAD.size + len(self.contents) * _ENTRY.itemsize + _CHECKSUM.size
        return table + sum(map(len, self.contents))

    def take(self, choose: Callable[[int], Indices]) -> Frames:
        """The chosen frames, as they come back from the file."""
        taken = np.ravel(choose(len(self.contents)))
        pixels = [unpack_frame(self.contents[n], self.form, self.height, self.width) for n in taken]
        return Frames(np.stack(pixels), self.seconds[taken], self.start + taken)

    def save(self, path: Path, identity: bytes) -> None:
        """Write the file.

        Raises:
            OutputError: the folder cannot be written to, or there is no room.
        """
        write_whole(path, lambda file: self._write(file, identity))

    def _write(self, file: IO[bytes], identity: bytes) -> None:
        table = np.empty(len(self.contents), _ENTRY)
        table["end"] = np.cumsum([len(content) for content in self.contents])
        table["checksum"] = [zlib.crc32(content) for content in self.contents]
        table["seconds"] = self.seconds
        lead = _HEAD.pack(_MAGIC, identity, len(table), self.height, self.width, self.start) + table.tobytes()
        file.write(lead + _CHECKSUM.pack(zlib.crc32(lead)))
        file.writelines(self.contents)


def pack_frame(frame: Pixels, form: Form) -> bytes:
    """One frame (H, W, 3) as the bytes that are kept."""
    if form == "raw":
        return frame.tobytes()
    held = io.BytesIO()
    Image.fromarray(frame).save(held, "JPEG", quality=QUALITY, subsampling=0)
    return held.getvalue()


def unpack_frame(content: bytes, form: Form, height: int, width: int) -> Pixels:
    """The frame (H, W, 3) that such bytes are.

    Raises:
        Damaged: they are none of that size.
    """
    if form == "raw":
        if len(content) != height * width * 3:
            raise Damaged(f"{len(content)} bytes for a frame of {width}x{height}")
        return np.frombuffer(content, np.uint8).reshape(height, width, 3)
    try:
        with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
            if image.size != (width, height) or image.mode != "RGB":
                raise Damaged(f"a JPEG of {image.size} pixels, {image.mode}")
            return np.asarray(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise Damaged("no whole JPEG") from error


@dataclass(frozen=True)
class _Table:
    """What a kept file says before its frames."""

    height: int
    width: int
    start: int
    entries: npt.NDArray[np.void]
    begin: int
    """Where the first frame's bytes begin."""


def load_kept(path: Path, identity: bytes, form: Form, choose: Callable[[int], Indices]) -> Frames | None:
    """The chosen frames out of a kept file; None where there is none, or one of another content of the video.

    Raises:
        Damaged: it does not hold what it should.
    """
    try:
        size = require_regular(path)
        with path.open("rb") as file:
            table = _read_table(file, size, identity)
            return None if table is None else _read_frames(file, table, form, choose)
    except FileNotFoundError:
        return None
    except (OSError, Oversized) as error:
        raise Damaged(getattr(error, "strerror", None) or str(error)) from error


def _read_table(file: IO[bytes], size: int, identity: bytes) -> _Table | None:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise Damaged(f"cut off after {size} bytes")
    magic, found, count, height, width, start = _HEAD.unpack(head)
    if magic != _MAGIC:
        raise Damaged("another kind of file")
    if found != identity:
        return None
    length = count * _ENTRY.itemsize
    begin = _HEAD.size + length + _CHECKSUM.size
    if not count or begin > size:  # whatever it says, no more is asked for than there is
        raise Damaged(f"cut off after {size} bytes")
    table, checksum = file.read(length), file.read(_CHECKSUM.size)
    if checksum != _CHECKSUM.pack(zlib.crc32(head + table)):
        raise Damaged("changed after it was written")
    entries = np.frombuffer(table, _ENTRY)
    ends = entries["end"]
    if begin + int(ends[-1]) != size:
        raise Damaged(f"{size} bytes for {begin + int(ends[-1])}")
    # A checksum keeps nobody from writing a table of his own.
    if (ends[1:] < ends[:-1]).any() or not height * width or abs(start) > _LATEST:
        raise Damaged("a table that no clip has")
    return _Table(height, width, start, entries, begin)


def _read_frames(file: IO[bytes], table: _Table, form: Form, choose: Callable[[int], Indices]) -> Frames:
    taken = np.ravel(choose(len(table.entries)))
    frames: dict[int, Pixels] = {}
    for number in np.unique(taken).tolist():
        first, last = (int(table.entries["end"][n]) if n >= 0 else 0 for n in (number - 1, number))
        file.seek(table.begin + first)
        content = file.read(last - first)
        if zlib.crc32(content) != table.entries["checksum"][number]:
            raise Damaged("changed after it was written")
        frames[number] = unpack_frame(content, form, table.height, table.width)
    pixels = np.stack([frames[number] for number in taken.tolist()])
    return Frames(pixels, table.entries["seconds"][taken], table.start + taken)
