"""A file on disk -> named tensors and the plain values beside them. Nothing in the file is executed.

Reads PyTorch files (zip and the old pickle form, always with weights_only=True) and safetensors.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import pickletools
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from gst_analysis.checkpoints.stand_ins import is_inert, load_past_values
from gst_analysis.errors import (
    BrokenCheckpoint,
    UnknownCheckpoint,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
    name_some,
    one_line,
)

_AVERAGED = ("ema", "model_ema", "ema_state_dict", "state_dict_ema")
WRAPPERS = (
    *("state_dict", "model", "model_state_dict", "model_state", "module", "net", "network"),
    *(*_AVERAGED, "weights", "params"),
)
"""Under which keys trainers keep weights: those of the network itself before averaged ones."""
_MOST_WRAPPERS = 3
SAFETENSORS_KEY = "gst_analysis"
"""Where our own record lies in a safetensors file's metadata."""

REFERENCE = "gst-analysis-reference"
"""How a file of a checkpoint's scales alone begins (`gst-analyze reference`); it holds no weights."""
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"
_OPCODES = {opcode.code for opcode in pickletools.opcodes}
_WEIGHTS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class RawCheckpoint:
    """What a file holds: tensors by name, the wrapper's other plain entries, and the file's hash."""

    path: Path
    sha256: str
    state: dict[str, Tensor] = field(repr=False)
    extras: Mapping[str, Any] = field(repr=False)
    averaged: str = ""
    """What to say of averaged weights in it; empty where there are none."""


def load_raw(path: str | os.PathLike[str]) -> RawCheckpoint:
    """Read a checkpoint file; raise a CheckpointError that says what is wrong with it."""
    where = Path(path)
    head = _read_head(where)
    payload: Any
    if _is_safetensors(head):  # first: its length may begin with the byte that begins a pickle
        payload = _load_safetensors(where)
    elif head.startswith((_ZIP, _PICKLE)):
        payload = _load_torch(where)
    elif is_reference(where):
        raise UnreadableCheckpoint(
            str(where),
            expected="a checkpoint",
            found="a reference: the scales of one, without its weights",
            todo="name the checkpoint itself; compare and bn-hist take a reference in its place",
        )
    else:
        raise UnreadableCheckpoint(
            str(where),
            expected="a PyTorch or safetensors file",
            found="bytes of neither kind",
            todo="check that the download is complete and is the checkpoint itself",
        )
    state, extras = _unwrap(payload, where)
    _check_kinds(state, where)
    return RawCheckpoint(where, _hash(where), state, extras, _say_averaged(payload, extras))


