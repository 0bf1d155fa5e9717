"""What is said beside weights is the attack: our own record, metadata, cards, config.json, recipes."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from tests.hostile.cases import RECOGNISING, Case, Kind
from tests.hostile.parts import (
    safetensors_header,
    save,
    small_file,
    small_record,
    small_state,
    write,
    write_safetensors,
)

NUMBERS: Mapping[str, Any] = {
    "1e1000000000": "1e1000000000",
    "1/10^5000": "1/1" + "0" * 5000,
    "10^400": 10**400,
    "minus one": -1,
    "zero": 0,
    "ten million": 10_000_000,
    "2^62": 2**62,
    "a half": 0.5,
    "infinity": float("inf"),
    "NaN": float("nan"),
    "text": "x",
    "a long text": "x" * 100_000,
    "half a character": "\ud800",
    "control characters": "\x1b[31m\n\r\0",
    "nothing": None,
    "a list": ["x"],
    "an empty list": [],
    "a long list": [1] * 100_000,
    "a record": {"x": 1},
    "true": True,
}
"""What may stand where something else is expected."""
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "spec": ("family", "backbone", "alpha", "beta", "width", "widths", "num_classes", "num_frames", "flow"),
    "clip_spec": ("frames", "sampling", "resize", "crop", "mean", "std", "colours"),
    "": ("spec", "clip_spec", "labels", "provenance", "version", "format"),
}


def _nest(depth: int, *, record: bool = True) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if record else [value]
    return value


def _change(record: Mapping[str, Any], section: str, name: str, value: Any) -> dict[str, Any]:
    if section:
        return {**record, section: {**record[section], name: value}}
    return {**record, name: value}


def _share(value: Any, *, kind: str) -> Any:
    """A value in another, twice, 60 times over: 2^60 of it, and a few bytes in a pickle."""
    for _ in range(60):
        value = {"a": value, "b": value} if kind == "records" else [value, value]
    return value


def _list_shared() -> Iterator[tuple[str, str, str, Any]]:
    """What a pickle holds once and means often: JSON cannot say it."""
    for kind in ("lists", "records"):
        for name in _FIELDS[""]:
            yield f"{name}: 2^60 in {kind}", "", name, _share(1, kind=kind)
        yield f"family: 2^60 in {kind}", "spec", "family", _share("x", kind=kind)
        yield f"mean: 2^60 in {kind}", "clip_spec", "mean", [_share(0.5, kind=kind)] * 3
        yield f"provenance within: 2^60 in {kind}", "", "provenance", {"a": _share(1, kind=kind)}
    yield "provenance: a text a million times", "", "provenance", {"a": [["x" * 1_000] * 1_000] * 1_000}
    yield "labels: a text of 7 MB", "", "labels", ["x" * 7_000_000] * 5


def _list_changes() -> Iterator[tuple[str, str, str, Any]]:
    for section, names in _FIELDS.items():
        for name in names:
            for said, value in NUMBERS.items():
                yield f"{section or 'record'} {name}: {said}", section, name, value
    yield "labels: half a character", "", "labels", ["\ud800", "b", "c", "d", "e"]
    yield "labels: lists", "", "labels", [["a"]] * 5
    yield "labels: long", "", "labels", ["a" * 10**6] * 5
    yield "labels: mathematics and markup", "", "labels", [r"$\frac{$", "<script>", "=1+1", "a\nb", "\x1b[2J"]
    yield "provenance: deep", "", "provenance", _nest(60)
    yield "provenance: deeper", "", "provenance", _nest(500)
    yield "provenance: infinite", "", "provenance", {"loss": float("inf"), "nan": float("nan")}
    yield "mean: text", "clip_spec", "mean", ["x", "y", "z"]
    yield "mean: infinite", "clip_spec", "mean", [float("inf")] * 3
    yield "mean: 10^400", "clip_spec", "mean", [10**300] * 3
    yield "std: zero", "clip_spec", "std", [0, 0, 0]
    yield "widths: millions", "spec", "widths", [[10**7, 10**7]] * 8
    yield "system: unknown", "", "spec", {"system": "x" * 100_000}
    for name in ("r3d-18", "tsm-mobilenetv2", "timesformer", "slowfast-r50-8x8", "i3d", "x3d-m", "trn"):
        for key in ("size", "num_frames", "num_classes", "depth", "num_hidden_layers", "flow", "segments"):
            for value in (10**9, -5, 0.1, "x", 9_999):
                told = {"num_frames": 16, "num_classes": 5, "settings": {}}
                told = {**told, key: value} if key in told else {**told, "settings": {key: value}}
                yield f"system {name} {key}: {value}", "", "spec", {"system": name, **told}


def _pickled(folder: Path, *, section: str, name: str, value: Any) -> Path:
    state = dict(small_state())
    return save(folder, {**_change(small_record(), section, name, _fit(value)), "state_dict": state})


def _fit(value: Any) -> Any:
    """Whole numbers that torch's pickles can hold."""
    return str(value) if isinstance(value, int) and value.bit_length() > 2000 else value


