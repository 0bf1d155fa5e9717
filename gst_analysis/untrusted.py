"""What anybody's file may ask of us: bounds that hold before any work is done. No torch here.

Every reader of files from outside goes through these: a regular file (a pipe never ends), of a size that the
disk really holds (a file can claim what it does not have), and JSON whose depth and numbers are bounded.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gst_analysis.errors import legible, shorten

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment] # a module elsewhere

LARGEST_JSON = 8_000_000
"""Bytes of a card, a config.json or a header: a thousand times what they have."""
DEEPEST = 64
"""Values inside values inside values."""
MOST_VALUES = 300_000
"""In a record, once it is written out; `count_values` says how they are counted."""
_LINE = 32
"""Signs."""
LONGEST_NUMBER = 40
"""Digits: Python takes quadratic time for more, and no size or count has them."""
LONGEST_NAME = 1_000
"""Signs of a key or of a label."""

_HOLES_FROM = 64_000_000
"""Bytes from which a file is asked whether it has holes."""
_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)


class Oversized(ValueError):
    """A file that asks for more than its kind ever needs; its text says what was found."""


def require_regular(path: Path) -> int:
    """The size of a file that holds what its size says.

    Raises:
        Oversized: it is a pipe, a device or a folder, or almost all of it are holes.
        OSError: it cannot be asked.
    """
    told = path.stat()
    for is_kind, name in _KINDS:
        if is_kind(told.st_mode):
            raise Oversized(name)
    if told.st_size >= _HOLES_FROM and (held := _count_held(path, told.st_size)) * 4 < told.st_size:
        raise Oversized(f"a file of {told.st_size:,} bytes, of which the disk holds {held:,}")
    return told.st_size


def read_bounded(path: Path, *, most: int = LARGEST_JSON) -> bytes:
    """All of a small file.

    Raises:
        Oversized: no regular file, or a larger one.
        OSError: it cannot be read.
    """
    if require_regular(path) > most:
        raise Oversized(f"it is larger than {most / 1e6:g} megabytes")
    with path.open("rb") as file:
        content = file.read(most + 1)  # one that grows, as those in /proc do, has no size to go by
    if len(content) > most:
        raise Oversized(f"it is larger than {most / 1e6:g} megabytes")
    return content


def parse_json(text: str | bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    """JSON as plain values; `parse_constant` is given NaN and the infinities, which JSON does not have.

    Raises:
        ValueError: it is none, or deeper or with longer numbers than any honest file has.
    """
    try:
        value = json.loads(text, parse_int=_read_whole, parse_constant=parse_constant)
    except RecursionError:
        raise Oversized(f"values more than {DEEPEST} deep") from None
    if measure_depth(value, DEEPEST) > DEEPEST:
        raise Oversized(f"values more than {DEEPEST} deep")
    return value


def measure_depth(value: Any, most: int) -> int:
    """How deep lists and records lie in each other, no further than one beyond `most`: they may be cyclic.

    What lies in several of a level is looked at once: a pickle of 200 bytes has 2^40 ways to its last list.
    """
    depth, level = 0, {id(value): value}
    while level and depth <= most:
        level = {id(part): part for item in level.values() for part in _parts(item)}
        depth += bool(level)
    return depth


def count_values(value: Any) -> int:
    """Values in values, each as often as there are ways to it: so many there are once it is written out.

    Args:
        value: something that does not hold itself. Of its texts a line counts as a value.
    """
    total, level = 0, {id(value): (value, 1)}
    while level:
        inner: dict[int, tuple[Any, int]] = {}
        for item, ways in level.values():
            held = [*item, *item.values()] if isinstance(item, Mapping) else item
            total += ways * sum(1 + len(part) // _LINE if isinstance(part, str) else 1 for part in held)
            for part in _parts(item):
                inner[id(part)] = (part, ways + inner.get(id(part), (part, 0))[1])
        level = inner
    return total


def to_plain_record(value: object) -> dict[str, Any]:
    """A record out of anybody's file as JSON holds it: what is no number becomes text, half characters go.

    Raises:
        ValueError: no record, one that holds itself, or one with other things than plain values.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"it holds a {type(value).__name__}")
    if measure_depth(value, DEEPEST) > DEEPEST:
        raise Oversized(f"values more than {DEEPEST} deep")
    if count_values(value) > MOST_VALUES:
        raise Oversized(f"more than {MOST_VALUES:,} values")
    return {_plain_key(key): _plain(part) for key, part in value.items()}


def count_free_memory() -> int | None:
    """Bytes that this process may still take; None where nothing tells."""
    told = [_read_available(), _read_limit(), _read_group()]
    return min((number for number in told if number is not None), default=None)


def _read_available() -> int | None:
    """What the machine has."""
    try:
        with open("/proc/meminfo") as file:
            lines = dict(line.split(":", 1) for line in file)
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _read_limit() -> int | None:
    """What a limit of addresses leaves to this process."""
    if resource is None:
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        with open("/proc/self/statm") as file:
            mapped = int(file.read().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        mapped = 0
    return max(0, limit - mapped)


def _read_group() -> int | None:
    """What the container has."""
    try:
        most, used = (
            Path(f"/sys/fs/cgroup/memory.{word}").read_text().strip() for word in ("max", "current")
        )
        return None if most == "max" else max(0, int(most) - int(used))
    except (OSError, ValueError):
        return None


def _count_held(path: Path, size: int) -> int:
    """Bytes that lie on the disk; all of them where the file system does not tell."""
    if not hasattr(os, "SEEK_DATA"):
        return size
    held = at = 0
    with path.open("rb") as file:
        for _ in range(4096):  # a file in more pieces than this is not mostly holes
            try:
                start = os.lseek(file.fileno(), at, os.SEEK_DATA)
                at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            except OSError as error:
                return held if error.errno == errno.ENXIO else size  # nothing but a hole is left
            held += at - start
            if at >= size:
                return held
    return size


def _read_whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise Oversized(f"a number of {len(digits):,} digits")
    return int(digits)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [part for part in value.values() if isinstance(part, (Mapping, list, tuple, set))]
    if isinstance(value, (list, tuple, set)):
        return [part for part in value if isinstance(part, (Mapping, list, tuple, set))]
    return []


def _plain_key(key: object) -> str:
    return shorten(legible(key), LONGEST_NAME)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_plain_key(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, str):
        return legible(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    raise ValueError(f"it holds a {type(value).__name__}")
