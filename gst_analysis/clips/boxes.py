"""What MP4 and MOV files claim of their samples, held against their size before a reader takes memory for it.

Their index tells of samples in runs: twenty bytes may claim millions, and FFmpeg makes an entry of some 70
bytes for each. No limit of time ends that, for it happens while the file is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from gst_analysis.errors import DataError
from gst_analysis.numbers import how_many

_LOOKED_INTO = frozenset(
    b"moov hoov moof cmov cmvd trak mdia minf stbl stsd stsz traf trun mvex edts dinf udta meta wave wide "
    b"tref ilst ipro iprp ipco tapt avss sinf schi".split()
)
"""Boxes that may hold an index at a file's outermost level: by FFmpeg's list, not by the standard's."""
_RUNS = re.compile(rb"stsz|trun|cmvd")
_PIECE, _OVERLAP, _MOST_BOXES = 2**20, 24, 500_000


def check_claims(path: Path) -> None:
    """Refuse a file whose index claims more samples than the file has bytes; any other format passes."""
    with path.open("rb") as file:
        size, claimed = os.fstat(file.fileno()).st_size, 0
        for count in _list_claims(file, size):
            claimed += count
            if claimed > size:
                raise DataError(
                    str(path),
                    expected=f"an index of at most as many samples as the file has bytes, {size:,}",
                    found=f"one that claims {how_many(claimed, 'sample')}, is packed or in countless parts",
                    todo="check that the file is whole, re-encode it, or leave the clip out",
                )


def _list_claims(file: BinaryIO, size: int) -> Iterator[int]:
    """The samples that each run claims, of all outermost boxes that may hold an index."""
    start = 0
    for _ in range(_MOST_BOXES):
        if start + 8 > size:
            return
        file.seek(start)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        length = length or size - start
        if length < 8:
            return
        if head[4:8] in _LOOKED_INTO:
            yield from _search(file, start, min(start + length, size))
        start += length
    yield size + 1


def _search(file: BinaryIO, start: int, end: int) -> Iterator[int]:
    """Runs anywhere in a box: they may nest in odd ways, and their names hardly stand there by chance."""
    while start < end:
        file.seek(start)
        piece = file.read(min(_PIECE + _OVERLAP, end - start))
        for match in _RUNS.finditer(piece, 0, _PIECE + 3):
            yield _count(match[0], piece[match.end() : match.end() + 12])
        start += _PIECE


def _count(name: bytes, told: bytes) -> int:
    """The samples that one box claims; a table that lists each of them has its own bytes, and claims none."""
    if name == b"cmvd":
        return 2**32  # it unpacks to whatever it likes
    first, second = int.from_bytes(told[4:8], "big"), int.from_bytes(told[8:12], "big")
    if name == b"trun":
        return first
    return second if first else 0
