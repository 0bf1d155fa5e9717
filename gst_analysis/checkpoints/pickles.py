"""What a pickle would build, followed step by step without building it, so that it can be refused unread.

torch.load(weights_only=True) runs nothing, but it does what a file asks with whatever the file gives: a key
of tuples 200,000 deep ends the process, a tensor of a class without storage brings whatever lay in memory,
an attribute called `items` replaces a method. So every pickle is walked here first: which objects would be
made, of which parts, how deep and how many. Only what networks are saved with gets through.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gst_analysis.checkpoints.pickle_calls import CALLS, DOUBTFUL, ODD, STORAGES, WIDTHS, is_dtype
from gst_analysis.checkpoints.pickle_parts import Damaged, Part, Refused
from gst_analysis.checkpoints.stand_ins import DICTS, LEFT_OUT
from gst_analysis.errors import shorten
from gst_analysis.untrusted import DEEPEST, LONGEST_NAME

LARGEST_PICKLE = 64_000_000
"""Bytes of names and plain values; a large network's have 100,000."""
MOST_STEPS = 1_500_000
MOST_ENTRIES = 300_000
LONGEST_TEXT = 8_000_000
_LONGEST_INTEGER = 32
"""Bytes of a whole number."""

LEFT = "value of another library"
"""The kind of what is left out, whatever it is made of (`stand_ins`)."""
_OLD_MODULES = {"__builtin__": "builtins", "torch.tensor": "torch._tensor"}


@dataclass
class Walk:
    """One pickle on its way."""

    data: bytes
    at: int = 0
    storages: dict[str, Part] = field(default_factory=dict)
    """What tensors' values lie in, by the name that the file gives it."""
    stack: list[Any] = field(default_factory=list)
    marks: list[list[Any]] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)
    entries: int = 0
    left_out: bool = False
    """Whether it names values of other libraries, which are left out unread."""
    doubtful: bool = False
    """Whether it asks for something that torch may refuse to make."""
    views: bool = False
    """Whether it names storages as only the older form of files does."""

    def run(self) -> Any:
        """What the pickle makes; `at` is behind it afterwards.

        Raises:
            Damaged: it is no complete pickle.
            Refused: it would make something else than a network's weights and plain values.
        """
        data, steps = self.data, _STEPS
        try:
            for _ in range(MOST_STEPS):
                code = data[self.at]
                self.at += 1
                if code == _STOP:
                    return self.stack.pop()
                steps[code](self)
        except KeyError as error:
            raise self._explain(code) from error
        except (IndexError, struct.error, UnicodeDecodeError, TypeError, ValueError) as error:
            raise Damaged("a damaged pickle") from error
        raise Refused(f"a pickle of more than {MOST_STEPS:,} steps")

    def _explain(self, code: int) -> Exception:
        """An opcode that torch does not take: of another protocol, or no opcode at all."""
        if code in _STEPS or code not in _FOREIGN:
            return Damaged("a damaged pickle")
        return Refused("a pickle that calls code, which was not run", unsafe=True)

    def take(self, count: int) -> bytes:
        """The next bytes."""
        end = self.at + count
        if end > len(self.data):
            raise IndexError("the pickle ends")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def find_name(self) -> str:
        """The key under which what is made now would be kept."""
        for level in (self.stack, *reversed(self.marks)):
            for item in reversed(level):
                if isinstance(item, str):
                    return f" in {shorten(item, 80)}"
        return ""

    def put_in(self, parent: Part, items: list[Any]) -> None:
        """Put parts into a list or a record."""
        if parent.closed:
            raise Refused("a value that holds itself, or that is changed after it was used")
        self.entries += len(items)
        if self.entries > MOST_ENTRIES:
            raise Refused(f"more than {MOST_ENTRIES:,} keys and values")
        for item in items:
            if isinstance(item, Part):
                if item is parent:
                    raise Refused("a value that holds itself")
                item.require_value()
                parent.enclose(item)
        if parent.depth > DEEPEST:
            raise Refused(f"values more than {DEEPEST} deep")
        parent.items += items


Step = Callable[[Walk], None]


def _global(walk: Walk) -> None:
    parts = []
    for _ in range(2):
        end = walk.data.index(b"\n", walk.at, walk.at + LONGEST_NAME)
        parts.append(walk.data[walk.at : end].decode())
        walk.at = end + 1
    name = f"{_OLD_MODULES.get(parts[0], parts[0])}.{parts[1]}"
    if name in CALLS or name in ODD:
        walk.stack.append(Part("call", name=name))
    elif name in STORAGES:
        walk.stack.append(Part("storage type", name=name, held=STORAGES[name]))
    elif is_dtype(name):
        walk.stack.append(Part("dtype", name=name))
    elif name in DICTS or name in LEFT_OUT:
        walk.left_out = True
        walk.stack.append(Part(LEFT, name=name))
    else:
        raise Refused(f"a pickle that calls {shorten(name, 80)}, which was not run", unsafe=True)


