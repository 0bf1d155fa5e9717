"""Tensors that stay in their file until somebody asks for their values. No torch here.

A StoredTensor answers to those names of torch's tensors that recognising a network asks for, so that one
recognition serves both; `to_array` gives the values of either. Values are read by `read`, in a file that was
opened for it, and not through a mapping: a mapped file that somebody shortens ends the process.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gst_analysis.checkpoints.pickle_calls import WIDTHS
from gst_analysis.errors import UnreadableCheckpoint
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import numpy as np
    import torch
else:  # whoever asks for names alone needs no values
    np = Door("numpy")
    torch = Door("torch")

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"
FORMS: Mapping[str, str] = {
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    "bfloat16": "u2",  # numpy has no such number: its bits are the upper half of a float32's
    "int64": "i8",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint8": "u1",
    "bool": "?",
}
"""Types of numbers that are read here, as numpy calls them; files with others are torch's to read."""
_EXPONENTS = {"float16": 0x7C00, "bfloat16": 0x7F80}
"""Bits that are all set in what is no finite number."""


@dataclass
class Storage:
    """Bytes of a file that tensors lie in."""

    start: int
    size: int
    dtype: str
    big: bool = False
    """Whether its numbers begin with their upper byte."""
    finite: bool = False
    """Whether every number in it was seen to be finite."""

    def data_ptr(self) -> int:
        """What tells storages apart."""
        return self.start

    def nbytes(self) -> int:
        return self.size

    @property
    def form(self) -> np.dtype[Any]:
        """Its numbers as numpy reads them."""
        return np.dtype((">" if self.big else "<") + FORMS[self.dtype])


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as torch.load would make it, whose values are still in the file."""

    path: Path
    storage: Storage = field(repr=False)
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    single: bool = False
    """Whether its values are asked for as float32."""

    layout = "torch.strided"
    is_meta = is_quantized = False

    @property
    def dtype(self) -> str:
        return "torch.float32" if self.single else f"torch.{self.storage.dtype}"

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return self.numel() * self.element_size()

    def numel(self) -> int:
        return math.prod(self.shape)

    def element_size(self) -> int:
        return WIDTHS[self.storage.dtype]

    def untyped_storage(self) -> Storage:
        return self.storage

    def is_floating_point(self) -> bool:
        return "float" in self.storage.dtype

    def detach(self) -> StoredTensor:
        return self

    def float(self) -> StoredTensor:
        """This tensor as float32."""
        return replace(self, single=True)

    def squeeze(self, axis: int) -> StoredTensor:
        """This tensor without an axis of one."""
        if self.shape[axis] != 1:
            return self
        kept = [place for place in range(self.ndim) if place != axis]
        shape, strides = (tuple(of[place] for place in kept) for of in (self.shape, self.strides))
        return replace(self, shape=shape, strides=strides)

    def narrow(self, axis: int, first: int, count: int) -> StoredTensor:
        """Some of its values: those from a place on, along an axis."""
        shape = (*self.shape[:axis], count, *self.shape[axis + 1 :])
        return replace(self, shape=shape, offset=self.offset + first * self.strides[axis])

    def read(self) -> Array:
        """Its values in an array of their own; bfloat16 as float32.

        Raises:
            UnreadableCheckpoint: the file was shortened meanwhile.
        """
        form, count = self.storage.form, self.numel()
        steps = zip(self.shape, self.strides, strict=True)
        reach = sum((size - 1) * step for size, step in steps) + 1 if count else 0
        first = self.storage.start + self.offset * form.itemsize
        flat = _read_numbers(self.path, first, reach, form)
        strides = tuple(step * form.itemsize for step in self.strides)
        values = np.lib.stride_tricks.as_strided(flat, self.shape, strides)  # the walk has checked its reach
        if self.storage.dtype == "bfloat16":
            return np.asarray((values.astype(np.uint32) << 16).view(np.float32))
        if self.single:
            with np.errstate(over="ignore"):  # torch says nothing of it either; what is infinite is refused
                return np.asarray(values, np.float32, order="C")
        return np.asarray(values, form.newbyteorder("="), order="C")

    def is_finite(self) -> bool:
        """Whether all of its values are finite numbers, as they are asked for."""
        if not self.is_floating_point() or (self.storage.finite and self.storage.dtype != "float64"):
            return True
        return bool(np.isfinite(self.read()).all())


def _read_numbers(path: Path, start: int, count: int, form: np.dtype[Any]) -> Array:
    numbers, found = np.empty(count, form), "a shorter file"
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(start)
            got = file.readinto(numbers.view(np.uint8).data)
    except OSError as error:
        got, found = -1, error.strerror or str(error)
    if got < numbers.nbytes:
        raise UnreadableCheckpoint(
            str(path),
            expected="the bytes that were there a moment ago",
            found=found,
            todo="wait until it is written, and try again",
        )
    return numbers


def see_finite(piece: memoryview, storage: Storage, at: int) -> bool:
    """Whether all numbers in a part of a storage are finite; False also where that cannot be told quickly.

    Args:
        piece: some of its bytes.
        storage: what they are of.
        at: where they begin in it.
    """
    width = WIDTHS[storage.dtype]
    if "float" not in storage.dtype:
        return True
    if at % width or len(piece) % width or storage.big or storage.dtype == "float64":
        return False
    if storage.dtype == "float32":
        # A sum is finite unless something in it is not, or it overflows: one quick pass over the numbers.
        with np.errstate(all="ignore"):
            return bool(np.isfinite(np.frombuffer(piece, "<f4").sum()))
    bits, exponent = np.frombuffer(piece, "<u2"), _EXPONENTS[storage.dtype]
    return not bool(((bits & exponent) == exponent).any())


def is_tensor(value: object) -> bool:
    """Whether a value is a tensor, of torch's or in a file; torch is not imported to find out."""
    return isinstance(value, StoredTensor) or ("torch" in sys.modules and isinstance(value, torch.Tensor))


def to_array(tensor: torch.Tensor | StoredTensor) -> Array:
    """The values of a tensor; bfloat16, which numpy has not, as float32."""
    if isinstance(tensor, StoredTensor):
        return tensor.read()
    plain = tensor.detach().cpu()
    return np.asarray((plain.float() if str(plain.dtype) == "torch.bfloat16" else plain).numpy())
