"""A file on disk -> named tensors and the plain values beside them. Nothing in the file is executed.

Reads PyTorch files (zip and the old pickle form, always with weights_only=True) and safetensors.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints import formats
from gst_analysis.checkpoints.archives import digest
from gst_analysis.checkpoints.formats import MOST_TENSORS, SAFETENSORS_KEY, Scan
from gst_analysis.checkpoints.stored import is_tensor
from gst_analysis.checkpoints.unbuilt import load_unbuilt
from gst_analysis.errors import (
    BrokenCheckpoint,
    CheckpointError,
    UnknownCheckpoint,
    UnreadableCheckpoint,
    name_some,
    shorten,
)
from gst_analysis.untrusted import Oversized, count_free_memory, require_regular

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["REFERENCE", "SAFETENSORS_KEY", "RawCheckpoint", "is_reference", "load_raw"]

_AVERAGED = ("ema", "model_ema", "ema_state_dict", "state_dict_ema")
WRAPPERS = (
    *("state_dict", "model", "model_state_dict", "model_state", "module", "net", "network"),
    *(*_AVERAGED, "weights", "params"),
)
"""Under which keys trainers keep weights: those of the network itself before averaged ones."""
_MOST_WRAPPERS = 3

REFERENCE = "gst-analysis-reference"
"""How a file of a checkpoint's scales alone begins (`gst-analyze reference`); it holds no weights."""
_WEIGHTS = ("torch.float64", "torch.float32", "torch.float16", "torch.bfloat16")
_MOST_SHARED = 4
"""How often a file's values may be used by several tensors, on average."""


@dataclass(frozen=True)
class RawCheckpoint:
    """What a file holds: tensors by name, the wrapper's other plain entries, and the file's hash."""

    path: Path
    sha256: str
    """Empty where nobody has read all of it."""
    state: dict[str, Tensor] = field(repr=False)
    extras: Mapping[str, Any] = field(repr=False)
    averaged: str = ""
    """What to say of averaged weights in it; empty where there are none."""
    unbuilt: bool = False
    """Whether its tensors are still in the file."""


def load_raw(
    path: str | os.PathLike[str], *, unbuilt: bool = False, checked: bool = True, hashed: bool = True
) -> RawCheckpoint:
    """Read a checkpoint file; raise a CheckpointError that says what is wrong with it.

    Args:
        path: the file.
        unbuilt: leave its tensors in it, each to be read when it is asked for; torch is not imported.
        checked: read all of an unbuilt one, for its hash and whatever is wrong with its values.
        hashed: False where somebody else hashes what torch reads here, and its sha256 is left empty.

    Raises:
        CheckpointError: it cannot be used.
        NotPlain: unbuilt, and torch has to read it.
    """
    where = Path(path)
    size = _measure(where)
    load = (
        partial(load_unbuilt, checked=checked) if unbuilt else partial(_load_beside_digesting, hashed=hashed)
    )
    with _explain_memory(where), formats.explain_refusal(where):
        payload, sha256, damaged = load(where, _scan(where, size))
        _require_undamaged(where, damaged)
        state, extras = _unwrap(payload, where)
        _check_kinds(state, where)
    return RawCheckpoint(where, sha256, state, extras, _say_averaged(payload, extras), unbuilt)


def _scan(where: Path, size: int) -> Scan:
    head = _read_head(where)
    if formats.is_safetensors(head):  # first: its length may begin with the byte that begins a pickle
        return formats.scan_safetensors(where, size)
    if formats.is_torch(head):
        return formats.scan_torch(where, size)
    raise _say_neither(where)


def _load_beside_digesting(where: Path, scan: Scan, *, hashed: bool) -> tuple[Any, str, str]:
    """Read the values, and meanwhile in a thread the bytes: for the hash, and for an archive's checksums."""
    records = {} if scan.archive is None else scan.archive.records
    with ThreadPoolExecutor(1) as pool:
        digesting = pool.submit(digest, where, records, hashed=hashed)
        payload = formats.load_values(where, scan)
        return payload, *digesting.result()


def _require_undamaged(where: Path, damaged: str) -> None:
    if damaged:
        raise UnreadableCheckpoint(
            str(where),
            expected="the bytes that were written",
            found=f"a damaged file: the checksum of {shorten(damaged, 80)} differs",
            todo="copy or download it again",
        )


