"""A file -> what torch.load gives: plain values, and tensors that stay where they are. No torch here.

Works from what the walk over a pickle found (`pickles`), or from a safetensors header, both of which were
held against the file; bounds and refusals are those of every other reading. What is not of the usual make,
such as packed records or numbers that numpy does not have, is `NotPlain`, and torch's to read.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from gst_analysis.checkpoints.archives import STORED, Record, digest
from gst_analysis.checkpoints.formats import Scan, readable_name
from gst_analysis.checkpoints.pickle_calls import WIDTHS
from gst_analysis.checkpoints.pickle_parts import Part, View
from gst_analysis.checkpoints.stored import FORMS, Storage, StoredTensor

_VERSIONS = (b"2", b"3")
"""Of archives that torch has written since 1.6."""
_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
"""What safetensors calls types of numbers."""


FORMAT = "gst-analysis"
"""What a file of our own says that it is."""


class NotPlain(Exception):
    """A file that torch has to read."""


class Unread:
    """What stands for a value that is no plain one, such as a device or a path: nobody here asks for it."""


def load_unbuilt(path: Path, scan: Scan, *, checked: bool = True) -> tuple[Any, str, str]:
    """What a file that was looked through holds, its sha256, and the first damaged record, if there is one.

    Args:
        path: the file.
        scan: what was seen of it.
        checked: read all of it, for its hash, its checksums and numbers that are not finite; without, the
            hash is empty and nobody has looked at its values.

    Raises:
        NotPlain: torch has to read it.
    """
    if sys.byteorder != "little":
        raise NotPlain
    if scan.safetensors:
        state = _list_safetensors(path, scan)
        storages = {name: tensor.storage for name, tensor in state.items()}
        records = {name: Record(one.start, one.size, one.size, STORED, 0) for name, one in storages.items()}
        payload: Any = {**scan.record, "state_dict": state}
    else:
        builder = Builder(path, scan)
        payload = builder.build(scan.made)
        records, storages = dict(builder.records), builder.storages
    if not checked:
        for storage in storages.values():
            storage.finite = True
        return payload, "", ""
    sha256, damaged = digest(path, records, storages)
    return payload, sha256, damaged


class Builder:
    """Makes the values that a walk has found, each once."""

    def __init__(self, path: Path, scan: Scan) -> None:
        if scan.archive is None or scan.doubtful:
            raise NotPlain
        self.path, self.records = path, scan.archive.records
        self.storages: dict[str, Storage] = {}
        """By the names of their records."""
        self._prefix = scan.archive.prefix
        self._made: dict[int, Any] = {}
        made = scan.made
        self._own = isinstance(made, Part) and made.kind == "dict" and FORMAT in made.items[1::2]
        """Whether it says that it is a file of ours, whose values are looked into."""
        with path.open("rb") as file:
            told = {name: scan.archive.read_small(file, name) for name in ("version", "byteorder")}
        if f"{self._prefix}/byteorder" not in self.records:  # as older ones
            told["byteorder"] = b"little"
        if told["version"].strip() not in _VERSIONS or told["byteorder"] not in (b"little", b"big"):
            raise NotPlain
        self._big = told["byteorder"] == b"big"

    def build(self, part: Any) -> Any:
        """A value as torch.load would make it, but for tensors, which are stored ones."""
        if not isinstance(part, Part):
            return part
        if id(part) not in self._made:
            self._made[id(part)] = self._make(part)
        return self._made[id(part)]

    def _make(self, part: Part) -> Any:
        if part.kind == "tensor":
            return self._place(part.held)
        if part.kind == "dict":
            pairs = iter(part.items)
            return {self.build(key): self.build(value) for key, value in zip(pairs, pairs, strict=True)}
        if part.kind in ("list", "tuple"):
            items = [self.build(item) for item in part.items]
            return items if part.kind == "list" else tuple(items)
        if self._own:
            raise NotPlain
        return Unread()

    def _place(self, view: View) -> StoredTensor:
        name = f"{self._prefix}/data/{view.storage.name}"
        record, dtype = self.records[name], view.storage.held
        if record.method != STORED or dtype != view.dtype or dtype not in FORMS:
            raise NotPlain
        storage = Storage(record.start, record.size, dtype, self._big)
        storage = self.storages.setdefault(name, storage)
        return StoredTensor(self.path, storage, view.offset, view.shape, view.strides)


def _list_safetensors(path: Path, scan: Scan) -> dict[str, StoredTensor]:
    """Tensors in the order of their library, which must fill the file without a gap."""
    state, ends = {}, [scan.first]
    for name, told in sorted(scan.header.items(), key=lambda item: _first_of(item[1])):
        tensor = _read_entry(path, scan.first, told)
        if tensor.storage.start != ends[-1]:
            raise NotPlain
        ends.append(tensor.storage.start + tensor.storage.size)
        state[name] = tensor
    if ends[-1] != scan.size:
        raise NotPlain
    names = _list_names(path)
    if len(names) != len(state) or not state.keys() >= set(names):
        raise NotPlain
    return {name: state[name] for name in names}


def _list_names(path: Path) -> list[str]:
    """The tensors as their library lists them: its reader of JSON is not Python's, and says what is none."""
    try:
        with readable_name(path) as name, safe_open(name, framework="np") as file:
            return list(file.keys())
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise NotPlain from error


def _first_of(told: Any) -> tuple[int, int]:
    """Where a tensor begins and ends, as a header says."""
    if not isinstance(told, Mapping) or set(told) != {"dtype", "shape", "data_offsets"}:
        raise NotPlain
    places = tuple(_whole_numbers(told["data_offsets"]))
    if len(places) != 2:
        raise NotPlain
    return places[0], places[1]


def _read_entry(path: Path, start: int, told: Mapping[str, Any]) -> StoredTensor:
    first, end = _first_of(told)
    dtype, shape = _DTYPES.get(str(told["dtype"])), tuple(_whole_numbers(told["shape"]))
    if dtype is None:
        raise NotPlain
    strides, count = [0] * len(shape), 1
    for axis in reversed(range(len(shape))):
        strides[axis], count = count, count * shape[axis]
    if end - first != count * WIDTHS[dtype]:
        raise NotPlain
    storage = Storage(start + first, end - first, dtype)
    return StoredTensor(path, storage, 0, shape, tuple(strides))


def _whole_numbers(given: Any) -> Iterator[int]:
    if not isinstance(given, list):
        raise NotPlain
    for number in given:
        if type(number) is not int or not 0 <= number < 2**48:
            raise NotPlain
        yield number
