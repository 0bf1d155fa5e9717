"""Checkpoints whose pickle is the attack: code, depth, number, length, claims, attributes; in three forms."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.hostile.cases import RECOGNISING, Case, Kind
from tests.hostile.parts import (
    WAYS,
    Call,
    called,
    entry,
    number,
    save,
    small_state,
    tensor,
    text,
    wrap_pickle,
    write,
)

FORMS = ("bare", "zip", "legacy")


def _code(folder: Path, *, way: str, form: str, protocol: int, place: str) -> Path:
    bad = Call(folder, way)
    payload: Any = {
        "alone": bad,
        "a value": {"state_dict": dict(small_state()), "extra": bad},
        "a tensor": {"state_dict": {"conv1.weight": bad}},
        "a list": {"state_dict": {"a": [bad]}},
        "a wrapper": {"model": bad},
    }[place]
    if form == "bare" or place in ("alone", "a tensor", "a list", "a wrapper"):
        return write(folder, wrap_pickle(pickle.dumps(payload, protocol=protocol), form))
    return save(folder, payload, form=form)


def _nested(opening: bytes, middle: bytes, closing: bytes, depth: int) -> bytes:
    return opening * depth + middle + closing * depth


def _deep(depth: int) -> dict[str, bytes]:
    """Values in values, as keys and as values."""
    tuples = b")" + b"\x85" * depth
    lists = b"]" * depth + b"a" * (depth - 1)
    dicts = (b"}" + text("a")) * depth + b"N" + b"s" * depth
    return {
        "tuples as a key": b"\x80\x02}" + tuples + b"K\x01s.",
        "tuples as a value": entry(text("state_dict"), tuples),
        "tuples as the family": entry(
            text("spec"), b"}" + text("family") + tuples + b"s" + text("backbone") + tuples + b"s"
        ),
        "lists": entry(text("state_dict"), lists),
        "dicts": entry(text("state_dict"), dicts),
        "ordered dicts": entry(text("a"), called("collections.OrderedDict") * 1 + b"0" * 0),
        "sets of tuples": entry(text("a"), called("builtins.set", b"]" + tuples + b"a")),
        "sizes": b"\x80\x02" + tuples + b".",
        "marks": b"\x80\x02" + b"(" * depth + b".",
        "a counter of tuples": entry(text("a"), called("collections.Counter", b"}" + tuples + b"K\x01s")),
    }


_WIDE: dict[str, Callable[[int], bytes]] = {
    "keys": lambda n: b"\x80\x02}(" + b"".join(text(f"k{i}") + b"K\x01" for i in range(n)) + b"u.",
    "whole numbers as keys": lambda n: b"\x80\x02}(" + b"".join(number(i) + b"N" for i in range(n)) + b"u.",
    "a list": lambda n: entry(text("state_dict"), b"](" + b"N" * n + b"e"),
    "lists": lambda n: entry(text("a"), b"](" + b"]" * n + b"e"),
    "memo": lambda n: b"\x80\x02}" + b"".join(b"r" + struct.pack("<I", i) for i in range(n)) + b".",
    "calls": lambda n: entry(text("a"), b"](" + called("collections.OrderedDict") * (n // 20) + b"e"),
    "copies of a list": lambda n: (
        b"\x80\x02](" + b"N" * n + b"eq\x00" + b"(cbuiltins\nset\nh\x00\x85R" * n + b"t."
    ),
    "colliding keys": lambda n: (
        b"\x80\x02}("
        + b"".join(b"\x8a\x0c" + (i * (2**61 - 1)).to_bytes(12, "little") + b"N" for i in range(n))
        + b"u."
    ),
    "steps": lambda n: b"\x80\x02" + b"N0" * 0 + b"N" * (20 * n) + b".",
}


def _lengths() -> Iterator[tuple[str, bytes]]:
    for size in (5_000, 100_000, 1_000_000):
        yield f"a key of {size:,} signs", entry(text("a" * size), b"K\x01")
        yield f"a key of {size:,} prefixes", entry(text("module." * (size // 7) + "fc.weight"), b"K\x01")
        yield f"a key of {size:,} digits", entry(text(f"layer{'1' * size}.0.conv1.weight"), b"K\x01")
    for digits in (5_000, 30_000):
        content = (10**digits).to_bytes(digits // 2, "little")
        yield (
            f"a number of {digits:,} digits",
            entry(text("epoch"), b"\x8b" + struct.pack("<i", len(content)) + content),
        )
        yield f"a number of {digits:,} digits as text", entry(text("epoch"), b"I" + b"1" * digits + b"\n")
    yield "a number of 255 bytes", entry(text("epoch"), b"\x8a\xff" + b"\x7f" * 255)
    yield "a text that claims 4 GB", b"\x80\x02X\xff\xff\xff\xff" + b"a" * 100 + b"."


_CODECS = (
    "punycode",
    "idna",
    "uu",
    "zlib",
    "bz2",
    "rot13",
    "unicode_escape",
    "utf-7",
    "hex",
    "raw_unicode_escape",
)


def _claims() -> Iterator[tuple[str, bytes]]:
    for codec in _CODECS:
        value = called("_codecs.encode", text("ä" * 300_000), text(codec))
        yield f"bytes in {codec}", entry(text("a"), value)
    for size in (2**31 - 1, 500_000_000):
        yield f"a bytearray of {size:,}", entry(text("a"), called("builtins.bytearray", number(size)))
    big = b"\x8a\x05" + (3 * 2**30).to_bytes(5, "little")
    for name in ("FloatTensor", "DoubleTensor", "LongTensor", "ByteTensor", "Tensor"):
        yield f"torch.{name} of nothing", entry(text("conv1.weight"), called(f"torch.{name}", number(8)))
        yield f"torch.{name} of 3 GB", entry(text("conv1.weight"), called(f"torch.{name}", big))
    yield "an untyped storage", entry(text("a"), called("torch.storage.UntypedStorage", big))
    yield "a size of 3 G", entry(text("a"), called("torch.Size", b"(" + big + b"t"))
    meta = "torch._utils._rebuild_meta_tensor_no_storage"
    shape = b"(" + number(2**30) + number(2**30) + b"t"
    yield (
        "a tensor without values",
        entry(text("conv1.weight"), called(meta, b"ctorch\nfloat32\n", shape, shape, b"\x89")),
    )
    yield "a list that holds itself", b"\x80\x02]q\x00h\x00a."
    yield "a dict that holds itself", b"\x80\x02}q\x00" + text("state_dict") + b"h\x00s."
    yield "two that hold each other", b"\x80\x02]q\x00]q\x01h\x00ah\x01a."
    yield "a storage in place of a tensor", entry(text("conv1.weight"), _storage())
    yield "a class in place of a tensor", entry(text("conv1.weight"), b"ccollections\nOrderedDict\n")
    yield (
        "a function in place of a wrapper",
        entry(text("state_dict"), b"ctorch._utils\n_rebuild_tensor_v2\n"),
    )


def _storage() -> bytes:
    return b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(4) + b"tQ"


def _attributes() -> Iterator[tuple[str, bytes]]:
    """Methods of what is made, overwritten by data."""
    ordered = called("collections.OrderedDict")
    for name in (
        "get",
        "items",
        "keys",
        "values",
        "__class__",
        "__getitem__",
        "__len__",
        "copy",
        "update",
        "_metadata",
    ):
        state = b"}" + text(name) + b"K\x01s"
        yield (
            f"an OrderedDict with its own {name}",
            b"\x80\x02" + ordered + text("a") + b"K\x01s" + state + b"b.",
        )
    for name in (
        "detach",
        "numpy",
        "shape",
        "is_meta",
        "__dict__",
        "grad",
        "__torch_function__",
        "requires_grad",
    ):
        state = b"}" + text(name) + b"K\x01s"
        rebuilt = tensor("0", 1, (1,), (1,))
        yield f"a tensor with its own {name}", entry(text("conv1.weight"), rebuilt + state + b"b")
        kind = called(
            "torch._tensor._rebuild_from_type_v2",
            b"ctorch._utils\n_rebuild_tensor_v2\n",
            b"ctorch\nTensor\n",
            b"(t",
            state,
        )
        yield f"a typed tensor with its own {name}", entry(text("conv1.weight"), kind)
    new = b"ctorch.nn.parameter\nParameter\n)\x81"
    yield "a parameter of nothing", entry(text("conv1.weight"), new)
    yield "a parameter with a state", entry(text("conv1.weight"), new + b"(K\x01K\x02tb")
    yield "a device of 10^6 signs", entry(text("a"), called("torch.device", text("a" * 10**6)))
    yield "a persistent id that is text", entry(text("a"), text("storage") + b"Q")
    yield (
        "a persistent id of a module",
        entry(
            text("a"), b"(" + text("module") + b"ccollections\nOrderedDict\n" + text("a") + text("b") + b"tQ"
        ),
    )


def _torn(seed: int) -> Iterator[tuple[str, bytes]]:
    """Pickles that begin well: cut off, or of single opcodes."""
    for code in range(256):
        if code % 3 == seed % 3:
            yield f"opcode {code}", b"\x80\x02}" + text("a") + bytes([code]) + b"K\x01" * 3 + b"s."


def generate(form: str, seed: int) -> Iterator[Case]:
    """All attacks in one form of file."""
    for way in WAYS:
        places = ("alone", "a value", "a tensor", "a list", "a wrapper")
        for place in places[:: 1 if form == "zip" else 2]:
            make = partial(_code, way=way, form=form, protocol=2, place=place)
            yield Case(f"code: {way} as {place}", make)
    for protocol in (0, 1, 3, 4, 5):
        make = partial(_code, way="os.mkdir", form=form, protocol=protocol, place="alone")
        yield Case(f"code: protocol {protocol}", make)
    made = [
        *(
            (f"{name}, {depth:,} deep", content)
            for depth in (150, 5_000, 200_000)
            for name, content in _deep(depth).items()
        ),
        *_lengths(),
        *_claims(),
        *_attributes(),
        *_torn(seed),
    ]
    for name, content in made:
        yield Case(name, partial(_write, content=content, form=form))
    for count in (10_000, 100_000):
        for name, write_wide in _WIDE.items():
            yield Case(f"{count:,} {name}", partial(_write_late, make=write_wide, count=count, form=form))


def _write(folder: Path, *, content: bytes, form: str) -> Path:
    return write(folder, wrap_pickle(content, form))


def _write_late(folder: Path, *, make: Callable[[int], bytes], count: int, form: str) -> Path:
    return write(folder, wrap_pickle(make(count), form))


KINDS = tuple(
    Kind(f"checkpoints: pickle, {form}", partial(generate, form), modules=RECOGNISING) for form in FORMS
)