def _in_metadata(folder: Path, *, section: str, name: str, value: Any) -> Path:
    record = json.dumps(_change(small_record(), section, name, value))
    shapes = {key: list(tensor.shape) for key, tensor in small_state().items() if tensor.is_floating_point()}
    header, data = safetensors_header(shapes, {"gst_analysis": record})
    return write_safetensors(folder, header, data)


def _in_card(folder: Path, *, section: str, name: str, value: Any) -> Path:
    content = _bare()
    card = {key: part for key, part in small_record().items() if key not in ("format", "version")}
    card = _change(card, section, name, value)
    text = json.dumps({"sha256": hashlib.sha256(content).hexdigest(), **card})
    (folder / "model.json").write_text(text, encoding="utf-8")
    return write(folder, content)


@functools.cache
def _bare() -> bytes:
    """Weights alone, which need a card."""
    import io

    buffer = io.BytesIO()
    torch.save(dict(small_state()), buffer)
    return buffer.getvalue()


_TEXTS: Mapping[str, bytes] = {
    "empty": b"",
    "no JSON": b"epoch 3",
    "a list": b"[1]",
    "a number": b"1",
    "lists 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "records 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "records 900 deep": b'{"a":' * 900 + b"1" + b"}" * 900,
    "a number of 5,000 digits": b'{"a":' + b"1" * 5_000 + b"}",
    "a number of 900,000 digits": b'{"a":' + b"1" * 900_000 + b"}",
    "1e1000000000": b'{"a": 1e1000000000, "sha256": "x"}',
    "half a character": b'{"sha256": "\\ud800", "labels": ["\\ud800"]}',
    "bytes that are no text": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"sha256": "x"}'.encode("utf-16"),
    "two keys of one name": b'{"sha256": "a", "sha256": "b"}',
    "100,000 keys": b"{" + b",".join(b'"k%d": 1' % i for i in range(80_000)) + b"}",
    "a key of 900,000 signs": b'{"' + b"a" * 900_000 + b'": 1}',
    "two megabytes": b'{"a": "' + b"a" * 2_000_000 + b'"}',
    "NaN": b'{"sha256": NaN, "clip_spec": {"mean": [NaN, NaN, NaN]}}',
}


def _card_text(folder: Path, *, content: bytes) -> Path:
    write(folder, content, "model.json")
    return write(folder, _bare())


def _metadata_text(folder: Path, *, content: bytes) -> Path:
    shapes = {key: list(tensor.shape) for key, tensor in small_state().items() if tensor.is_floating_point()}
    header, data = safetensors_header(shapes, {"gst_analysis": content.decode("latin-1")})
    return write_safetensors(folder, header, data)


def _header_text(folder: Path, *, content: bytes) -> Path:
    return write_safetensors(folder, b"{" + content[1:] if content[:1] == b"{" else b"{" + content)


def _folder_text(folder: Path, *, content: bytes, name: str) -> Path:
    config = {"model_type": "vivit", "architectures": ["VivitForVideoClassification"]}
    write(folder, json.dumps(config).encode(), "config.json")
    write(folder, small_file(safe=True), "model.safetensors")
    write(folder, content, name)
    return folder