def _say_neither(where: Path) -> UnreadableCheckpoint:
    if is_reference(where):
        return UnreadableCheckpoint(
            str(where),
            expected="a checkpoint",
            found="a reference: the scales of one, without its weights",
            todo="name the checkpoint itself; compare and bn-hist take a reference in its place",
        )
    return UnreadableCheckpoint(
        str(where),
        expected="a PyTorch or safetensors file",
        found="bytes of neither kind",
        todo="check that the download is complete and is the checkpoint itself",
    )


def is_reference(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is a reference, whatever else is in it."""
    try:
        if not os.path.isfile(path):  # to open a pipe is to wait
            return False
        with Path(path).open("rb") as file:
            head = file.read(200)
    except OSError:
        return False
    return re.match(rb'\s*\{\s*"format"\s*:\s*"' + REFERENCE.encode() + rb'"', head) is not None


def _measure(path: Path) -> int:
    """The size of a regular file that fits into memory."""
    expected = "a checkpoint file"
    try:
        size = require_regular(path)
    except Oversized as error:
        todo = "name a file in it" if os.path.isdir(path) else "name the checkpoint itself, copied in full"
        raise UnreadableCheckpoint(str(path), expected=expected, found=str(error), todo=todo) from error
    except (OSError, ValueError) as error:
        raise _unreachable(path, error) from error
    if not size:
        raise UnreadableCheckpoint(
            str(path), expected=expected, found="an empty file", todo="copy or download it again"
        )
    free = count_free_memory()
    if free is not None and size > free:
        raise _too_large(path, f"{size / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory are free")
    return size


def _read_head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError as error:
        raise _unreachable(path, error) from error


def _unreachable(path: Path, error: OSError | ValueError) -> UnreadableCheckpoint:
    todo = "check the path"
    if isinstance(error, FileNotFoundError):
        found = "no such file"
    else:
        found = (error.strerror if isinstance(error, OSError) else None) or str(error)
    if isinstance(error, PermissionError):
        todo = "check that you may read it, and enter the folders that lead to it"
    return UnreadableCheckpoint(str(path), expected="a checkpoint file", found=found, todo=todo)


def _too_large(path: Path, found: str) -> UnreadableCheckpoint:
    return UnreadableCheckpoint(
        str(path),
        expected="a checkpoint that fits into memory",
        found=found,
        todo="save its weights alone, or use a machine with more memory",
    )


@contextlib.contextmanager
def _explain_memory(path: Path) -> Iterator[None]:
    """Turn what libraries say when memory ends, or the file is gone meanwhile, into an error of ours."""
    try:
        yield
    except MemoryError as error:
        raise _too_large(path, "one that needs more") from error
    except OSError as error:  # it was there a moment ago
        raise _unreachable(path, error) from error
    except CheckpointError as error:
        cause = error.__cause__
        ended = isinstance(cause, OSError) and cause.errno == errno.ENOMEM
        if ended or (cause is not None and re.search("not enough memory|allocate memory", str(cause))):
            raise _too_large(path, "one that needs more") from error
        raise


def _unwrap(payload: Any, path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Find the state dict inside whatever was saved around it."""
    if isinstance(payload, Mapping):
        found = _find_weights(payload)
        if found is not None:
            key, state = found
            return state, {str(k): v for k, v in payload.items() if k != key}
        if _tensors(payload):
            return _tensors(payload), {str(k): v for k, v in payload.items() if not is_tensor(v)}
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
    if len(state) > MOST_TENSORS:
        raise UnknownCheckpoint(
            str(path),
            expected=f"a network of at most {MOST_TENSORS:,} tensors",
            found=f"{len(state):,}",
            todo="save the network's own state dict alone",
        )
    held = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in state.values()
    }
    if sum(tensor.nbytes for tensor in state.values()) > _MOST_SHARED * sum(held.values()):
        raise BrokenCheckpoint(
            str(path),
            expected="tensors with values of their own",
            found=f"{len(state):,} that share {sum(held.values()):,} bytes",
            todo="save the state dict of the trained network itself",
        )
    for name, tensor in state.items():
        odd = None
        if tensor.is_meta:
            odd = "a shape without values"
        elif str(tensor.layout) != "torch.strided" or tensor.is_quantized:
            odd = "a sparse or quantised tensor"
        elif tensor.ndim and str(tensor.dtype) not in _WEIGHTS and not _is_table(name, tensor):
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
    whole = str(tensor.dtype) in ("torch.int64", "torch.int32", "torch.bool")
    return whole and name.rpartition(".")[2] not in ("weight", "bias", "running_mean", "running_var")


def _tensors(mapping: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Tensors by name, as values alone: what was a parameter in training is no longer one."""
    return {str(name): value.detach() for name, value in mapping.items() if is_tensor(value)}
