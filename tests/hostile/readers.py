"""Checkpoints with a catch for whoever reads without torch, and sound ones that were changed."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tests.hostile.archive_catches import ARCHIVES
from tests.hostile.cases import Case, Kind, seed_of
from tests.hostile.parts import (
    entry,
    make_archive,
    safetensors_header,
    small_file,
    text,
    write,
    write_safetensors,
)
from tests.hostile.pickle_catches import FOUR, NOTES, PICKLES, TYPES, of_type, plain
from tests.hostile.two_readings import compare_readers


def _case(name: str, make: Callable[[], bytes], file: str = "model.pth") -> Case:
    return Case(name, partial(_write, make=make, file=file), act=compare_readers)


def _write(folder: Path, *, make: Callable[[], bytes], file: str) -> Path:
    return write(folder, make(), file)


def _header(change: Callable[[dict[str, Any]], object]) -> bytes:
    header = json.loads(safetensors_header({"a": [2], "b": [0], "c": [1, 2]})[0])
    change(header)
    return json.dumps(header).encode()


_HEADERS: Mapping[str, Callable[[], bytes]] = {
    "metadata of numbers": lambda: _header(lambda h: h.update({"__metadata__": {"a": 1}})),
    "metadata that is a list": lambda: _header(lambda h: h.update({"__metadata__": []})),
    "metadata that is null": lambda: _header(lambda h: h.update({"__metadata__": None})),
    "half a character": lambda: _header(lambda h: h.update({"\ud800": h.pop("a")})),
    "a tensor twice": lambda: _header(lambda h: None).replace(b'"c"', b'"a"'),
    "a size of -0": lambda: _header(lambda h: None).replace(b'"shape": [0]', b'"shape": [-0]'),
    "a size of 2.0": lambda: _header(lambda h: None).replace(b'"shape": [2]', b'"shape": [2.0]'),
    "a size of 02": lambda: _header(lambda h: None).replace(b'"shape": [2]', b'"shape": [02]'),
    "more than it needs": lambda: _header(lambda h: h["a"].update(more=1)),
    "spaces behind it": lambda: _header(lambda h: None) + b"   ",
    "words behind it": lambda: _header(lambda h: None) + b"{}",
    "NaN": lambda: _header(lambda h: h.update({"__metadata__": {"a": float("nan")}})),
    "another order": lambda: _header(lambda h: h.update({"a": h.pop("a")})),
    "an overlap": lambda: _header(lambda h: h["c"].update(data_offsets=[0, 8])),
    "a gap": lambda: _header(lambda h: h.pop("a")),
    "a type that is none": lambda: _header(lambda h: h["a"].update(dtype="F33")),
    "a type of eight bits": lambda: _header(lambda h: h["a"].update(dtype="F8_E5M2", shape=[8])),
    "a name with a null": lambda: _header(lambda h: h.update({"\0": h.pop("a")})),
    "a mark before it": lambda: b"\xef\xbb\xbf" + _header(lambda h: None),
}


def _torn(seed: int, *, safe: bool) -> bytes:
    """A sound file with a few bytes changed where its names and places are told."""
    draw = random.Random(seed)
    content = bytearray(small_file(safe=safe))
    spots = range(8, 4_000) if safe else [*range(20_000), *range(len(content) - 30_000, len(content))]
    for _ in range(draw.choice((1, 1, 2, 4))):
        spot = draw.choice(spots)
        content[spot] = draw.choice((content[spot] ^ 1 << draw.randrange(8), draw.randrange(256), 0x30))
    return bytes(content)


def _reseal(seed: int) -> bytes:
    """A sound archive whose pickle has a few bytes changed, under checksums that fit."""
    draw = random.Random(seed)
    with zipfile.ZipFile(io.BytesIO(small_file())) as archive:
        held = {info.filename.partition("/")[2]: archive.read(info) for info in archive.infolist()}
    pickled = bytearray(held["data.pkl"])
    for _ in range(draw.choice((1, 1, 2, 3))):
        spot = draw.randrange(len(pickled))
        pickled[spot] = draw.choice(
            (pickled[spot] ^ 1 << draw.randrange(8), draw.randrange(256), draw.choice(b"0(]})tqhKN\x88\x89."))
        )
    return make_archive({**held, "data.pkl": bytes(pickled)})


def generate(seed: int) -> Iterator[Case]:
    """Pickles, containers, notes and headers, each with a catch, and sound ones that were changed."""
    for name, pickled in PICKLES.items():
        yield _case(f"pickle: {name}", partial(plain, pickled))
    for kind, count in TYPES.items():
        for order in (b"little", b"big"):
            yield _case(f"{kind}, {order.decode()}", partial(of_type, f"{kind}Storage", count, order))
    for name, (record, told) in NOTES.items():
        yield _case(name, partial(plain, entry(text("a"), FOUR), **{record: told}))
    for name, make in ARCHIVES.items():
        yield _case(f"archive: {name}", make)
    for name, header in _HEADERS.items():
        make_file = partial(write_safetensors, data=bytes(16))
        yield Case(f"header: {name}", partial(_write_header, make_file, header), act=compare_readers)
    for count in range(60):
        for safe in (False, True):
            name = f"changed {count}{', safetensors' * safe}"
            file = "model.safetensors" if safe else "model.pth"
            yield _case(name, partial(_torn, seed_of(name, seed), safe=safe), file)
        yield _case(f"pickle changed {count}", partial(_reseal, seed_of(f"pickle changed {count}", seed)))


def _write_header(make: Callable[[Path, bytes], Path], header: Callable[[], bytes], folder: Path) -> Path:
    return make(folder, header())


READERS = Kind("checkpoints: read in two ways", generate)
