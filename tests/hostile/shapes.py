"""Checkpoints whose tensors, names or place in the file system are the attack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gst_analysis.networks.registry import build_without_values, spec_from_name
from gst_analysis.networks.systems import SYSTEMS
from tests.hostile.cases import DRAWING, RECOGNISING, Case, Kind, inspect_and_plot
from tests.hostile.parts import save, small_file, small_state, write

Change = Callable[[Tensor], object]
_CHANGES: dict[str, Change] = {
    "no dimension": lambda t: torch.tensor(1.0),
    "one dimension": lambda t: t.flatten(),
    "nothing in it": lambda t: t.flatten()[:0],
    "no sides but one": lambda t: torch.zeros(0, 5),
    "eight dimensions": lambda t: t.reshape(*t.shape, *[1] * (8 - t.ndim)),
    "a parameter": nn.Parameter,
    "grad-carrying": lambda t: t.clone().requires_grad_(),
    "NaN": lambda t: torch.full_like(t, torch.nan),
    "infinite": lambda t: torch.full_like(t, torch.inf),
    "double": Tensor.double,
    "half": Tensor.half,
    "complex": lambda t: t.to(torch.complex64),
    "eight bits": lambda t: t.to(torch.float8_e4m3fn),
    "whole": Tensor.long,
    "true or false": Tensor.bool,
    "sparse": Tensor.to_sparse,
    "meta": lambda t: t.to("meta"),
    "nested": lambda t: torch.nested.nested_tensor([t.flatten(), t.flatten()[:1]]),
    "quantised": lambda t: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8),
    "expanded": lambda t: torch.zeros(1).expand(10**6, 10**5),
    "transposed": lambda t: t.T if t.ndim == 2 else t.transpose(0, -1),
    "a list": lambda t: t.flatten()[:3].tolist(),
    "a storage": lambda t: t.untyped_storage(),
    "None": lambda t: None,
    "conjugated": lambda t: t.to(torch.complex64).conj(),
}
_NAMES = (
    *("conv1.weight", "bn1.weight", "bn1.running_var", "bn1.num_batches_tracked", "fc.weight"),
    *("layer1.0.conv1.weight", "layer1.0.conv2.spatial.weight", "layer4.1.conv2.temporal.weight"),
)


def _tensor(folder: Path, *, name: str, change: Change, form: str) -> Path:
    state: dict[str, Any] = dict(small_state())
    known = name if name in state else next(key for key in state if key.endswith(name.split(".", 2)[-1]))
    state[known] = change(state[known].float())
    return save(folder, state, form=form)


def _system(folder: Path, *, system: str, change: str) -> Path:
    """Weights that bear a published system's names, all of another shape."""
    state = build_without_values(spec_from_name(system, num_classes=5)).state_dict()
    names = [name.removeprefix("inner.") for name in state]
    if change == "no dimension":
        return save(folder, {name: torch.tensor(1.0) for name in names})
    if change == "one dimension":
        return save(folder, {name: torch.ones(2) for name in names})
    if change == "three sides":
        return save(folder, {name: torch.ones(1, 1, 1) for name in names})
    more = {
        f"{name.split('.')[0]}.{number}.weight": torch.ones(1)
        for number in (999_999_999, 10**30)
        for name in names[:3]
    }
    return save(folder, {**{name: torch.ones(2, 2) for name in names}, **more})


_OPERATORS = {
    "in two parts, one of another name": ("temporal", "x"),
    "in two parts, the other of another name": ("spatial", "x"),
    "in three parts": ("spatial", "temporal", "x"),
    "in a part for time": ("temporal",),
    "in a part for space": ("spatial",),
    "in a part of another name": ("x",),
    "in no part": (),
}
"""Parts that an operator is said to have; those of our networks have one for space and one for time."""


def _operators(folder: Path, *, parts: tuple[str, ...], flat: bool) -> Path:
    state = {}
    for key, tensor in small_state().items():
        place, _, part = key.removesuffix(".weight").rpartition(".")
        if not key.endswith((".spatial.weight", ".temporal.weight")):
            state[key] = tensor
        elif part == "temporal":
            state.update({f"{place}.{name}.weight": tensor.flatten() if flat else tensor for name in parts})
    return save(folder, state)


def _keys(folder: Path, *, make: Callable[[], dict[Any, Any]]) -> Path:
    return save(folder, make())


