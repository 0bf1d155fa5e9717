"""The calls that a network's file may make, and what each would make of its arguments.

What is not listed is not called. Arguments are held against what torch.save writes: torch believes them.
Names are written out here, and none asked of torch: a file is looked through without importing it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from gst_analysis.checkpoints.pickle_parts import Damaged, Part, Refused, View

Call = Callable[[list[Any]], Any]
_MOST_DIMENSIONS = 16
DOUBTFUL = "doubtful"
"""The name of what torch may refuse to make: a file that asks for it is torch's to read."""
_DEVICES = re.compile("(cpu|cuda|mps|xpu|meta)(:(0|[1-9][0-9]?))?")
_LAYOUTS = ("torch.strided", "torch.sparse_coo", "torch.sparse_csr", "torch._mkldnn")

_ATTRIBUTES = "a tensor with attributes of its own"
_UNFILLED = "a tensor that nothing in the file fills"
_SPARSE = "a sparse or quantised tensor"
_DEVICE = "a tensor of another kind of device"

_MODULES = ("torch", "torch.cuda", "torch.sparse", "torch.cuda.sparse")
_KINDS = ("Double", "Float", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
ODD: Mapping[str, str] = {
    **{f"{module}.{name}Tensor": _UNFILLED for module in _MODULES for name in _KINDS},
    **{f"torch.{name}Storage": _SPARSE for name in ("QInt8", "QInt32", "QUInt8", "QUInt4x2", "QUInt2x4")},
    "torch.Tensor": _UNFILLED,
    "torch._tensor.Tensor": _UNFILLED,
    "torch.nn.parameter.Parameter": _UNFILLED,
    "torch._utils._rebuild_sparse_tensor": _SPARSE,
    "torch._utils._rebuild_qtensor": _SPARSE,
    "torch._utils._rebuild_nested_tensor": "a nested tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a shape without values",
    "torch._utils._rebuild_parameter_with_state": _ATTRIBUTES,
    "torch._utils._rebuild_wrapper_subclass": _ATTRIBUTES,
    "torch._tensor._rebuild_from_type_v2": _ATTRIBUTES,
    "torch._utils._rebuild_device_tensor_from_numpy": _DEVICE,
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": _DEVICE,
}
"""Tensors that torch.load would make and that are no weights."""


_TYPES = {
    "Double": "float64",
    "Float": "float32",
    "Half": "float16",
    "BFloat16": "bfloat16",
    "Long": "int64",
    "Int": "int32",
    "Short": "int16",
    "Char": "int8",
    "Byte": "uint8",
    "Bool": "bool",
    "ComplexDouble": "complex128",
    "ComplexFloat": "complex64",
}
"""What torch calls types of numbers in names of storages, and elsewhere."""
STORAGES: Mapping[str, str] = {
    **{
        f"{module}.{name}Storage": dtype
        for module in ("torch", "torch.cuda")
        for name, dtype in _TYPES.items()
    },
    "torch.storage.UntypedStorage": "uint8",
}
"""Types of storages, and their numbers."""
_BITS = "bits8 bits16 bits1x8 bits2x4 bits4x2 qint8 quint8 qint32 quint2x4 quint4x2"
_SHORT = "float4_e2m1fn_x2 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu"
_SMALL = [f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)]
WIDTHS: Mapping[str, int] = {
    **dict.fromkeys(("bool", "int8", "uint8", "bit", *_BITS.split(), *_SHORT.split(), *_SMALL), 1),
    **dict.fromkeys(("float16", "bfloat16", "int16", "uint16", "half", "short", "bits16"), 2),
    **dict.fromkeys(("float32", "int32", "uint32", "float", "int", "complex32", "bcomplex32", "chalf"), 4),
    **dict.fromkeys(("float64", "int64", "uint64", "double", "long", "complex64", "cfloat"), 8),
    **dict.fromkeys(("complex128", "cdouble"), 16),
    "qint32": 4,
}
"""Bytes of one number of each type that torch knows; a test asks torch itself."""


def is_dtype(name: str) -> bool:
    """Whether a name is that of a type of numbers, which files of networks may mention."""
    module, _, word = name.rpartition(".")
    return module == "torch" and word in WIDTHS


def _rebuild_oldest(items: list[Any]) -> Part:
    """A tensor: storage, offset, shape, strides."""
    storage, offset, shape, strides = items
    return _view(storage, offset, shape, strides)


def _rebuild(items: list[Any]) -> Part:
    """A tensor with, behind those, whether it learns, hooks and metadata."""
    storage, offset, shape, strides, learns, hooks, *rest = items
    made = _view(storage, offset, shape, strides)
    _require_tail(made, learns, hooks, *rest)
    return made


def _rebuild_untyped(items: list[Any]) -> Part:
    """A tensor of one of the younger types of numbers, whose storage is bytes."""
    storage, offset, shape, strides, learns, hooks, dtype, *rest = items
    if not isinstance(dtype, Part) or dtype.kind != "dtype":
        raise Damaged("a damaged pickle")
    made = _view(storage, offset, shape, strides, dtype=dtype.name.removeprefix("torch."))
    _require_tail(made, learns, hooks, *rest)
    return made


