"""What is fuzzed: for each target, bytes -> what the program does with them, and bytes to begin with.

Whatever is no GstError is a finding; so is a call of what no reader has any business with (`watch`).
"""

from __future__ import annotations

import io
import json
import pickle
import re
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gst_analysis.checkpoints.cards import load_card_beside
from gst_analysis.checkpoints.detective import check_state, infer_spec
from gst_analysis.checkpoints.layouts import canonicalise
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.records import read_clip_spec, read_labels, read_provenance
from gst_analysis.checkpoints.sources import inspect_checkpoint
from gst_analysis.checkpoints.systems import find_system_of
from gst_analysis.clips.detection import FORMATS
from gst_analysis.clips.records import load_records
from gst_analysis.errors import GstError
from gst_analysis.networks.anatomy import require_arithmetic
from gst_analysis.networks.registry import build_without_values, spec_from_json, spec_from_name
from gst_analysis.training.recipes import load_config
from tests.hostile.archives import CONTAINERS
from tests.hostile.cases import Kind
from tests.hostile.parts import make_archive, small_file, small_record, small_state, wrap_pickle
from tests.hostile.pickles import KINDS as PICKLES
from tests.hostile.readers import READERS
from tests.hostile.recipes import RECIPES
from tests.hostile.records import CARDS, SAFETENSORS
from tests.hostile.shapes import TENSORS
from tests.hostile.texts import LISTS, TRAINING
from tests.hostile.two_readings import compare_readers

MOST_BYTES = 65_536
"""Of an input: what is larger is tried slowly, and finds little that a smaller one does not."""
_MOST_SIDES, _MOST_LINES = 6, 600
_WATCHED = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.rmdir")


@dataclass(frozen=True)
class Target:
    """`read` gets an input and a folder of its own; `begin` yields inputs for the corpus."""

    read: Callable[[bytes, Path], object]
    begin: Callable[[], Iterable[bytes]]
    words: tuple[str, ...] = ()
    """What inputs are made of, for the dictionary."""


def try_one(target: Target, content: bytes, folder: Path) -> None:
    """Read an input as the program does; a refusal is as good as an answer."""
    with _one_line():
        target.read(content, folder)


@contextmanager
def _one_line() -> Iterator[None]:
    """A refusal is one line without orders for a terminal; whatever else comes goes on."""
    try:
        yield
    except GstError as error:
        if "\n" in str(error) or "\x1b" in str(error):
            raise ValueError(f"an error of several lines or orders: {error!r}") from error