_ODD_KEYS: dict[str, Callable[[], dict[Any, Any]]] = {
    "9,000 fake layers": lambda: {f"layer1.{i}.conv1.weight": torch.ones(1) for i in range(9_000)},
    "9,000 fake blocks": lambda: {f"blocks.{i}.attn.qkv.weight": torch.ones(1) for i in range(9_000)},
    "9,000 extra tensors": lambda: {**small_state(), **{f"x{i}": torch.ones(1) for i in range(9_000)}},
    "100,000 extra keys": lambda: {"state_dict": dict(small_state()), **{f"x{i}": i for i in range(100_000)}},
    "a layer of number 10^9": lambda: {**small_state(), "layer1.999999999.conv1.weight": torch.ones(1)},
    "a stage of number 10^9": lambda: {**small_state(), "layer999999999.0.conv1.weight": torch.ones(1)},
    "a key of 900 digits": lambda: {**small_state(), f"layer1.{'1' * 900}.conv1.weight": torch.ones(1)},
    "keys that are numbers": lambda: {i: torch.ones(1) for i in range(10)},
    "a number and its text as keys": lambda: {1: torch.ones(1), "1": torch.zeros(1)},
    "a key that is empty": lambda: {"": torch.ones(1), **small_state()},
    "a key that is None": lambda: {None: torch.ones(1), **small_state()},
    "keys with control characters": lambda: {"a\x1b[31m\n\0": torch.ones(1)},
    "keys with half a character": lambda: {"layer1.0.\ud800.weight": torch.ones(1)},
    "prefixes in a row": lambda: {"module." * 100 + name: tensor for name, tensor in small_state().items()},
    "two for one name": lambda: {**small_state(), **{f"module.{n}": t for n, t in small_state().items()}},
    "nothing": dict,
    "wrappers in wrappers": lambda: {
        "state_dict": {"model": {"module": {"net": {"ema": dict(small_state())}}}}
    },
    "a wrapper of text": lambda: {"state_dict": "x", "model": ["y"]},
    "a stem of no channels": lambda: {**small_state(), "conv1.weight": torch.ones(0, 3, 7, 7)},
    "a head of no classes": lambda: {**small_state(), "fc.weight": torch.ones(0, 512)},
}


def generate_tensors(seed: int) -> Iterator[Case]:
    """Tensors that are no weights, and names that are no layers."""
    for title, change in _CHANGES.items():
        for number, name in enumerate(_NAMES):
            form = "legacy" if number % 3 == 2 else "zip"
            yield Case(f"{name}: {title}", partial(_tensor, name=name, change=change, form=form))
    for title, make in _ODD_KEYS.items():
        yield Case(title, partial(_keys, make=make))
    for title, parts in _OPERATORS.items():
        for flat in (False, True):
            name = f"operators {title}{', of one dimension' if flat else ''}"
            yield Case(name, partial(_operators, parts=parts, flat=flat))
    for system in list(SYSTEMS)[::5]:
        for what in ("no dimension", "one dimension", "three sides", "wild numbers"):
            yield Case(f"{system} of {what}", partial(_system, system=system, change=what))


def _pipe(folder: Path, *, name: str) -> Path:
    os.mkfifo(folder / name)
    return folder / name


def _pipes_beside(folder: Path) -> Path:
    os.mkfifo(folder / "model.json")
    return write(folder, small_file())


def _pipe_in_folder(folder: Path) -> Path:
    os.mkfifo(folder / "config.json")
    return write(folder, small_file(safe=True), "model.safetensors").parent


def _sparse(folder: Path, *, head: bytes, name: str) -> Path:
    path = write(folder, head, name)
    os.truncate(path, 20 * 2**30)
    return path


def _linked(folder: Path, *, to: str) -> Path:
    path = folder / "model.pth"
    path.symlink_to(to)
    return path


def _named(folder: Path, *, name: bytes, safe: bool = False) -> Path:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
    path.write_bytes(small_file(safe=safe))
    return path


_ODD_NAMES = (
    *(b"\xff\xfe.pth", b"\xff\xfe.safetensors", b"$\\notacommand{x}$.pth", b"$x_$.pth", b"<script>.pth"),
    *(b"a\nb.pth", b"\x1b[31mred.pth", b" .pth", b"-.pth", b"=1+1.pth", b"%s%n.pth", b"{0}.pth"),
    *(b"a" * 250 + b".pth", b"..pth", b".pth", b"CON.pth", "\u202etxt.pth".encode()),
    *(b"`id`.pth", b"$(id).pth", b"a'b\"c.pth"),
)
_PLACES = (
    "/dev/zero",
    "/dev/random",
    "/dev/null",
    "/dev/stdin",
    "/proc/self/mem",
    "/proc/kmsg",
    "/proc/self/environ",
    "model.pth",
    "/",
)


def generate_places(seed: int) -> Iterator[Case]:
    """Files that are none, and names that are no text."""
    for name in ("model.pth", "model.safetensors", "model.json"):
        yield Case(f"a pipe called {name}", partial(_pipe, name=name))
    yield Case("a pipe in a card's place", _pipes_beside)
    yield Case("a pipe in config.json's place", _pipe_in_folder)
    for to in _PLACES:
        yield Case(f"a link to {to}", partial(_linked, to=to))
    for title, head in (
        ("zip", b"PK\3\4"),
        ("pickle", b"\x80\x02}."),
        ("safetensors", b"\x08\0\0\0\0\0\0\0{     }"),
        ("zeros", b""),
    ):
        yield Case(f"20 GB of holes: {title}", partial(_sparse, head=head, name="model.pth"))
    for odd in _ODD_NAMES:
        make = partial(_named, name=odd, safe=odd.endswith(b"safetensors"))
        yield Case(f"a file called {odd!r}"[:80], make, inspect_and_plot)


TENSORS = Kind("checkpoints: tensors and names", generate_tensors, modules=RECOGNISING)
PLACES = Kind("checkpoints: files that are none", generate_places, modules=(*RECOGNISING, *DRAWING))