def _reduce(walk: Walk) -> None:
    arguments, call = walk.stack.pop(), walk.stack.pop()
    if not isinstance(call, Part) or call.kind not in ("call", LEFT) or not isinstance(arguments, Part):
        raise Refused("a pickle that calls code, which was not run", unsafe=True)
    if call.name in ODD:
        raise Refused(ODD[call.name] + walk.find_name(), tensor=True)
    if arguments.kind != "tuple":
        raise Damaged("a damaged pickle")
    if call.kind == LEFT:
        walk.stack.append(Part("dict") if call.name in DICTS else Part(LEFT))
        return
    try:
        made = CALLS[call.name](arguments.items)
    except Refused as refusal:
        raise refusal.named(walk.find_name()) from None
    if isinstance(made, Part):
        walk.doubtful = walk.doubtful or made.name == DOUBTFUL
        walk.entries += len(made.items)  # a call copies what it is given, and may be repeated in three bytes
        _check_keys(made)
        if walk.entries > MOST_ENTRIES:
            raise Refused(f"more than {MOST_ENTRIES:,} keys and values")
    walk.stack.append(made)


def _build(walk: Walk) -> None:
    """Set attributes: a state dict's `_metadata`, and nothing of anything else that is kept."""
    state, made = walk.stack.pop(), walk.stack[-1]
    if isinstance(made, Part) and made.kind == LEFT:
        return
    fine = isinstance(made, Part) and made.name == "collections.OrderedDict"
    fine = fine and isinstance(state, Part) and state.kind == "dict" and state.items[::2] == ["_metadata"]
    if not fine:
        what = made.kind if isinstance(made, Part) else type(made).__name__
        raise Refused(f"a pickle that overwrites the attributes of a {what}", unsafe=True)


def _new_object(walk: Walk) -> None:
    walk.stack.pop()
    made = walk.stack.pop()
    if isinstance(made, Part) and made.kind == LEFT:
        walk.stack.append(Part(LEFT))
        return
    if isinstance(made, Part) and made.name in ODD:
        raise Refused(ODD[made.name] + walk.find_name(), tensor=True)
    raise Refused("a pickle that calls code, which was not run", unsafe=True)


def _persistent(walk: Walk) -> None:
    """A tensor's storage: its type, its name in the file, where it was, and how many values it has."""
    told = walk.stack.pop()
    if not isinstance(told, Part) or told.kind != "tuple" or len(told.items) not in (5, 6):
        raise Damaged("a damaged pickle")
    word, kind, key, location, numel = told.items[:5]
    if isinstance(kind, Part) and kind.name in ODD:
        raise Refused(ODD[kind.name] + walk.find_name(), tensor=True)
    known = isinstance(kind, Part) and kind.kind == "storage type"
    texts = all(isinstance(text, str) and len(text) <= LONGEST_NAME for text in (word, key, location))
    if not (known and texts and word == "storage" and isinstance(numel, int) and 0 <= numel < 2**48):
        raise Damaged("a damaged pickle")
    if told.items[5:] not in ([], [None]):
        raise Refused("storages that are parts of others, as PyTorch before 1.0 wrote them")
    walk.views = walk.views or len(told.items) == 6
    width = WIDTHS[kind.held]
    storage = Part("storage", name=key, numel=numel, width=width, held=kind.held, raw=True)
    first = walk.storages.setdefault(key, storage)
    if (first.numel, first.width) != (numel, width):
        raise Refused("one storage of two sizes")
    walk.stack.append(first)


def _append(walk: Walk) -> None:
    item = walk.stack.pop()
    walk.put_in(_require(walk.stack[-1], "list"), [item])


def _appends(walk: Walk) -> None:
    items = walk.pop_mark()
    walk.put_in(_require(walk.stack[-1], "list"), items)


def _set_item(walk: Walk) -> None:
    value, key = walk.stack.pop(), walk.stack.pop()
    _put_pairs(walk, [key, value])


def _set_items(walk: Walk) -> None:
    _put_pairs(walk, walk.pop_mark())


def _put_pairs(walk: Walk, pairs: list[Any]) -> None:
    made = _require(walk.stack[-1], "dict")
    if len(pairs) % 2:
        raise Damaged("a damaged pickle")
    for key in pairs[::2]:
        _check_key(key)
    walk.put_in(made, pairs)


def _check_keys(made: Part) -> None:
    """The keys of what a call makes."""
    if made.kind in ("dict", "set"):
        for key in made.items[:: 2 if made.kind == "dict" else 1]:
            _check_key(key)