def watch() -> None:
    """From now on, running something, removing or renaming files, or opening a socket is a finding."""

    def look(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _WATCHED or event.startswith(("subprocess.", "socket.connect", "socket.bind")):
            raise PermissionError(f"a reader called {event}{arguments!r}"[:300])

    sys.addaudithook(look)


def _generated(kind: Kind, step: int) -> Iterator[bytes]:
    """What the attacks of a kind write, where that is small: every so many of them."""
    for case in list(kind.generate(0))[::step]:
        with tempfile.TemporaryDirectory() as folder:
            path = case.make(Path(folder))
            card = path.with_suffix(".json")
            source = card if kind is CARDS else path
            if source.is_file() and source.stat().st_size <= MOST_BYTES:
                yield source.read_bytes()


def _read_checkpoint(content: bytes, folder: Path) -> object:
    """The first byte says what the rest stands in: checksums and magic numbers would turn most away."""
    forms = {b"p": "bare", b"z": "zip", b"l": "legacy"}
    form = forms.get(content[:1])
    if form == "zip":
        data = {f"data/{number}": bytes(256) for number in range(3)}
        records = {"data.pkl": content[1:], "version": b"3\n", "byteorder": b"little", **data}
        content = make_archive(records)
    elif form is not None:
        content = wrap_pickle(content[1:], form)
    path = folder / ("model.safetensors" if content[:1] == b"s" else "model.pth")
    path.write_bytes(content[1:] if content[:1] in b"sr" else content)
    # Looking at a file and loading it read it in two ways.
    for read in (compare_readers, inspect_checkpoint, load_checkpoint):
        with _one_line():
            read(path)
    return None


def _begin_checkpoints() -> Iterator[bytes]:
    for kind, step in (*((kind, 12) for kind in (*PICKLES, CONTAINERS, TENSORS)), (READERS, 2)):
        yield from (b"r" + content for content in _generated(kind, step))
    yield from (b"s" + content for content in _generated(SAFETENSORS, 6))
    state = {"conv1.weight": torch.zeros(4, 3, 1, 1), "fc.bias": torch.zeros(5)}
    for payload in (state, {"state_dict": state}, {**small_record(), "state_dict": state}, [state], 3):
        buffer = io.BytesIO()
        torch.save(payload, buffer)
        yield b"r" + buffer.getvalue()
        yield from (form + _pickle_of(buffer) for form in (b"z", b"p", b"l"))
    plain = {"fc.weight": [1.0], "meta": ("a", {"b"})}
    yield from (b"p" + pickle.dumps(plain, protocol=number) for number in range(6))
    yield b"r" + small_file()[:MOST_BYTES]


def _pickle_of(buffer: io.BytesIO) -> bytes:
    with zipfile.ZipFile(buffer) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def _parse_state(content: bytes) -> dict[str, Tensor]:
    """Lines of NAME SIDE SIDE …: tensors of such shapes, which take no room."""
    state = {}
    for line in content.decode("utf-8", "replace").splitlines()[:_MOST_LINES]:
        name, *sides = line.split(" ")
        numbers = [int(side) for side in sides[:_MOST_SIDES] if side.isascii() and side[:10].isdigit()]
        state[name] = torch.zeros(()).expand([number % 100_000 for number in numbers])
    return state


def _read_shapes(content: bytes, folder: Path) -> object:
    state = _parse_state(content)
    path = folder / "model.pth"
    known = find_system_of(state, None, None)
    if known is not None:
        return known.spec
    found = canonicalise(state)
    spec = infer_spec(found, path).spec
    if sum(tensor.numel() for tensor in found.state.values()) < 10**6:
        check_state(found.state, spec, path)
    return spec


def _begin_shapes() -> Iterator[bytes]:
    for name in ("gst-resnet26s", "tsm-mobilenetv2", "c2d-inceptionv3", "sth-resnet18", "csn-r101", "x3d-s"):
        try:
            state: Mapping[str, Tensor] = build_without_values(spec_from_name(name)).state_dict()
        except GstError:  # not every design is built
            continue
        yield _write_state(state)
        yield _write_state({f"module.base_model.{key}": tensor for key, tensor in state.items()})
    yield _write_state(small_state())
    yield _write_state({f"{key}.net": tensor for key, tensor in small_state().items()})


def _write_state(state: Mapping[str, Tensor]) -> bytes:
    return "\n".join(" ".join([key, *map(str, tensor.shape)]) for key, tensor in state.items()).encode()


_DIGEST = "0" * 64


def _read_card(content: bytes, folder: Path) -> object:
    """All that is read of a card; weights beside it would take a hundred times as long."""
    path = folder / "model.pth"
    # A hash is 64 signs that no mutation finds again: H stands for it.
    path.with_suffix(".json").write_bytes(content.replace(b'"H"', b'"' + _DIGEST.encode() + b'"'))
    record = load_card_beside(path, _DIGEST).record
    if "spec" not in record:
        return record
    try:
        spec = require_arithmetic(spec_from_json(record["spec"]), "the weights")
    except (TypeError, ValueError, ArithmeticError):  # which the loader takes as a refusal
        return None
    told = (read_clip_spec(record, spec, path), read_labels(record, spec, path))
    return spec, told, read_provenance(record, path)


def _begin_cards() -> Iterator[bytes]:
    card = {key: part for key, part in small_record().items() if key not in ("format", "version")}
    yield json.dumps({"sha256": "H", **card, "labels": ["a", "b", "c", "d", "e"]}).encode()
    for content in _generated(CARDS, 2):
        yield re.sub(rb'"[0-9a-f]{64}"', b'"H"', content)


def _read_recipe(content: bytes, folder: Path) -> object:
    path = folder / "recipe.toml"
    path.write_bytes(content)
    return load_config(path).to_json()


def _begin_recipes() -> Iterator[bytes]:
    folder = Path(load_config.__code__.co_filename).parents[1] / "recipes"
    yield from (path.read_bytes() for path in sorted(folder.glob("*.toml"))[::3])
    yield from _generated(RECIPES, 5)
    yield from _generated(TRAINING, 5)


_KINDS = tuple(LISTS)


def _read_list(content: bytes, folder: Path) -> object:
    """The first byte chooses the format; above 100, the format is recognised."""
    number = content[0] if content else 0
    name, _ = LISTS[_KINDS[number % len(_KINDS)]]
    path = folder / name
    path.write_bytes(content[1:])
    format = None if number > 100 else _KINDS[number % len(_KINDS)]
    return load_records(path, format=format, root=folder, subset="all")


def _begin_lists() -> Iterator[bytes]:
    assert set(_KINDS) == set(FORMATS)
    for number, kind in enumerate(_KINDS):
        text = LISTS[kind][1].encode()
        yield from (bytes([place]) + text for place in (number, number + 110))
    labels = b'{"Opening something": "0", "Closing something": "1"}'
    yield bytes([_KINDS.index("something-v2")]) + labels


TARGETS: Mapping[str, Target] = {
    "checkpoints": Target(_read_checkpoint, _begin_checkpoints, ("state_dict", "conv1.weight", "storage")),
    "detective": Target(_read_shapes, _begin_shapes, (".weight", ".spatial", ".temporal", "module.", "fc.")),
    "cards": Target(_read_card, _begin_cards, ('"spec"', '"clip_spec"', '"labels"', '"alpha"', "1e999")),
    "recipes": Target(_read_recipe, _begin_recipes, ("[model]", "[clip]", '"""', "1e999", "inf")),
    "annotations": Target(_read_list, _begin_lists, ('"id"', '"vid_name"', "../", "00:00:01.5", "\\ud800")),
}
