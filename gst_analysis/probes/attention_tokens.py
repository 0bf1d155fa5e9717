"""Which frame every token of an attention layer is of, for each kind of layer that is known.

Kinds are told by the full names of their classes, so that no library is imported to look for its layers. A
token that is of no frame (a class token, or what a window is filled up with) has the number -1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

NOWHERE = -1


@dataclass(frozen=True)
class Tokens:
    """Frames of queries and keys, for every group of tokens that attend to each other within a clip."""

    queries: Tensor
    """(G, Q) whole numbers; G is 1 where all groups are alike."""
    keys: Tensor
    """(G, K)"""
    frames: int
    allowed: Tensor | None = None
    """(G, Q, K): whether a query may read a key; None where it always may."""


Read = Callable[[tuple[Any, ...], int, int], Tokens]
"""What a layer was given, how many queries and how many keys there are -> whose they are."""


@dataclass(frozen=True)
class Layer:
    """One attention layer: the module in which its weights are made, and how to read them."""

    name: str
    module: nn.Module
    read: Read


def find_layers(network: nn.Module) -> Iterator[Layer]:
    """Every attention layer in which a query could read another frame, in the order of the modules."""
    for name, module in network.named_modules():
        find = _KINDS.get(f"{type(module).__module__}.{type(module).__qualname__}")
        if find is not None:
            yield from find(name, module)


def _lie_in_turn(count: int, frames: int, *, extra: int = 0) -> Tensor:
    """(1, count) frames of tokens that go through one frame after the other; extra ones come before."""
    first = torch.full((extra,), NOWHERE)
    each = (count - extra) // frames
    return torch.cat([first, torch.arange(frames).repeat_interleave(each)])[None]


def _lie_by_place(count: int, frames: int, *, extra: int = 0) -> Tensor:
    """(1, count) frames of tokens that go through all frames of one place, then of the next."""
    first, each = torch.full((extra,), NOWHERE), (count - extra) // frames
    return torch.cat([first, torch.arange(frames).repeat(each)])[None]


def _in_turn(frames: int, extra: int = 0) -> Read:
    def read(_: tuple[Any, ...], queries: int, keys: int) -> Tokens:
        asking, answering = (_lie_in_turn(count, frames, extra=extra) for count in (queries, keys))
        return Tokens(asking, answering, frames)

    return read


def _find_videomae(name: str, module: Any) -> Iterator[Layer]:
    yield Layer(name, module, _in_turn(module.config.num_frames // module.config.tubelet_size))


def _find_vivit(name: str, module: Any) -> Iterator[Layer]:
    yield Layer(name, module, _in_turn(module.config.num_frames // module.config.tubelet_size[0], extra=1))


def _find_vjepa2(name: str, module: Any) -> Iterator[Layer]:
    """Tokens of clips of any length.

    The predictor is left out: no answer goes through it, and its patches lie in any order.
    """
    cells = (module.config.crop_size // module.config.patch_size) ** 2

    def read(given: tuple[Any, ...], queries: int, keys: int) -> Tokens:
        return _in_turn(keys // cells)(given, queries, keys)

    if ".predictor." not in name:
        yield Layer(name, module, read)


def _find_timesformer(name: str, module: Any) -> Iterator[Layer]:
    """Attention over space alone is of one frame, so it is none of these."""
    frames, kind, over_time = module.config.num_frames, module.attention_type, "temporal_attention.attention"

    def read_joint(_: tuple[Any, ...], queries: int, keys: int) -> Tokens:
        asking, answering = (_lie_by_place(count, frames, extra=1) for count in (queries, keys))
        return Tokens(asking, answering, frames)

    if kind == "divided_space_time":
        yield Layer(f"{name}.{over_time}", module.get_submodule(over_time), _in_turn(frames))
    elif kind == "joint_space_time":
        yield Layer(f"{name}.attention.attention", module.attention.attention, read_joint)


def _find_mvit(name: str, module: Any) -> Iterator[Layer]:
    """Pooling takes rows and columns, and frames where it has a stride in time."""

    def read(given: tuple[Any, ...], queries: int, keys: int) -> Tokens:
        frames = given[1][0]
        return _in_turn(frames, extra=1)(given, queries, keys)

    yield Layer(name, module, read)


def _find_nonlocal(name: str, module: Any) -> Iterator[Layer]:
    """A softmax alone shares something out; products over their number may be below zero."""

    def read(given: tuple[Any, ...], queries: int, keys: int) -> Tokens:
        frames = given[1] if len(given) > 1 else given[0].shape[2]
        return _in_turn(frames)(given, queries, keys)

    pairwise = module.pairwise if hasattr(module, "pairwise") else module.attention.kind
    if pairwise not in ("dot", "dot-product"):
        yield Layer(name, module, read)


def _find_swin(name: str, module: Any) -> Iterator[Layer]:
    def read(given: tuple[Any, ...], queries: int, keys: int) -> Tokens:
        return lay_windows(tuple(given[0].shape[1:4]), module.window_size, module.shift_size)

    yield Layer(name, module, read)


def lay_windows(size: tuple[int, int, int], windows: list[int], shifts: list[int]) -> Tokens:
    """Video Swin's windows over a map of (T, H, W): moved ones hold parts that may not see each other.

    Args:
        size: frames, rows and columns.
        windows: a window's frames, rows and columns; no more than there are.
        shifts: by how much windows are moved; not at all where one window holds everything.
    """
    window = [min(one, whole) for one, whole in zip(windows, size, strict=True)]
    shift = [0 if whole <= one else by for one, whole, by in zip(windows, size, shifts, strict=True)]
    filled = [-(-whole // one) * one for one, whole in zip(window, size, strict=True)]
    frame = torch.full(filled, NOWHERE)
    frame[: size[0], : size[1], : size[2]] = torch.arange(size[0])[:, None, None]
    part = torch.zeros(filled, dtype=torch.long)
    cuts = [_cut(*sides) for sides in zip(filled, window, shift, strict=True)]
    for number, corner in enumerate(product(*cuts)):
        part[corner] = number
    lie = _split(frame.roll([-by for by in shift], (0, 1, 2)), window)
    parts = _split(part, window)
    allowed = parts[:, :, None] == parts[:, None] if any(shift) else None
    return Tokens(lie, lie, size[0], allowed)


def _cut(whole: int, window: int, shift: int) -> list[slice]:
    """An axis in parts: moved windows bring its end and its start together in the last window."""
    if not shift:
        return [slice(0, whole)]
    return [slice(0, whole - window), slice(whole - window, whole - shift), slice(whole - shift, whole)]


def _split(cells: Tensor, window: list[int]) -> Tensor:
    """(T, H, W) -> (windows, cells of a window)."""
    for axis, side in enumerate(window):
        cells = torch.unflatten(cells, 2 * axis, (-1, side))
    return cells.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(0, 2)


_HUGGING_FACE = "transformers.models"
_KINDS: Mapping[str, Callable[[str, Any], Iterator[Layer]]] = {
    f"{_HUGGING_FACE}.videomae.modeling_videomae.VideoMAESelfAttention": _find_videomae,
    f"{_HUGGING_FACE}.vivit.modeling_vivit.VivitAttention": _find_vivit,
    f"{_HUGGING_FACE}.vjepa2.modeling_vjepa2.VJEPA2RopeAttention": _find_vjepa2,
    f"{_HUGGING_FACE}.vjepa2.modeling_vjepa2.VJEPA2PoolerSelfAttention": _find_vjepa2,
    f"{_HUGGING_FACE}.timesformer.modeling_timesformer.TimesformerLayer": _find_timesformer,
    "torchvision.models.video.mvit.MultiscaleAttention": _find_mvit,
    "torchvision.models.video.swin_transformer.ShiftedWindowAttention3d": _find_swin,
    "gst_analysis.networks.systems.nonlocal2d.NonLocal": _find_nonlocal,
    "gst_analysis.networks.systems.resnet3d.NonLocal": _find_nonlocal,
}
