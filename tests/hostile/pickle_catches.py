"""Pickles, types and notes of archives that two readers might take in two ways."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.hostile.parts import called, entry, make_archive, number, storage, tensor, text

HOOKS = b"ccollections\nOrderedDict\n)R"
VALUES = struct.pack("<4f", 1, 2, 3, 4)
FOUR = tensor("0", 4, (4,), (1,))


def plain(pickled: bytes, **more: bytes) -> bytes:
    """An archive with a pickle and four numbers."""
    return make_archive({"data.pkl": pickled, "version": b"3\n", "data/0": VALUES, **more})


def rebuilt(*tail: bytes, name: str = "_rebuild_tensor_v2", kind: str = "FloatStorage") -> bytes:
    """A tensor of four numbers with such further arguments."""
    one = (storage("0", 4, kind), number(0), b"(" + number(4) + b"t", b"(" + number(1) + b"t")
    return called(f"torch._utils.{name}", *one, *tail)


def _far_away() -> bytes:
    """A tensor of nothing, further into its storage than whole numbers of torch go."""
    far = b"\x8a\x09" + (2**63).to_bytes(9, "little")
    return entry(text("a"), tensor("0", 4, (0,), (1,), 7).replace(number(7), far))


def _shaped(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    return entry(text("a"), tensor("0", 4, shape, strides, offset))


_ITEM = text("a") + FOUR
PICKLES: Mapping[str, bytes] = {
    "a name twice": b"\x80\x02}" + (text("a") + FOUR + b"s") * 2 + b".",
    "a name as number and as text": b"\x80\x02}K\x01" + FOUR + b"s" + text("1") + FOUR + b"s.",
    "1 and True": b"\x80\x02}K\x01" + FOUR + b"s\x88" + FOUR + b"s.",
    "a name of bytes": entry(called("_codecs.encode", text("a"), text("latin1")), FOUR),
    "a float as a name": entry(b"G" + struct.pack(">d", float("nan")), FOUR),
    "pairs as a record": b"\x80\x02" + called("collections.OrderedDict", b"](" + _ITEM + b"\x86e") + b".",
    "pairs that are counted": b"\x80\x02" + called("collections.Counter", b"](" + _ITEM + b"\x86e") + b".",
    "a counter of a record": b"\x80\x02" + called("collections.Counter", b"}" + _ITEM + b"s") + b".",
    "a memo that is written twice": b"\x80\x02}q\x00" + text("a") + FOUR + b"q\x00sh\x00.",
    "a memo before it is written": b"\x80\x02}" + text("a") + b"h\x05s.",
    "a list that grows afterwards": entry(text("a"), b"]q\x00h\x00K\x01a"),
    "one value in two places": b"\x80\x02}" + text("a") + FOUR + b"q\x00s" + text("b") + b"h\x00s.",
    "marks that are left open": b"\x80\x02(((}" + _ITEM + b"s.",
    "bytes behind it": entry(text("a"), FOUR) + b"cos\nsystem\n.",
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
            HOOKS,
        ),
    ),
    "no word of learning": entry(text("a"), rebuilt()),
    "no hooks": entry(text("a"), rebuilt(b"\x89")),
    "learning as a number": entry(text("a"), rebuilt(b"K\x01", HOOKS)),
    "learning whole numbers": entry(text("a"), rebuilt(b"\x88", HOOKS, kind="IntStorage")),
    "learning numbers": entry(text("a"), rebuilt(b"\x88", HOOKS)),
    "hooks that are none": entry(text("a"), rebuilt(b"\x89", b"N")),
    "marks of its own": entry(text("a"), rebuilt(b"\x89", HOOKS, b"}" + text("neg") + b"\x88s")),
    "marks that are no record": entry(text("a"), rebuilt(b"\x89", HOOKS, b"N")),
    "too many arguments": entry(text("a"), rebuilt(b"\x89", HOOKS, b"}", b"N")),
    "the oldest form": entry(text("a"), rebuilt(name="_rebuild_tensor")),
    "the oldest form with more": entry(text("a"), rebuilt(b"\x89", HOOKS, name="_rebuild_tensor")),
    "another type than its storage": entry(
        text("a"), rebuilt(b"\x89", HOOKS, b"ctorch\nint32\n", name="_rebuild_tensor_v3")
    ),
    "the type of its storage": entry(
        text("a"), rebuilt(b"\x89", HOOKS, b"ctorch\nfloat32\n", name="_rebuild_tensor_v3")
    ),
    "a parameter with less": entry(text("a"), called("torch._utils._rebuild_parameter", FOUR)),
    "a parameter": entry(text("a"), called("torch._utils._rebuild_parameter", FOUR, b"\x88", HOOKS)),
    "a parameter of whole numbers": entry(
        text("a"),
        called("torch._utils._rebuild_parameter", rebuilt(b"\x89", HOOKS, kind="IntStorage"), b"\x88", HOOKS),
    ),
    "one storage of two types": b"\x80\x02}"
    + _ITEM
    + b"s"
    + text("b.num_batches_tracked")
    + rebuilt(b"\x89", HOOKS, kind="IntStorage")
    + b"s.",
    "a size of True": entry(text("a"), rebuilt(b"\x89", HOOKS)).replace(number(0), b"\x89"),
    "a count of True": entry(text("a"), tensor("0", 1, (1,), (1,)).replace(number(1) + b"tQ", b"\x88tQ")),
    "sizes in a list": entry(text("a"), rebuilt(b"\x89", HOOKS).replace(b"(" + number(4) + b"t", b"]K\x04a")),
    "a shape of torch's": entry(text("a"), FOUR).replace(
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


def of_type(kind: str, count: int, order: bytes) -> bytes:
    return make_archive(
        {
            "data.pkl": entry(
                text("a.num_batches_tracked"),
                rebuilt(b"\x89", HOOKS, kind=kind).replace(number(4), number(count)),
            ),
            "byteorder": order,
            "data/0": bytes(range(16)),
        }
    )


def doubles() -> bytes:
    """Numbers that are finite, and beyond those of four bytes."""
    kind = rebuilt(b"\x89", HOOKS, kind="DoubleStorage").replace(number(4), number(2))
    return make_archive(
        {"data.pkl": entry(text("a"), kind), "version": b"3\n", "data/0": struct.pack("<2d", 1e300, 1)}
    )


TYPES = {"Double": 2, "Float": 4, "Half": 8, "BFloat16": 8, "Long": 2, "Int": 4, "Short": 8, "Char": 16}
TYPES |= {"Byte": 16, "Bool": 16, "ComplexDouble": 1, "ComplexFloat": 2, "QInt8": 16, "QInt32": 4}
NOTES: Mapping[str, tuple[str, bytes]] = {
    **{f"version {told!r}": ("version", told) for told in (b"1", b"2", b"4", b"99", b"3 ", b"", b"x")},
    **{f"order {told!r}": ("byteorder", told) for told in (b"big", b"Little", b"little\n", b"", b"x")},
    "a format's version": (".format_version", b"9"),
    "an alignment": (".storage_alignment", b"8"),
}
