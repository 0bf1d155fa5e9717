"""The anatomy of a network that nobody described: found by running it, on shapes alone.

Enters a network (N, T, 3, H, W) -> (N, R, K); leaves its places and units. A copy without values (device
meta) is run for one clip, for two, and for one twice as long: an axis that doubles with the clips counts
clips, one that doubles with the frames counts time. Nothing is computed, so the size of the network does not
matter; where a module cannot be run without values, the network itself is run instead. What stays unclear is
named, not guessed.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gst_analysis.groups import Group
from gst_analysis.networks.anatomy import Anatomy, Axes, Place, Unit, View
from gst_analysis.networks.next_layer import NextLayer
from gst_analysis.networks.operators import KernelWeight
from gst_analysis.networks.readers import NormWatcher, Source, has_scales
from gst_analysis.networks.time_modules import list_left_out, list_own_units, list_time_kernels
from gst_analysis.networks.trial_runs import Lengths, Shape, run_lengths, untouched, watch_once
from gst_analysis.networks.viewing import pick_tensor

NOT_RUN = "the norm was not run on the clip that was tried"
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
_MOST_OF_IT = 0.5
"""A module that holds a larger part of all weights is no place along the way but the way itself."""


def probe_network(network: nn.Module, *, frames: int, size: int) -> Anatomy:
    """Find places and units of a network.

    Args:
        network: clips (N, T, 3, H, W) -> logits; it is left as it was found.
        frames: T of the clips that it takes.
        size: H and W.
    """
    inner = getattr(network, "inner", network)
    lengths = run_lengths(network, frames=frames, size=size)
    views, unsure = _read_views(network, lengths)
    places = tuple(_list_places(inner, views, lengths))
    watcher = NormWatcher(lengths.flow, dict(inner.named_modules()))
    own = [unit for place in places for unit in list_own_units(place, inner, place.name)]
    units = _join_units(places, own, tuple(_list_units(watcher, views, places)))
    unknown = (*unsure, *_say_unknown(places, units, lengths))
    readers = tuple(_list_readers(watcher, units))
    found = Anatomy(places, units, readers, unknown, lengths.longer is not None)
    return _with_kernels(found, inner, lengths)


def complete_anatomy(anatomy: Anatomy, network: nn.Module, *, frames: int, size: int) -> Anatomy:
    """The anatomy of a network that describes its places itself, with what reads its norms and its frames."""
    inner = getattr(network, "inner", network)
    lengths = run_lengths(network, frames=frames, size=size)
    if not anatomy.readers:
        watcher = NormWatcher(lengths.flow, dict(inner.named_modules()))
        anatomy = replace(anatomy, readers=tuple(_list_readers(watcher, anatomy.units)))
    return _with_kernels(anatomy, inner, lengths)


def _with_kernels(anatomy: Anatomy, inner: nn.Module, lengths: Lengths) -> Anatomy:
    longer = lengths.longer.shapes if lengths.longer else None
    once, frames = lengths.once.shapes, lengths.frames
    kernels = tuple(list_time_kernels(inner, anatomy, frames, once, longer))
    left_out = tuple(list_left_out(inner, frames, once, longer))
    return replace(anatomy, time_kernels=kernels, left_out=left_out)


def find_views(network: nn.Module, *, frames: int, size: int) -> dict[str, View]:
    """How the outputs of modules lie, by name: of those that are run and whose shapes tell."""
    return _read_views(network, run_lengths(network, frames=frames, size=size))[0]


def find_readers(
    network: nn.Module, units: Iterable[Unit], *, frames: int, size: int
) -> tuple[tuple[str, NextLayer | str], ...]:
    """For each norm, what reads it next, or why that cannot be told."""
    return tuple(_list_readers(_watch_norms(network, frames, size), units))


def look_around(network: nn.Module, units: Iterable[Unit], *, frames: int, size: int) -> tuple[Unit, ...]:
    """Units with the activation behind each norm, and what it adds to variances."""
    watcher = _watch_norms(network, frames, size)
    run = set(watcher.list_norms())
    return tuple(
        replace(unit, activation=watcher.find_activation(unit.layer), eps=watcher.eps_of(unit.layer))
        if unit.scaled and unit.layer in run
        else unit
        for unit in units
    )


def _watch_norms(network: nn.Module, frames: int, size: int) -> NormWatcher:
    inner = getattr(network, "inner", network)
    return NormWatcher(watch_once(network, frames=frames, size=size), dict(inner.named_modules()))


def _list_readers(watcher: NormWatcher, units: Iterable[Unit]) -> Iterator[tuple[str, NextLayer | str]]:
    run = set(watcher.list_norms())
    for norm in dict.fromkeys(unit.layer for unit in units if unit.scaled):
        yield norm, watcher.find_reader(norm) if norm in run else NOT_RUN


def _read_views(network: nn.Module, lengths: Lengths) -> tuple[dict[str, View], tuple[str, ...]]:
    """The views that shapes tell, and what they leave open."""
    views = {name: view for name in lengths.once.shapes if (view := infer_view(name, lengths))}
    return _settle_tokens(network, views, lengths)


def infer_view(name: str, lengths: Lengths) -> View | None:
    """How a module's output lies; None where its shapes do not tell."""
    one, two = lengths.once.shapes[name], lengths.twice.shapes.get(name, ())
    long = lengths.longer.shapes.get(name) if lengths.longer else None
    if len(one) not in (3, 4, 5) or len(two) != len(one) or two[0] != 2 * one[0] or two[1:] != one[1:]:
        return None
    grew = [axis for axis, (a, b) in enumerate(zip(one, long, strict=True)) if b != a] if long else []
    if long and len(grew) != 1:
        return None
    axis = grew[0] if grew else None
    part = lengths.once.parts.get(name, 0)
    if len(one) == 5:
        axes = _infer_five(one, axis, lengths.frames)
        return View(axes, part=part) if axes else None
    if len(one) == 4:
        folded = axis == 0 or (axis is None and one[0] == lengths.frames > 1)
        last = one[1] == one[2] != one[3]
        return View("(NT)HWC" if last else "(NT)CHW", part=part) if folded else None
    return _infer_three(name, one, long, axis, lengths)


