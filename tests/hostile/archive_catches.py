"""Archives that two readers might take in two ways: headers that contradict the directory, and names."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping

from tests.hostile.parts import entry, make_archive, number, tensor, text
from tests.hostile.pickle_catches import FOUR, HOOKS, VALUES, doubles, plain, rebuilt


def _double(first: bytes, second: bytes) -> bytes:
    """An archive in which one name stands twice."""
    plain = make_archive({"data.pkl": entry(text("a"), FOUR), "data/0": first, "data/1": second})
    return plain.replace(b"archive/data/1", b"archive/data/0")


def _lay(*, local: bytes = b"", central: bytes = b"", **changes: int) -> bytes:
    """An archive whose values' header, in either place, has other fields or a further one than it should."""
    content = {"data.pkl": entry(text("a"), FOUR), "version": b"3\n", "data/0": VALUES}
    body, directory, count = b"", b"", len(content)
    for name, held in content.items():
        full, odd = f"archive/{name}".encode(), name == "data/0"
        told = {
            "look": 0,
            "flags": 0,
            "method": 0,
            "crc": zlib.crc32(held),
            "packed": len(held),
            "size": len(held),
        }
        here, there = dict(told), dict(told)
        for key, value in changes.items() if odd else ():
            side, _, field = key.partition("_")
            for fields in {"local": (here,), "central": (there,), "both": (here, there)}[side]:
                fields[field] = value
        more, extra = (local, central) if odd else (b"", b"")
        at = there.get("start", len(body))
        rest = (here["crc"], here["packed"], here["size"], len(full), len(more))
        body += (
            struct.pack("<4s5H3L2H", b"PK\3\4", 45, here["flags"], here["method"], 0, 0, *rest) + full + more
        )
        body += held
        told_of = (
            there["crc"],
            there["packed"],
            there["size"],
            len(full),
            len(extra),
            0,
            0,
            0,
            there["look"],
            at,
        )
        directory += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 45, 45, there["flags"], there["method"], 0, 0, *told_of
        )
        directory += full + extra
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end


def _on_disks(*, here: int = 3, disk: int = 0) -> bytes:
    """An archive whose wide end tells of several disks."""
    plain = _lay()
    count, length, start = struct.unpack("<H2L", plain[-12:-2])
    told = (44, 45, 45, disk, disk, here, count, length, start)
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", *told) + struct.pack(
        "<4sLQL", b"PK\6\7", 0, len(plain) - 22, 1
    )
    return plain[:-22] + wide + plain[-22:]


def _nested() -> bytes:
    """Numbers that are read as whole ones and, from within those, as others: NaN before a megabyte's edge."""
    inner = struct.pack("<4s5H3L2H", b"PK\3\4", *[0] * 8, len("archive/data/1"), 0) + b"archive/data/1"
    before, size = 2**20 - 1_199, 800  # so that numbers begin where a reader of four bytes expects them
    outer = bytes(before) + inner + struct.pack("<100f", *[float("nan")] * 100) + bytes(1_599)
    held = rebuilt(b"\x89", HOOKS, kind="IntStorage").replace(number(4), number(len(outer) // 4))
    seen = tensor("1", size // 4, (size // 4,), (1,))
    pickled = b"\x80\x02}" + text("a.num_batches_tracked") + held + b"s" + text("b") + seen + b"s."
    plain = make_archive({"data.pkl": pickled, "version": b"3\n", "data/0": outer, "data/1": bytes(size)})
    place = plain.rindex(b"PK\1\2")
    told = bytearray(plain[place:])
    told[16:20], told[42:46] = bytes(4), struct.pack("<L", plain.index(outer) + before)
    return plain[:place] + bytes(told)


def _wide(*numbers: int) -> bytes:
    """The extra field of large files."""
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


_ALL = 0xFFFFFFFF
ARCHIVES: Mapping[str, Callable[[], bytes]] = {
    "one name twice": lambda: _double(VALUES, bytes(16)),
    "another name in its own header": lambda: _lay().replace(b"archive/data/0", b"archive/data/9", 1),
    "a longer header of its own": lambda: _lay(local=_wide(1, 2)),
    "a field in the directory alone": lambda: _lay(central=b"\xfe\xca\x04\0abcd"),
    "another size in its own header": lambda: _lay(local_size=4, local_packed=4),
    "another checksum in its own header": lambda: _lay(local_crc=7),
    "another checksum in the directory": lambda: _lay(central_crc=7),
    "no checksum": lambda: _lay(both_crc=0),
    "another packing in its own header": lambda: _lay(local_method=8),
    "packed in the directory alone": lambda: _lay(central_method=8),
    "secret in its own header": lambda: _lay(local_flags=1),
    "secret in both": lambda: _lay(both_flags=1),
    "patched data": lambda: _lay(both_flags=32),
    "told behind it": lambda: _lay(both_flags=8, local_crc=0, local_size=0, local_packed=0),
    "values that are a folder": lambda: _lay(central_look=16),
    "values packed into nothing": lambda: _lay(both_method=8, both_packed=0, both_crc=0),
    "names in UTF-8": lambda: _lay(both_flags=2048),
    "wide sizes": lambda: _lay(central=_wide(16, 16), central_size=_ALL, central_packed=_ALL),
    "wide sizes that lie": lambda: _lay(central=_wide(16, 8), central_size=_ALL, central_packed=_ALL),
    "wide sizes that nobody asks for": lambda: _lay(central=_wide(8, 8)),
    "wide sizes that are missing": lambda: _lay(central_size=_ALL, central_packed=_ALL),
    "two wide sizes": lambda: _lay(
        central=_wide(16, 16) + _wide(8, 8), central_size=_ALL, central_packed=_ALL
    ),
    "a wide place": lambda: _lay(central=_wide(0), central_start=_ALL),
    "the place of another": lambda: _lay(central_start=0),
    "a place within values": lambda: _lay(central_start=40),
    "values in another folder": lambda: plain(entry(text("a"), FOUR), extra=b"x").replace(
        b"archive/e", b"Archive/e"
    ),
    "on several disks": lambda: _on_disks(here=2),
    "begun on another disk": lambda: _on_disks(disk=1),
    "values that begin in others": _nested,
    "another folder first": lambda: make_archive(
        {"../other/data.pkl": entry(text("b"), FOUR), "data.pkl": entry(text("a"), FOUR), "data/0": VALUES}
    ),
    "packed values": lambda: make_archive(
        {"data.pkl": entry(text("a"), FOUR), "data/0": VALUES}, method=zipfile.ZIP_DEFLATED
    ),
    "numbers beyond those of four bytes": doubles,
    "truths of 5 and 255": lambda: make_archive(
        {
            "data.pkl": entry(text("a"), rebuilt(b"\x89", HOOKS, kind="BoolStorage")),
            "version": b"3\n",
            "data/0": b"\0\1\5\xff",
        }
    ),
    "names in capitals": lambda: make_archive({"DATA.PKL": entry(text("a"), FOUR), "data/0": VALUES}),
    "a key in capitals": lambda: make_archive(
        {"data.pkl": entry(text("a"), tensor("x", 4, (4,), (1,))), "data/X": VALUES}
    ),
    "a key that leads out": lambda: make_archive(
        {"data.pkl": entry(text("a"), tensor("../0", 4, (4,), (1,))), "data/../0": VALUES}
    ),
    "a key of nothing": lambda: make_archive(
        {"data.pkl": entry(text("a"), tensor("", 4, (4,), (1,))), "data/": VALUES}
    ),
}
