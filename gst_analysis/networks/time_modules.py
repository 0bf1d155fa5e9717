"""The kernels over time of a network that nobody described: which of its convolutions' taps lie on frames.

Enters a network and the shapes of its modules' outputs, for one clip and for one of twice the frames; leaves
its TimeKernels. The axis that grows with the clip is time, wherever a convolution has it. What a network of
ours does by other means than a convolution, its modules say themselves: `moved_channels` for a fixed shift,
`gate_kernels` for convolutions whose output weights features, `heard` for the part whose output is what each
clip makes anew, and for how many `channels`. `own_units` are groups of channels that leave it, or a part of
it, and that no norm behind it tells of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from torch import nn

from gst_analysis.groups import Group
from gst_analysis.networks.anatomy import Anatomy, Place, Unit, View
from gst_analysis.networks.time_kernels import ATTENTION, MovedChannels, TimeKernel, TimeKind

OwnUnit = tuple[str, Group, slice, View]
"""The part that they leave, empty for the module itself; whose channels, which, and how they lie."""
Shapes = Mapping[str, tuple[int, ...]]
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *_TRANSPOSED)
_POOLINGS = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
_RECURRENT = (nn.RNNBase, nn.RNNCellBase)
_POOLING, _RECURRENCE = "pooling over time", "recurrent"
_STRIDED, _COMPUTED = "transposed with a stride in time", "convolution whose weight is computed"


def list_time_kernels(
    inner: nn.Module, anatomy: Anatomy, frames: int, once: Shapes, longer: Shapes | None
) -> Iterator[TimeKernel]:
    """Every kernel over time, in the order in which modules are defined.

    Args:
        inner: the network as its owner wrote it.
        anatomy: its places and units.
        frames: of one clip.
        once: shapes of outputs for one clip.
        longer: for one of twice the frames; None where the network takes no other length.
    """
    gates = {
        f"{name}.{part}" if name else part
        for name, module in inner.named_modules()
        for part in getattr(module, "gate_kernels", ())
    }
    scaled = {unit.conv: unit.group for unit in anatomy.units if unit.group != "spatial"}
    stage = anatomy.places[0].stage if anatomy.places else 0
    for name, module in inner.named_modules():
        place, stage = find_place(name, anatomy, stage)
        where = place or name, stage
        yield from _list_own(name, module, where)
        if isinstance(module, _CONVOLUTIONS):
            axis = find_axis(module, frames, once.get(name), (longer or {}).get(name))
            if axis is not None and not why_not_read(module, axis):
                kind: TimeKind = "gate" if name in gates else "kernel"
                found = _describe(name, module, where, axis, kind)
                # A norm behind it may know whose channels these are, such as a pathway's.
                yield replace(found, group=scaled.get(name, found.group))


def list_left_out(
    inner: nn.Module, frames: int, once: Shapes, longer: Shapes | None
) -> Iterator[tuple[str, str]]:
    """Names of what reaches over frames, or may, and is none of the kernels, and what each is.

    Arguments are those of `list_time_kernels`.
    """
    attention = ""
    for name, module in inner.named_modules():
        if attention and name.startswith(attention):
            continue  # what holds attention and what lies in it are one
        if isinstance(module, _RECURRENT):
            yield name, _RECURRENCE
        elif name and "attention" in type(module).__name__.lower():
            attention = f"{name}."
            yield name, ATTENTION
        elif isinstance(module, (*_POOLINGS, *_CONVOLUTIONS)):
            found = once.get(name), (longer or {}).get(name)
            # A transposed convolution with a stride adds frames, more than a clip has.
            most = frames * max(_parts(module, "stride", (1,)))
            axis = find_axis(module, most, *found)
            why = why_not_read(module, axis) if axis is not None else ""
            if why:
                yield name, why


def why_not_read(module: nn.Module, axis: int) -> str:
    """Why a window along an axis is not taken for a kernel; empty where it is."""
    if isinstance(module, _POOLINGS):
        return _POOLING
    if "weight" not in module._parameters:
        return _COMPUTED
    strided = isinstance(module, _TRANSPOSED) and module.stride[axis - 2] > 1
    return _STRIDED if strided else ""  # each frame that it makes reads some of its taps


def list_own_units(place: Place, inner: nn.Module, name: str) -> Iterator[Unit]:
    """What a module and all inside it say of their channels; no γ belongs to these.

    Args:
        place: in which they lie, or which reads them.
        inner: the network as its owner wrote it.
        name: of the module.
    """
    for below, module in inner.get_submodule(name).named_modules():
        own: tuple[OwnUnit, ...] = getattr(module, "own_units", ())
        for part, group, channels, view in own:
            layer = ".".join(filter(None, (name, below, part)))
            yield Unit(place.stage, place.name, layer, group, channels, "", view, "none", scaled=False)


def find_place(name: str, anatomy: Anatomy, stage: int) -> tuple[str, int]:
    """The place that a module lies in, or whose unit reads it, and its stage; else the stage before it."""
    for one in anatomy.places:
        if f"{name}.".startswith(f"{one.name}."):
            return one.name, one.stage
    for unit in anatomy.units:
        if unit.conv and f"{name}.".startswith(f"{unit.conv}."):
            return unit.block, unit.stage
    return "", stage


def _list_own(name: str, module: nn.Module, where: tuple[str, int]) -> Iterator[TimeKernel]:
    """What a module says of itself."""
    moved: MovedChannels | None = getattr(module, "moved_channels", None)
    if moved is not None:
        yield TimeKernel(name, *where, "temporal", "shift", moved=moved)
    part, kind = getattr(module, "heard", ("", None))
    if kind is not None:
        made = MovedChannels(int(getattr(module, "channels")), 0, 0)  # noqa: B009 # no torch module is known to have it
        yield TimeKernel(f"{name}.{part}", *where, "temporal", kind, moved=made)


def _describe(name: str, module: nn.Module, where: tuple[str, int], axis: int, kind: TimeKind) -> TimeKernel:
    assert isinstance(module, _CONVOLUTIONS)
    others = [size for place, size in enumerate(module.kernel_size, start=2) if place != axis]
    flat = all(size == 1 for size in others)
    group: Group = "temporal" if flat else "all"
    alone = module.groups == module.in_channels == module.out_channels > 1
    if kind == "kernel" and flat and alone:
        kind = "by channel"
    turned = module.groups if isinstance(module, _TRANSPOSED) else 0
    weight = f"{name}.weight"
    return TimeKernel(name, *where, group, kind, weight, axis, module.dilation[axis - 2], turned=turned)


def find_axis(
    module: nn.Module, frames: int, once: tuple[int, ...] | None, longer: tuple[int, ...] | None
) -> int | None:
    """The axis of a convolution's weight whose taps lie on several frames; None if there is none.

    Args:
        module: any convolution or pooling with a window.
        frames: of one clip.
        once: its output's shape for one clip; None where its weight is read, but it is not run by itself.
        longer: for a clip of twice the frames, if there is one.
    """
    wide = isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.MaxPool2d, nn.AvgPool2d))
    axis: int | None = 0 if wide else 2
    if once is not None and longer is not None:
        grew = [place for place, (a, b) in enumerate(zip(once, longer, strict=True)) if a != b]
        axis = grew[0] if len(grew) == 1 else None if grew else axis
    if axis is None or axis < 2 or _part(module, "kernel_size", axis) == 1:
        return None
    return axis if once is None or _holds_frames(module, frames, axis, once, longer) else None


def _holds_frames(
    module: nn.Module, frames: int, axis: int, once: tuple[int, ...], longer: tuple[int, ...] | None
) -> bool:
    """Whether an output is no longer than frames can be: tokens stand in a row, too.

    A kernel that looks back alone is padded at both ends and cut afterwards, so that its output is longer
    than the clip by what it reaches; but a clip of twice the frames adds no more than these to it.
    """
    reach = _part(module, "dilation", axis) * (_part(module, "kernel_size", axis) - 1)
    added = 0 if longer is None else longer[axis] - once[axis]
    return once[axis] <= max(frames, 2) + reach and added <= max(frames, 2)


def _part(module: nn.Module, name: str, axis: int) -> int:
    """A window's size, stride or dilation along an axis; poolings write one number for all."""
    told = _parts(module, name, (1,))
    return told[axis - 2] if len(told) > 1 else told[0]


def _parts(module: nn.Module, name: str, missing: tuple[int, ...]) -> tuple[int, ...]:
    told: int | tuple[int, ...] = getattr(module, name, missing)
    return (told,) if isinstance(told, int) else tuple(told)