def _folder_setting(folder: Path, *, model: str, name: str, value: Any) -> Path:
    config = {"model_type": model, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    write(folder, json.dumps({**config, name: value}).encode(), "config.json")
    header, data = safetensors_header({"classifier.weight": [5, 32], "classifier.bias": [5]})
    return write_safetensors(folder, header, data).parent


def generate_records(seed: int) -> Iterator[Case]:
    """Our own record in a PyTorch file."""
    for number, (title, section, name, value) in enumerate(_list_changes()):
        if number % 2 == seed % 2:
            yield Case(title, partial(_pickled, section=section, name=name, value=value))
    for title, section, name, value in _list_shared():
        yield Case(title, partial(_pickled, section=section, name=name, value=value))


def generate_safetensors(seed: int) -> Iterator[Case]:
    """Our own record in metadata, and headers."""
    for number, (title, section, name, value) in enumerate(_list_changes()):
        if number % 4 == 0:
            yield Case(title, partial(_in_metadata, section=section, name=name, value=value))
    for title, content in _TEXTS.items():
        yield Case(f"metadata: {title}", partial(_metadata_text, content=content))
        yield Case(f"header: {title}", partial(_header_text, content=content))
    for title, length in (
        ("longer than the file", 10**6),
        ("of 90 MB", 90_000_000),
        ("of nothing", 0),
        ("of one", 1),
    ):
        yield Case(f"header {title}", partial(write_safetensors, header=b'{"a":{}}', length=length))
    for title, tensors in _headers().items():
        yield Case(
            f"header with {title}",
            partial(write_safetensors, header=json.dumps(tensors).encode(), data=bytes(64)),
        )


_EMPTY = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}


def _headers() -> dict[str, dict[str, Any]]:
    def one(**changes: Any) -> dict[str, Any]:
        return {"conv1.weight": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}}

    return {
        "another type": one(dtype="X" * 1000),
        "a shape of 10^18": one(shape=[10**18]),
        "a shape of -1": one(shape=[-1]),
        "a shape of 100,000 sides": one(shape=[1] * 100_000),
        "zero sides and 10^18": one(shape=[0, 10**18], data_offsets=[0, 0]),
        "offsets the wrong way": one(data_offsets=[16, 0]),
        "offsets beyond the file": one(data_offsets=[0, 10**12], shape=[25 * 10**10]),
        "offsets that are text": one(data_offsets=["0", "16"]),
        "metadata that is a list": {"__metadata__": [1], **one()},
        "metadata that is numbers": {"__metadata__": {"gst_analysis": 1}, **one()},
        "a tensor that is a list": {"a": [1]},
        "20,000 tensors": {f"t{i}": _EMPTY for i in range(20_000)},
        "a key of 10^6 signs": {"a" * 10**6: one()["conv1.weight"]},
        "a key of 10^6 prefixes": {"module." * 140_000 + "fc.weight": one()["conv1.weight"]},
        "a key of 5,000 digits": {f"layer{'1' * 5_000}.0.conv1.weight": one()["conv1.weight"]},
    }


def generate_cards(seed: int) -> Iterator[Case]:
    """Cards beside sound weights."""
    for number, (title, section, name, value) in enumerate(_list_changes()):
        if number % 5 == 1:
            yield Case(title, partial(_in_card, section=section, name=name, value=value))
    for title, content in _TEXTS.items():
        yield Case(f"card: {title}", partial(_card_text, content=content))


_SETTINGS = (
    "hidden_size",
    "num_hidden_layers",
    "image_size",
    "patch_size",
    "tubelet_size",
    "num_frames",
    "id2label",
)


def generate_folders(seed: int) -> Iterator[Case]:
    """Folders of Hugging Face's form."""
    for title, content in _TEXTS.items():
        for name in ("config.json", "preprocessor_config.json"):
            yield Case(f"{name}: {title}", partial(_folder_text, content=content, name=name))
    for model in ("vivit", "timesformer", "videomae", "vjepa2", "../../x", "a" * 10_000):
        for name in _SETTINGS[:: 1 if model == "vivit" else 2]:
            for said in (
                "10^400",
                "minus one",
                "zero",
                "ten million",
                "text",
                "nothing",
                "a long list",
                "a record",
            ):
                make = partial(_folder_setting, model=model, name=name, value=NUMBERS[said])
                yield Case(f"{model[:20]} {name}: {said}", make)


RECORDS = Kind("checkpoints: our record", generate_records, modules=RECOGNISING)
SAFETENSORS = Kind("checkpoints: safetensors", generate_safetensors, modules=RECOGNISING)
CARDS = Kind("cards", generate_cards, modules=RECOGNISING)
FOLDERS = Kind("checkpoints: folders", generate_folders, modules=RECOGNISING)