def _require_tail(made: Part, learns: Any, *others: Any) -> None:
    """requires_grad, which torch takes of real and complex numbers alone; no hooks, and no metadata."""
    learnable = "float" in made.held.dtype or "complex" in made.held.dtype
    if len(others) > 2 or not isinstance(learns, bool) or (learns and not learnable):
        raise Damaged("a damaged pickle")
    for other in others:
        if other is not None and not (isinstance(other, Part) and other.kind == "dict" and not other.items):
            raise Refused("a tensor with hooks or marks of its own", tensor=True)


def _view(storage: Any, offset: Any, shape: Any, strides: Any, *, dtype: str = "") -> Part:
    """A tensor on a storage, which must hold all of its values."""
    if not isinstance(storage, Part) or storage.kind != "storage":
        raise Refused(_UNFILLED, tensor=True)
    sizes, steps = _read_sizes(shape), _read_sizes(strides)
    if len(sizes) != len(steps) or type(offset) is not int or not 0 <= offset < 2**48:
        raise Damaged("a damaged pickle")
    count = 1
    for size in sizes:
        count *= size
    reach = sum((size - 1) * step for size, step in zip(sizes, steps, strict=True)) + 1 if count else 0
    width = WIDTHS[dtype] if dtype else storage.width
    held = storage.numel * storage.width // width
    if count > held or (count and offset + reach > held):
        raise Refused(f"{max(count, 1):,} values, of which the file holds fewer", tensor=True)
    view = View(storage, dtype or storage.held, offset, tuple(sizes), tuple(steps))
    return Part("tensor", numel=count, width=width, held=view)


def _read_sizes(given: Any) -> list[int]:
    fine = (
        isinstance(given, Part) and given.kind in ("tuple", "list") and len(given.items) <= _MOST_DIMENSIONS
    )
    if not fine or not all(type(size) is int and 0 <= size < 2**48 for size in given.items):
        raise Damaged("a damaged pickle")
    return list(given.items)


def _parameter(items: list[Any]) -> Part:
    tensor, learns, hooks = items
    if not isinstance(tensor, Part) or tensor.kind != "tensor":
        raise Refused(_UNFILLED, tensor=True)
    _require_tail(tensor, learns, hooks)
    return tensor


def _ordered(items: list[Any]) -> Part:
    return _mapping(items, "collections.OrderedDict")


def _counter(items: list[Any]) -> Part:
    if any(not isinstance(given, Part) or given.kind != "dict" for given in items):
        raise Damaged("a damaged pickle")  # of pairs it would count how often each is there
    return _mapping(items, "collections.Counter")


def _mapping(items: list[Any], name: str) -> Part:
    """An empty one, one from another, or one from pairs, as Python 2 wrote them."""
    made = Part("dict", name=name)
    if not items:
        return made
    (given,) = items
    if not isinstance(given, Part) or given.kind not in ("dict", "list") or given.raw:
        raise Damaged("a damaged pickle")
    pairs = given.items
    if given.kind == "list":
        pairs = []
        for pair in given.items:
            if not isinstance(pair, Part) or pair.kind not in ("list", "tuple") or len(pair.items) != 2:
                raise Damaged("a damaged pickle")
            pairs += pair.items
    made.items, made.depth = list(pairs), given.depth
    return made


def _set(items: list[Any]) -> Part:
    (given,) = items
    if not isinstance(given, Part) or given.kind not in ("list", "tuple") or given.raw:
        raise Damaged("a damaged pickle")
    return Part("set", items=list(given.items), depth=given.depth)


def _size(items: list[Any]) -> Part:
    (given,) = items
    return Part("tuple", items=_read_sizes(given))


def _device(items: list[Any]) -> Part:
    name, *number = items
    if (
        not isinstance(name, str)
        or len(name) > 20
        or not all(type(n) is int for n in number)
        or len(number) > 1
    ):
        raise Damaged("a damaged pickle")
    known = _DEVICES.fullmatch(f"{name}:{number[0]}" if number else name)
    return Part("device", name="" if known else DOUBTFUL)


def _layout(items: list[Any]) -> Part:
    (name,) = items
    if not isinstance(name, str) or len(name) > 40:
        raise Damaged("a damaged pickle")
    return Part("layout", name="" if name in _LAYOUTS else DOUBTFUL)


def _encode(items: list[Any]) -> bytes:
    """Bytes, which protocol 2 writes as text in Latin-1; other codecs may take quadratic time."""
    text, codec = items
    if not isinstance(text, str) or codec not in ("latin1", "latin-1"):
        raise Refused("bytes in a codec other than Latin-1")
    return text.encode("latin-1")


def _bytearray(items: list[Any]) -> Part:
    """A bytearray of bytes that are in the file; of a number it would be as many zeros as that says."""
    if items and not (len(items) == 1 and isinstance(items[0], bytes)):
        raise Refused("a claim of memory that the file does not fill")
    return Part("bytearray")


def _complex(items: list[Any]) -> Part:
    if len(items) > 2 or not all(isinstance(part, (int, float)) for part in items):
        raise Damaged("a damaged pickle")
    return Part("complex")


CALLS: Mapping[str, Call] = {
    "collections.OrderedDict": _ordered,
    "collections.Counter": _counter,
    "torch._utils._rebuild_tensor": _rebuild_oldest,
    "torch._utils._rebuild_tensor_v2": _rebuild,
    "torch._utils._rebuild_tensor_v3": _rebuild_untyped,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.Size": _size,
    "torch.device": _device,
    "torch.serialization._get_layout": _layout,
    "_codecs.encode": _encode,
    "builtins.bytearray": _bytearray,
    "builtins.set": _set,
    "builtins.complex": _complex,
}