def _check_key(key: object) -> None:
    """Hashing must be quick, and keys of one hash are slow by the square of their number."""
    if isinstance(key, (str, bytes)):
        if len(key) > LONGEST_NAME:
            raise Refused(f"a key of {len(key):,} signs")
    elif isinstance(key, int):
        if key.bit_length() >= 60:
            raise Refused("a key that is a number of many digits")
    elif isinstance(key, Part):
        plain = key.kind == "dtype" or (key.kind == "tuple" and len(key.items) <= 8 and key.depth <= 1)
        if not plain:
            raise Refused(f"a key that is a {key.kind}")
        for part in key.items:
            _check_key(part)


def _require(made: Any, kind: str) -> Part:
    if not isinstance(made, Part) or made.kind != kind:
        raise Damaged("a damaged pickle")
    return made


def _tuple(walk: Walk) -> None:
    items = walk.pop_mark()
    walk.stack.append(_tuple_of(walk, items))


def _tuple1(walk: Walk) -> None:
    walk.stack[-1:] = [_tuple_of(walk, walk.stack[-1:])]


def _tuple2(walk: Walk) -> None:
    walk.stack[-2:] = [_tuple_of(walk, [walk.stack[-2], walk.stack[-1]])]


def _tuple3(walk: Walk) -> None:
    walk.stack[-3:] = [_tuple_of(walk, [walk.stack[-3], walk.stack[-2], walk.stack[-1]])]


def _tuple_of(walk: Walk, items: list[Any]) -> Part:
    made = Part("tuple", items=items)
    for item in items:
        if isinstance(item, Part):
            made.enclose(item)
    if made.depth > DEEPEST:
        raise Refused(f"values more than {DEEPEST} deep")
    walk.entries += len(items)
    return made


def _mark(walk: Walk) -> None:
    walk.marks.append(walk.stack)
    walk.stack = []


def _text(walk: Walk) -> None:
    count = int.from_bytes(walk.take(4), "little")
    if count > LONGEST_TEXT:
        raise Refused(f"a text of {count:,} bytes")
    walk.stack.append(str(walk.take(count), "utf-8", "surrogatepass"))


def _short_text(walk: Walk) -> None:
    walk.stack.append(walk.take(walk.take(1)[0]).decode())


def _integer(walk: Walk) -> None:
    count = walk.take(1)[0]
    if count > _LONGEST_INTEGER:
        raise Refused(f"a whole number of {count} bytes")
    walk.stack.append(int.from_bytes(walk.take(count), "little", signed=True))


def _push(make: Callable[[], Any]) -> Step:
    return lambda walk: walk.stack.append(make())


def _push_packed(form: str) -> Step:
    packed = struct.Struct(form)

    def push(walk: Walk) -> None:
        walk.stack.append(packed.unpack_from(walk.data, walk.at)[0])
        walk.at += packed.size

    return push


def _get(width: int) -> Step:
    def get(walk: Walk) -> None:
        number = int.from_bytes(walk.take(width), "little")
        if number not in walk.memo:
            raise Damaged("a damaged pickle")
        walk.stack.append(walk.memo[number])

    return get


def _put(width: int) -> Step:
    def put(walk: Walk) -> None:
        walk.memo[int.from_bytes(walk.take(width), "little")] = walk.stack[-1]

    return put


def _protocol(walk: Walk) -> None:
    walk.take(1)


_STOP = ord(".")
_STEPS: Mapping[int, Step] = {
    ord(code): step
    for code, step in {
        "c": _global,
        "R": _reduce,
        "b": _build,
        "\x81": _new_object,
        "Q": _persistent,
        "a": _append,
        "e": _appends,
        "s": _set_item,
        "u": _set_items,
        "(": _mark,
        "t": _tuple,
        "\x85": _tuple1,
        "\x86": _tuple2,
        "\x87": _tuple3,
        "N": _push(lambda: None),
        "\x88": _push(lambda: True),
        "\x89": _push(lambda: False),
        ")": _push(lambda: Part("tuple")),
        "]": _push(lambda: Part("list")),
        "}": _push(lambda: Part("dict")),
        "\x8f": _push(lambda: Part("set")),
        "J": _push_packed("<i"),
        "K": _push_packed("<B"),
        "M": _push_packed("<H"),
        "G": _push_packed(">d"),
        "X": _text,
        "U": _short_text,
        "\x8a": _integer,
        "h": _get(1),
        "j": _get(4),
        "q": _put(1),
        "r": _put(4),
        "\x80": _protocol,
    }.items()
}
"""The opcodes that torch.load takes with weights_only, and no others."""
_FOREIGN = frozenset(
    map(ord, "01IFLSTVgp\x82\x83\x84\x8b\x8c\x8d\x8e\x90\x91\x92\x93\x94\x95\x96\x97\x98dloiPB")
) | {ord("C")}
"""Those of other pickles."""
