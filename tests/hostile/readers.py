"""Checkpoints that two readers might see in two ways: without torch one reads what torch gives, or nothing.

A file may be refused by both, or left to torch. It is a fault to answer otherwise, or where torch refuses.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gst_analysis.checkpoints.reading import RawCheckpoint, load_raw
from gst_analysis.checkpoints.stored import StoredTensor, to_array
from gst_analysis.checkpoints.unbuilt import NotPlain, Unread
from gst_analysis.errors import GstError
from tests.hostile.cases import Case, Kind, seed_of
from tests.hostile.parts import (
    called,
    entry,
    make_archive,
    number,
    safetensors_header,
    small_file,
    storage,
    tensor,
    text,
    write,
    write_safetensors,
)

_HOOKS = b"ccollections\nOrderedDict\n)R"
_VALUES = struct.pack("<4f", 1, 2, 3, 4)
_FOUR = tensor("0", 4, (4,), (1,))


def compare_readers(path: Path, out: Path | None = None) -> None:
    """Read a file both ways.

    Raises:
        AssertionError: what is read without torch is not what torch gives.
    """
    try:
        ours = load_raw(path, unbuilt=True)
    except (GstError, NotPlain):
        with contextlib.suppress(GstError):
            load_raw(path)
        return
    theirs = load_raw(path)  # an error of ours here is an answer where torch refuses
    assert (ours.sha256, ours.averaged) == (theirs.sha256, theirs.averaged)
    _require_same_tensors(ours, theirs)
    assert _say(ours.extras) == _say(theirs.extras)


def _require_same_tensors(ours: RawCheckpoint, theirs: RawCheckpoint) -> None:
    assert list(ours.state) == list(theirs.state)
    for name, known in theirs.state.items():
        found: Any = ours.state[name]
        assert isinstance(found, StoredTensor)
        assert (found.shape, found.dtype) == (tuple(known.shape), str(known.dtype)), name
        values = (known.float() if known.dtype == torch.bfloat16 else known).contiguous()
        read = to_array(found)
        if known.dtype == torch.bool:  # any byte but 0 is true, and copies differ in which they take
            values, read = values.view(torch.uint8) != 0, np.asarray(read.view("u1") != 0)
        assert read.tobytes() == values.numpy().tobytes(), name
        for one, same in ((found, known), (found.float(), known.float())):
            assert not one.is_finite() or bool(torch.isfinite(same).all()), name


def _say(value: Any) -> Any:
    """Plain values as they are, all others by one word: without torch they are not made."""
    if isinstance(value, Mapping):
        return [(_say(key), _say(part)) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [_say(part) for part in value]
    plain = value is None or isinstance(value, (str, bytes, int, float))
    tensors = isinstance(value, (StoredTensor, torch.Tensor))
    assert plain or tensors or isinstance(value, Unread) or type(value).__module__ != __name__
    return repr(value) if plain else "a tensor" if tensors else "no plain value"


def _case(name: str, make: Callable[[], bytes], file: str = "model.pth") -> Case:
    return Case(name, partial(_write, make=make, file=file), act=compare_readers)


def _write(folder: Path, *, make: Callable[[], bytes], file: str) -> Path:
    return write(folder, make(), file)


def _plain(pickled: bytes, **more: bytes) -> bytes:
    """An archive with a pickle and four numbers."""
    return make_archive({"data.pkl": pickled, "version": b"3\n", "data/0": _VALUES, **more})


def _rebuilt(*tail: bytes, name: str = "_rebuild_tensor_v2", kind: str = "FloatStorage") -> bytes:
    """A tensor of four numbers with such further arguments."""
    one = (storage("0", 4, kind), number(0), b"(" + number(4) + b"t", b"(" + number(1) + b"t")
    return called(f"torch._utils.{name}", *one, *tail)


def _far_away() -> bytes:
    """A tensor of nothing, further into its storage than whole numbers of torch go."""
    far = b"\x8a\x09" + (2**63).to_bytes(9, "little")
    return entry(text("a"), tensor("0", 4, (0,), (1,), 7).replace(number(7), far))


def _shaped(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    return entry(text("a"), tensor("0", 4, shape, strides, offset))


_ITEM = text("a") + _FOUR
_PICKLES: Mapping[str, bytes] = {
    "a name twice": b"\x80\x02}" + (text("a") + _FOUR + b"s") * 2 + b".",
    "a name as number and as text": b"\x80\x02}K\x01" + _FOUR + b"s" + text("1") + _FOUR + b"s.",
    "1 and True": b"\x80\x02}K\x01" + _FOUR + b"s\x88" + _FOUR + b"s.",
    "a name of bytes": entry(called("_codecs.encode", text("a"), text("latin1")), _FOUR),
    "a float as a name": entry(b"G" + struct.pack(">d", float("nan")), _FOUR),
    "pairs as a record": b"\x80\x02" + called("collections.OrderedDict", b"](" + _ITEM + b"\x86e") + b".",
    "pairs that are counted": b"\x80\x02" + called("collections.Counter", b"](" + _ITEM + b"\x86e") + b".",
    "a counter of a record": b"\x80\x02" + called("collections.Counter", b"}" + _ITEM + b"s") + b".",
    "a memo that is written twice": b"\x80\x02}q\x00" + text("a") + _FOUR + b"q\x00sh\x00.",
    "a memo before it is written": b"\x80\x02}" + text("a") + b"h\x05s.",
    "a list that grows afterwards": entry(text("a"), b"]q\x00h\x00K\x01a"),
    "one value in two places": b"\x80\x02}" + text("a") + _FOUR + b"q\x00s" + text("b") + b"h\x00s.",
    "marks that are left open": b"\x80\x02(((}" + _ITEM + b"s.",
    "bytes behind it": entry(text("a"), _FOUR) + b"cos\nsystem\n.",
    "a protocol in the middle": b"\x80\x02}\x80\x04" + _ITEM + b"s.",
    "a name of Python 2, protocol 3": b"\x80\x03}"
    + _ITEM
    + b"s"
    + text("b")
    + called("__builtin__.set", b"]")
    + b"s.",
    "a device that is none": b"\x80\x02}"
    + _ITEM
    + b"s"
    + text("d")
    + called("torch.device", text("nowhere"))
    + b"s.",
    "a device of number -5": b"\x80\x02}"
    + _ITEM
    + b"s"
    + text("d")
    + called("torch.device", text("cuda"), number(-5))
    + b"s.",
    "a layout that is none": b"\x80\x02}"
    + _ITEM
    + b"s"
    + text("d")
    + called("torch.serialization._get_layout", text("torch.odd"))
    + b"s.",
    "a number of texts": b"\x80\x02}"
    + _ITEM
    + b"s"
    + text("d")
    + called("builtins.complex", b"G" + bytes(8), b"G" + bytes(8))
    + b"s.",
    "six parts of a storage": entry(
        text("a"),
        called(
            "torch._utils._rebuild_tensor_v2",
            storage("0", 4)[:-2] + b"NtQ",
            number(0),
            b"(" + number(4) + b"t",
            b"(" + number(1) + b"t",
            b"\x89",
            _HOOKS,
        ),
    ),
    "no word of learning": entry(text("a"), _rebuilt()),
    "no hooks": entry(text("a"), _rebuilt(b"\x89")),
    "learning as a number": entry(text("a"), _rebuilt(b"K\x01", _HOOKS)),
    "learning whole numbers": entry(text("a"), _rebuilt(b"\x88", _HOOKS, kind="IntStorage")),
    "learning numbers": entry(text("a"), _rebuilt(b"\x88", _HOOKS)),
    "hooks that are none": entry(text("a"), _rebuilt(b"\x89", b"N")),
    "marks of its own": entry(text("a"), _rebuilt(b"\x89", _HOOKS, b"}" + text("neg") + b"\x88s")),
    "marks that are no record": entry(text("a"), _rebuilt(b"\x89", _HOOKS, b"N")),
    "too many arguments": entry(text("a"), _rebuilt(b"\x89", _HOOKS, b"}", b"N")),
    "the oldest form": entry(text("a"), _rebuilt(name="_rebuild_tensor")),
    "the oldest form with more": entry(text("a"), _rebuilt(b"\x89", _HOOKS, name="_rebuild_tensor")),
    "another type than its storage": entry(
        text("a"), _rebuilt(b"\x89", _HOOKS, b"ctorch\nint32\n", name="_rebuild_tensor_v3")
    ),
    "the type of its storage": entry(
        text("a"), _rebuilt(b"\x89", _HOOKS, b"ctorch\nfloat32\n", name="_rebuild_tensor_v3")
    ),
    "a parameter with less": entry(text("a"), called("torch._utils._rebuild_parameter", _FOUR)),
    "a parameter": entry(text("a"), called("torch._utils._rebuild_parameter", _FOUR, b"\x88", _HOOKS)),
    "a parameter of whole numbers": entry(
        text("a"),
        called(
            "torch._utils._rebuild_parameter", _rebuilt(b"\x89", _HOOKS, kind="IntStorage"), b"\x88", _HOOKS
        ),
    ),
    "one storage of two types": b"\x80\x02}"
    + _ITEM
    + b"s"
    + text("b.num_batches_tracked")
    + _rebuilt(b"\x89", _HOOKS, kind="IntStorage")
    + b"s.",
    "a size of True": entry(text("a"), _rebuilt(b"\x89", _HOOKS)).replace(number(0), b"\x89"),
    "a count of True": entry(text("a"), tensor("0", 1, (1,), (1,)).replace(number(1) + b"tQ", b"\x88tQ")),
    "sizes in a list": entry(
        text("a"), _rebuilt(b"\x89", _HOOKS).replace(b"(" + number(4) + b"t", b"]K\x04a")
    ),
    "a shape of torch's": entry(text("a"), _FOUR).replace(
        b"(" + number(4) + b"t", called("torch.Size", b"(" + number(4) + b"t")
    ),
    "the same values again and again": _shaped((4, 4), (0, 1)),
    "one value": _shaped((), (), 3),
    "one value beyond the end": _shaped((), (), 4),
    "backwards": _shaped((4,), (-1,), 3),
    "an offset below 0": _shaped((2,), (1,), -1),
    "nothing, far away": _shaped((0, 3), (3, 1), 2**30),
    "nothing, beyond whole numbers": _far_away(),
    "nothing with strides": _shaped((0,), (2**30,)),
    "one with strides": _shaped((1, 1), (2**30, 2**30), 3),
    "crossing rows": _shaped((2, 3), (1, 1)),
    "every other": _shaped((2,), (2,), 1),
    "beyond by one": _shaped((2,), (2,), 2),
    "sizes of 2^31": _shaped((2**31 - 1, 0), (1, 1)),
    "17 sides": _shaped((1,) * 17, (1,) * 17),
    "33 sides": _shaped((1,) * 33, (1,) * 33),
    "more strides than sides": _shaped((4,), (1, 1)),
}


def _of_type(kind: str, count: int, order: bytes) -> bytes:
    return make_archive(
        {
            "data.pkl": entry(
                text("a.num_batches_tracked"),
                _rebuilt(b"\x89", _HOOKS, kind=kind).replace(number(4), number(count)),
            ),
            "byteorder": order,
            "data/0": bytes(range(16)),
        }
    )


def _doubles() -> bytes:
    """Numbers that are finite, and beyond those of four bytes."""
    kind = _rebuilt(b"\x89", _HOOKS, kind="DoubleStorage").replace(number(4), number(2))
    return make_archive(
        {"data.pkl": entry(text("a"), kind), "version": b"3\n", "data/0": struct.pack("<2d", 1e300, 1)}
    )


_TYPES = {"Double": 2, "Float": 4, "Half": 8, "BFloat16": 8, "Long": 2, "Int": 4, "Short": 8, "Char": 16}
_TYPES |= {"Byte": 16, "Bool": 16, "ComplexDouble": 1, "ComplexFloat": 2, "QInt8": 16, "QInt32": 4}
_NOTES: Mapping[str, tuple[str, bytes]] = {
    **{f"version {told!r}": ("version", told) for told in (b"1", b"2", b"4", b"99", b"3 ", b"", b"x")},
    **{f"order {told!r}": ("byteorder", told) for told in (b"big", b"Little", b"little\n", b"", b"x")},
    "a format's version": (".format_version", b"9"),
    "an alignment": (".storage_alignment", b"8"),
}


def _double(first: bytes, second: bytes) -> bytes:
    """An archive in which one name stands twice."""
    plain = make_archive({"data.pkl": entry(text("a"), _FOUR), "data/0": first, "data/1": second})
    return plain.replace(b"archive/data/1", b"archive/data/0")


def _lay(*, local: bytes = b"", central: bytes = b"", **changes: int) -> bytes:
    """An archive whose values' header, in either place, has other fields or a further one than it should."""
    content = {"data.pkl": entry(text("a"), _FOUR), "version": b"3\n", "data/0": _VALUES}
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
    held = _rebuilt(b"\x89", _HOOKS, kind="IntStorage").replace(number(4), number(len(outer) // 4))
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
_CONTAINERS: Mapping[str, Callable[[], bytes]] = {
    "one name twice": lambda: _double(_VALUES, bytes(16)),
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
    "values in another folder": lambda: _plain(entry(text("a"), _FOUR), extra=b"x").replace(
        b"archive/e", b"Archive/e"
    ),
    "on several disks": lambda: _on_disks(here=2),
    "begun on another disk": lambda: _on_disks(disk=1),
    "values that begin in others": _nested,
    "another folder first": lambda: make_archive(
        {"../other/data.pkl": entry(text("b"), _FOUR), "data.pkl": entry(text("a"), _FOUR), "data/0": _VALUES}
    ),
    "packed values": lambda: make_archive(
        {"data.pkl": entry(text("a"), _FOUR), "data/0": _VALUES}, method=zipfile.ZIP_DEFLATED
    ),
    "numbers beyond those of four bytes": _doubles,
    "truths of 5 and 255": lambda: make_archive(
        {
            "data.pkl": entry(text("a"), _rebuilt(b"\x89", _HOOKS, kind="BoolStorage")),
            "version": b"3\n",
            "data/0": b"\0\1\5\xff",
        }
    ),
    "names in capitals": lambda: make_archive({"DATA.PKL": entry(text("a"), _FOUR), "data/0": _VALUES}),
    "a key in capitals": lambda: make_archive(
        {"data.pkl": entry(text("a"), tensor("x", 4, (4,), (1,))), "data/X": _VALUES}
    ),
    "a key that leads out": lambda: make_archive(
        {"data.pkl": entry(text("a"), tensor("../0", 4, (4,), (1,))), "data/../0": _VALUES}
    ),
    "a key of nothing": lambda: make_archive(
        {"data.pkl": entry(text("a"), tensor("", 4, (4,), (1,))), "data/": _VALUES}
    ),
}


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
    for name, pickled in _PICKLES.items():
        yield _case(f"pickle: {name}", partial(_plain, pickled))
    for kind, count in _TYPES.items():
        for order in (b"little", b"big"):
            yield _case(f"{kind}, {order.decode()}", partial(_of_type, f"{kind}Storage", count, order))
    for name, (record, told) in _NOTES.items():
        yield _case(name, partial(_plain, entry(text("a"), _FOUR), **{record: told}))
    for name, make in _CONTAINERS.items():
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
