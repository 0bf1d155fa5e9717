"""What hostile checkpoints are made of: small networks, pickles written by hand, payloads."""

from __future__ import annotations

import collections
import functools
import io
import json
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gst_analysis.checkpoints.saving import model_writer
from tests.conftest import SMALL_CLIPS, build_small
from tests.hostile.cases import MARKER

BASE = "gst-resnet26s"
SYSTEM = "r3d-18"


@functools.cache
def small_state() -> Mapping[str, Tensor]:
    """Weights of a narrow network of ours."""
    return dict(build_small(BASE).state_dict())


@functools.cache
def small_record() -> Mapping[str, Any]:
    """What our own file says beside its weights."""
    network = build_small(BASE)
    record = {"format": "gst-analysis", "version": 1, "spec": network.spec.to_json()}
    return {**record, "clip_spec": SMALL_CLIPS.to_json(), "labels": None, "provenance": {}}


@functools.cache
def small_file(*, safe: bool = False) -> bytes:
    """A sound file of ours."""
    buffer = io.BytesIO()
    model_writer(build_small(BASE), clip_spec=SMALL_CLIPS, safe=safe)(buffer)
    return buffer.getvalue()


def save(folder: Path, payload: Any, *, form: str = "zip", name: str = "model") -> Path:
    """Write a payload as torch does: as an archive, or in the older form."""
    path = folder / f"{name}.pth"
    torch.save(payload, path, _use_new_zipfile_serialization=form == "zip")
    return path


def write(folder: Path, content: bytes, name: str = "model.pth") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def write_safetensors(folder: Path, header: bytes, data: bytes = b"", *, length: int | None = None) -> Path:
    """A safetensors file of any header, which may lie about its length."""
    said = len(header) if length is None else length
    return write(folder, struct.pack("<Q", said) + header + data, "model.safetensors")


def safetensors_header(tensors: Mapping[str, list[int]], metadata: object = None) -> tuple[bytes, bytes]:
    """A header of float32 tensors, and zeros for them."""
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    at = 0
    for name, shape in tensors.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + size]}
        at += size
    return json.dumps(header).encode(), bytes(at)


def wrap_pickle(content: bytes, form: str) -> bytes:
    """A pickle where a file's own stands: alone, in an archive, or as the fourth of the older form."""
    if form == "bare":
        return content
    if form == "legacy":
        magic, version = torch.serialization.MAGIC_NUMBER, torch.serialization.PROTOCOL_VERSION
        before = [pickle.dumps(part, protocol=2) for part in (magic, version, {"little_endian": True})]
        return b"".join([*before, content, pickle.dumps([], protocol=2)])
    return make_archive({"data.pkl": content, "version": b"3\n", "byteorder": b"little"})


def make_archive(
    records: Mapping[str, bytes], *, method: int = zipfile.ZIP_STORED, prefix: str = "archive/"
) -> bytes:
    """A zip archive with such files, as torch lays them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in records.items():
            archive.writestr(zipfile.ZipInfo(f"{prefix}{name}"), content, method)
    return buffer.getvalue()


def text(value: str) -> bytes:
    """The opcode of a text."""
    content = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(content)) + content


def number(value: int) -> bytes:
    """The opcode of a whole number."""
    return b"J" + struct.pack("<i", value)


def called(name: str, *arguments: bytes) -> bytes:
    """A call of a function by its name."""
    module, _, word = name.rpartition(".")
    return b"c" + f"{module}\n{word}\n".encode() + b"(" + b"".join(arguments) + b"tR"


def entry(key: bytes, value: bytes) -> bytes:
    """A pickle of a dict with one entry."""
    return b"\x80\x02}" + key + value + b"s."


def storage(key: str, count: int, kind: str = "FloatStorage") -> bytes:
    """A storage by the name of its record."""
    return (
        b"("
        + text("storage")
        + f"ctorch\n{kind}\n".encode()
        + text(key)
        + text("cpu")
        + number(count)
        + b"tQ"
    )


def tensor(key: str, count: int, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    """A tensor on a storage."""
    sizes = b"(" + b"".join(map(number, shape)) + b"t"
    steps = b"(" + b"".join(map(number, strides)) + b"t"
    hooks = b"ccollections\nOrderedDict\n)R"
    parts = (storage(key, count), number(offset), sizes, steps, b"\x89", hooks)
    return called("torch._utils._rebuild_tensor_v2", *parts)


class Call:
    """An object whose pickle makes a folder beside the file, if anybody runs it."""

    def __init__(self, folder: Path, way: str) -> None:
        self.marker, self.way = str(folder / MARKER), way

    def __reduce__(self) -> tuple[Any, ...]:
        order = f"__import__('os').mkdir({self.marker!r})"
        ways: dict[str, tuple[Any, ...]] = {
            "os.mkdir": (__import__("os").mkdir, (self.marker,)),
            "eval": (eval, (order,)),
            "exec": (exec, (order,)),
            "os.system": (__import__("os").system, (f"mkdir '{self.marker}'",)),
            "subprocess": (__import__("subprocess").check_output, (["mkdir", self.marker],)),
            "getattr": (getattr, (collections.OrderedDict, "fromkeys")),
            "runpy": (__import__("runpy").run_path, (self.marker,)),
            "map": (list, (map(eval, [order]),)),
            "defaultdict": (collections.defaultdict, (__import__("functools").partial(eval, order),)),
        }
        return ways[self.way]


WAYS = ("os.mkdir", "eval", "exec", "os.system", "subprocess", "getattr", "runpy", "defaultdict")