def is_reference(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is a reference, whatever else is in it."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(200)
    except OSError:
        return False
    return re.match(rb'\s*\{\s*"format"\s*:\s*"' + REFERENCE.encode() + rb'"', head) is not None


def _read_head(path: Path) -> bytes:
    expected, todo = "a checkpoint file", "check the path"
    if path.is_dir():
        raise UnreadableCheckpoint(
            str(path), expected=expected, found="a directory", todo="name a file in it"
        )
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else error.strerror or str(error)
        raise UnreadableCheckpoint(str(path), expected=expected, found=found, todo=todo) from error
    if not head:
        raise UnreadableCheckpoint(
            str(path), expected=expected, found="an empty file", todo="copy or download it again"
        )
    return head


def _is_safetensors(head: bytes) -> bool:
    """Eight bytes of header length, below the format's limit of 100 MB, then a JSON object."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= 100_000_000


def _load_torch(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch warns of, we refuse in our own words or accept
            return _load_plain(path)
    except pickle.UnpicklingError as error:
        raise _refused(path, str(error)) from error
    except Exception as error:  # a damaged file can fail anywhere in torch's reader, in any way
        raise UnreadableCheckpoint(
            str(path),
            expected="a complete PyTorch file",
            found=f"a damaged one ({_first_words(error)})",
            todo="copy or download it again",
        ) from error


def _load_plain(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if not is_inert(str(error)):
            raise
        return load_past_values(path)


def _refused(path: Path, message: str) -> UnreadableCheckpoint | UnsafeCheckpoint:
    wanted = re.search(r"GLOBAL ([\w.]+)|(?:class|function|import) `?([\w.]+)", message)
    operand = re.search(r"Unsupported operand (\d+)", message)
    torn = operand is not None and chr(int(operand[1])) not in _OPCODES
    if torn or ("Unsupported" not in message and wanted is None):
        return UnreadableCheckpoint(
            str(path),
            expected="a complete PyTorch file",
            found="a damaged pickle",
            todo="copy or download it again",
        )
    name = next((g for g in wanted.groups() if g), "code") if wanted else "code"
    return UnsafeCheckpoint(
        str(path),
        expected="tensors and plain values only",
        found=f"a pickle that calls {name}, which was not run",
        todo="if you trust its author, load it there and save only its state dict again",
    )


def _load_safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 # a handle that cannot be iterated
            record = (file.metadata() or {}).get(SAFETENSORS_KEY, "{}")
    except (SafetensorError, OSError) as error:
        raise UnreadableCheckpoint(
            str(path),
            expected="a complete safetensors file",
            found=f"a damaged one ({_first_words(error)})",
            todo="copy or download it again",
        ) from error
    try:
        extras = json.loads(record)
    except ValueError:
        extras = {}
    return {**(extras if isinstance(extras, dict) else {}), "state_dict": state}


def _unwrap(payload: Any, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Find the state dict inside whatever was saved around it."""
    if isinstance(payload, Mapping):
        found = _find_weights(payload)
        if found is not None:
            key, state = found
            return state, {str(k): v for k, v in payload.items() if k != key}
        if _tensors(payload):
            return _tensors(payload), {str(k): v for k, v in payload.items() if not isinstance(v, Tensor)}
        keys = name_some([str(k)[:40] for k in payload]) or "nothing"
        odd = f"a dict of {keys}, without tensors"
    else:
        odd = f"a {type(payload).__name__}"
    raise UnknownCheckpoint(
        str(path),
        expected="a state dict, bare or under state_dict or model",
        found=odd,
        todo="save model.state_dict()",
    )


def _find_weights(payload: Mapping[Any, Any], depth: int = 1) -> tuple[str, dict[str, Tensor]] | None:
    """The key that weights lie under and the weights, which may lie a few keys further in."""
    for wrapper in WRAPPERS:
        inner = payload.get(wrapper)
        if not isinstance(inner, Mapping):
            continue
        if _tensors(inner):
            return wrapper, _tensors(inner)
        deeper = _find_weights(inner, depth + 1) if depth < _MOST_WRAPPERS else None
        if deeper is not None:
            return wrapper, deeper[1]
    return None


def _say_averaged(payload: Any, extras: Mapping[str, Any]) -> str:
    """Which of two sets of weights was taken, where a trainer averages them over steps."""
    held = [
        key for key in _AVERAGED if isinstance(payload, Mapping) and isinstance(payload.get(key), Mapping)
    ]
    if not held:
        return ""
    if held[0] in extras:
        return f"it also holds weights averaged over steps ({held[0]}), which are left aside"
    return f"its weights are averaged over steps ({held[0]})"


def _check_kinds(state: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that are no weights, or that the file holds less of than they claim to be.

    Counters are whole numbers; weights are floating-point ones, dense and in full.
    """
    for name, tensor in state.items():
        odd = None
        if tensor.is_meta:
            odd = "a shape without values"
        elif tensor.layout != torch.strided or tensor.is_quantized:
            odd = "a sparse or quantised tensor"
        elif tensor.ndim and tensor.dtype not in _WEIGHTS and not _is_table(name, tensor):
            odd = f"{str(tensor.dtype).removeprefix('torch.')} values"
        elif tensor.untyped_storage().nbytes() < tensor.numel() * tensor.element_size():
            odd = f"{tensor.numel():,} values, of which the file holds fewer"
        if odd:
            raise BrokenCheckpoint(
                str(path),
                expected="weights as dense floating-point tensors",
                found=f"{odd} in {name[:80]}",
                todo="save the state dict of the trained network itself, as float32",
            )


def _is_table(name: str, tensor: Tensor) -> bool:
    """Whether it is a buffer of whole numbers, such as Swin's table of positions: no weight is called so."""
    whole = tensor.dtype in (torch.int64, torch.int32, torch.bool)
    return whole and name.rpartition(".")[2] not in ("weight", "bias", "running_mean", "running_var")


def _tensors(mapping: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {str(name): value for name, value in mapping.items() if isinstance(value, Tensor)}


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _first_words(error: BaseException) -> str:
    text = one_line(str(error)) or type(error).__name__
    return text if len(text) <= 90 else text[:87] + "..."