def _infer_five(one: Shape, axis: int | None, frames: int) -> Axes | None:
    """Name five axes: the first counts clips; rows and columns are as many, since clips are square."""
    if one[0] != 1:
        return None
    if one[3] == one[4] and not (one[2] == one[3] and axis == 1):
        if axis is None:  # a network of one length: time is the axis that is no longer than the clip
            short = [place for place in (1, 2) if one[place] <= frames]
            axis = short[0] if len(short) == 1 else None
        return "NTCHW" if axis == 1 else "NCTHW" if axis == 2 else None
    return "NTHWC" if one[2] == one[3] and axis in (1, None) else None


def _infer_three(
    name: str, one: Shape, long: Shape | None, axis: int | None, lengths: Lengths
) -> View | None:
    """Tokens on a grid that an earlier module's output shows, or one vector a frame."""
    part = lengths.once.parts.get(name, 0)
    if one[0] == 1 and (axis == 1 or axis is None):
        for grid in _grids_before(name, lengths):
            tokens = grid[0] * grid[1] * grid[2]
            if 0 <= one[1] - tokens <= 2 and tokens > grid[0]:
                return View("N(THW)C", grid, one[1] - tokens, part)
    if axis == 1 and one[0] == 1 and one[1] <= lengths.frames:
        return View("NTC", part=part)
    if axis == 2 and one[0] == 1 and one[2] <= lengths.frames:
        return View("NCT", part=part)
    return None


class _SeenEnoughError(Exception):
    """Ends a run in which what was wanted has been seen."""


