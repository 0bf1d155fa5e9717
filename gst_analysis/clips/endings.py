"""What the last bytes of a file say of whether it is whole, where its container counts nothing.

GIF, FLV, MPEG-TS and MPEG program streams are read to their end, wherever that is: a file that was cut off
is a shorter clip to every decoder.
"""

from __future__ import annotations

import re
from pathlib import Path

_TAIL = 2**17
_TS_PACKETS = (188, 192, 204)
_PES = re.compile(rb"\x00\x00\x01[\xbd-\xef]")
_FLV_TAGS = (8, 9, 18)


def is_cut_off(path: Path, container: str) -> bool:
    """Whether a file ends before its container's last element does, as far as can be told.

    Args:
        path: the file.
        container: its format, as FFmpeg calls it.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        head = file.read(1000) if not file.seek(0) else b""
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    if container == "gif":
        return not tail.rstrip(b"\0").endswith(b";")
    if container == "flv":
        return not _ends_with_flv_tag(tail)
    if container == "mpegts":
        return _tears_packet(head, size)
    return container == "mpeg" and _tears_pes(tail)


def _ends_with_flv_tag(tail: bytes) -> bool:
    """Behind every tag stands its length."""
    length = int.from_bytes(tail[-4:], "big")
    start = len(tail) - 4 - length
    if length < 11 or start < 0:
        return start < 0 and length < 2**24 + 11  # a tag that is longer than what was looked at
    return (
        tail[start] & 0x1F in _FLV_TAGS and int.from_bytes(tail[start + 1 : start + 4], "big") == length - 11
    )


def _tears_packet(head: bytes, size: int) -> bool:
    for length in _TS_PACKETS:
        start = length - 188 if length == 192 else 0
        if head[start::length][:4] == b"G" * 4:
            return size % length != 0
    return False


def _tears_pes(tail: bytes) -> bool:
    found = [match.start() for match in _PES.finditer(tail)]
    if not found:
        return False
    length = int.from_bytes(tail[found[-1] + 4 : found[-1] + 6], "big")
    return found[-1] + 6 + length > len(tail)