def _settle_tokens(
    network: nn.Module, views: dict[str, View], lengths: Lengths
) -> tuple[dict[str, View], tuple[str, ...]]:
    """Whether tokens go through time first or through rows and columns: by changing the clip's last frames.

    Where the first module with tokens has mixed them already, its order cannot be told, and none is read.
    """
    name = next((name for name, view in views.items() if view.axes == "N(THW)C"), None)
    if name is None:
        return views, ()
    grid, extra = views[name].grid, views[name].extra
    assert grid is not None  # tokens have one
    moved = _find_moved(network, name, views[name], lengths, lengths.frames // grid[0])[extra:]
    by_time, by_place = moved.reshape(grid), moved.reshape(grid[1], grid[2], grid[0]).movedim(2, 0)
    orders: tuple[tuple[Axes, Tensor], ...] = (("N(THW)C", by_time), ("N(HWT)C", by_place))
    for axes, order in orders:
        if order[-1].any() and not order[:-1].any():
            return {n: replace(v, axes=axes) if v.axes == "N(THW)C" else v for n, v in views.items()}, ()
    kept = {n: view for n, view in views.items() if view.axes != "N(THW)C"}
    return kept, (f"in which order {name} lists its tokens could not be told: name places with their views",)


def _draw_values(network: nn.Module) -> nn.Module:
    """A copy with random weights of a network without any: which token moves does not depend on them."""
    drawn = copy.deepcopy(network).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for tensor in drawn.state_dict().values():
        if tensor.is_floating_point():
            tensor.uniform_(0.01, 0.1, generator=generator)
    return drawn


def _find_moved(network: nn.Module, name: str, view: View, lengths: Lengths, last: int) -> Tensor:
    """(tokens,) which of them move when the clip's last frames change; run no farther than that module."""
    inner = getattr(network, "inner", network)
    some = next(iter([*inner.parameters(), *inner.buffers()]), torch.zeros(()))
    if some.is_meta:
        network = _draw_values(network)
        inner = getattr(network, "inner", network)
        some = torch.zeros(())
    generator = torch.Generator().manual_seed(0)
    clip = torch.rand(1, lengths.frames, 3, lengths.size, lengths.size, generator=generator)
    changed = clip.clone()
    changed[:, -last:] = 1 - changed[:, -last:]
    seen: list[Tensor] = []

    def hook(_: nn.Module, __: object, output: Any) -> None:
        seen.append(pick_tensor(output, view).detach().clone())
        raise _SeenEnoughError

    with untouched(network):
        handle = inner.get_submodule(name).register_forward_hook(hook)
        try:
            for pixels in (clip, changed):
                with suppress(_SeenEnoughError):
                    network(pixels.to(some))
        finally:
            handle.remove()
    return (seen[0] != seen[1])[0].any(-1).cpu()


def _grids_before(name: str, lengths: Lengths) -> list[tuple[int, int, int]]:
    """Frames, rows and columns of feature maps that were there before a module, the latest first."""
    grids = []
    for other, shape in lengths.once.shapes.items():
        if other == name:
            break
        if len(shape) == 5 and shape[3] == shape[4]:
            grids.append((shape[2], shape[3], shape[4]))
    return grids[::-1]


def _list_places(inner: nn.Module, views: dict[str, View], lengths: Lengths) -> Iterator[Place]:
    """The shallowest modules made of several others whose outputs can be read, in the order of the run."""
    names = list(dict.fromkeys(_descend(inner, "", views, _count(inner))))
    if not names:  # a flat network: its convolutions are all that lies along the way
        names = [name for name in views if isinstance(inner.get_submodule(name), _CONVOLUTIONS)]
    grids = {name: _grid(lengths.once.shapes[name], views[name]) for name in names}
    if any(grid[1] > 1 for grid in grids.values()):
        names = [name for name in names if grids[name][1] > 1]  # a head says where nothing is
    order = {name: place for place, name in enumerate(lengths.once.shapes)}
    stage, last = 0, None
    for name in sorted(names, key=order.__getitem__):
        grid = grids[name]
        stage += grid != last
        last = grid
        stride = lengths.size // grid[1] if grid[1] > 1 else None
        yield Place(name, stage, views[name], stride=stride)


def _descend(module: nn.Module, name: str, views: dict[str, View], total: int) -> Iterator[str]:
    for child_name, child in module.named_children():
        path = f"{name}.{child_name}" if name else child_name
        composite = any(True for _ in child.children())
        if not composite:
            continue
        below = list(_descend(child, path, views, total))
        container = type(child) in _CONTAINERS and any(
            any(True for _ in one.children()) for one in child.children()
        )
        whole = _count(child) > _MOST_OF_IT * total and len(below) > 1
        if path in views and _count(child) and not container and not whole:
            yield path
        else:
            yield from below


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _grid(shape: Shape, view: View) -> Shape:
    """Frames, rows and columns of a place's output."""
    if view.grid:
        return view.grid
    where = {
        "(NT)CHW": (0, 2, 3),
        "(NT)HWC": (0, 1, 2),
        "NCTHW": (2, 3, 4),
        "NTCHW": (1, 3, 4),
        "NTHWC": (1, 2, 3),
    }.get(view.axes)
    return tuple(shape[axis] for axis in where) if where else (shape[1], 1, 1)


def _list_units(watcher: NormWatcher, views: dict[str, View], places: tuple[Place, ...]) -> Iterator[Unit]:
    """Batch norms that were given what convolutions over space or time wrote, inside a place."""
    for norm in watcher.list_norms():
        place = next((one for one in places if norm.startswith(f"{one.name}.")), None)
        layer = watcher.modules[norm]
        if place is None or norm not in views or not has_scales(layer):
            continue
        assert isinstance(layer, _BatchNorm)  # what has scales
        activation, view = watcher.find_activation(norm), views[norm]
        for group, source in _group_sources(watcher, norm):
            channels, conv = source.channels, source.conv
            yield Unit(place.stage, place.name, norm, group, channels, conv, view, activation, eps=layer.eps)


def _group_sources(watcher: NormWatcher, norm: str) -> Iterator[tuple[Group, Source]]:
    """The convolutions that wrote a norm's channels, and whose channels those are.

    Beside one that sees space alone, one that sees space and time is the temporal one, as in GST.
    Neighbours of one group are one.
    """
    sources = watcher.list_sources(norm)
    groups = [group_of(watcher.modules[source.conv]) for source in sources]
    if "spatial" in groups:
        groups = ["temporal" if group == "all" else group for group in groups]
    for group, members in groupby(zip(groups, sources, strict=True), key=itemgetter(0)):
        first, *_, last = [source for _, source in members] * 2
        if group is not None:
            yield group, Source(first.conv, slice(first.channels.start, last.channels.stop))


def _join_units(places: Iterable[Place], own: list[Unit], norms: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Place by place, what modules say of themselves before the norms; these lie behind it in all of ours."""
    if all(unit.group != "temporal" for unit in own):
        norms = _tell_apart(norms)
    order = {place.name: number for number, place in enumerate(places)}
    return tuple(sorted([*own, *norms], key=lambda unit: order[unit.block]))


def _tell_apart(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
    """Units of one group where all are spatial: beside nothing else, that tells nothing apart."""
    if {unit.group for unit in units} == {"spatial"}:
        return tuple(replace(unit, group="all") for unit in units)
    return units


def group_of(conv: nn.Module) -> Group | None:
    """Whose channels a convolution writes, by its kernel's shape; None for one that mixes channels alone."""
    kernel: tuple[int, ...] = getattr(conv, "kernel_size", ())
    if isinstance(conv, KernelWeight):
        kernel = (conv.kernel.time, conv.kernel.space, conv.kernel.space)
    time, space = (kernel[0], max(kernel[1:])) if len(kernel) == 3 else (1, max(kernel, default=1))
    if time > 1 and space > 1:
        return "all"
    if time > 1:
        return "temporal"
    return "spatial" if space > 1 else None


def _say_unknown(places: tuple[Place, ...], units: tuple[Unit, ...], lengths: Lengths) -> Iterator[str]:
    if not places:
        yield "no module's output could be read as frames: name some with adopt(places=…)"
    if not units:
        yield "no batch norm follows a convolution over space or time, so no channels can be told apart"
    if lengths.longer is None:
        yield f"the network takes clips of {lengths.frames} frames alone"
