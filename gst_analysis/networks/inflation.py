"""2-D weights -> a video network: every kernel takes the slice of the 2-D kernel that fits.

Enters a network and a canonical c2d state dict of the same backbone and width; the network is filled in
place. Kernels within the frame take the rows and columns they stand for. Kernels over time start random,
or *centred*: the middle frame gets the 2-D weights, its neighbours zero. Batch norms are inherited whole,
also where a temporal channel thereby starts with the scale of an unrelated 2-D filter; which ones were is
returned, to be remembered in the checkpoint's provenance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gst_analysis.errors import SpecError, name_some
from gst_analysis.networks.backbones import Site
from gst_analysis.networks.families import Kernel
from gst_analysis.networks.network import VideoNetwork

STEM = "conv1.weight"
TemporalStart = Literal["random", "centred"]


@dataclass(frozen=True)
class Inherited:
    """What a network took from 2-D weights."""

    norms: dict[str, list[int]]
    """Batch norms that were inherited, with the range of channels [start, stop)."""
    kernels: list[str]
    """Operator kernels that took a slice of a 2-D kernel."""
    random: list[str]
    """Operator kernels that stayed random."""


@torch.no_grad()
def inflate(
    network: VideoNetwork, flat: Mapping[str, Tensor], *, temporal: TemporalStart = "random"
) -> Inherited:
    """Fill a network from 2-D weights; the head is taken only if it has the same classes."""
    if temporal not in ("random", "centred"):
        raise SpecError(
            "temporal start", expected="random or centred", found=repr(temporal), todo="choose one of the two"
        )
    own = network.state_dict()
    _refuse_width(flat, own)
    kernels, random = _inflate_operators(network, flat, own, temporal)
    operators = {*kernels, *random}
    # P3D's norm between its two kernels has no counterpart in a 2-D network.
    plain = [name for name in own if name not in operators and ".norm." not in name]
    _copy_plain(plain, flat, own)
    norms = {
        name.removesuffix(".running_mean"): [0, len(own[name])]
        for name in plain
        if name.endswith(".running_mean")
    }
    return Inherited(norms, kernels, random)


def _refuse_width(flat: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Say so where the width alone makes weights unfit: a backbone of another width has the same names."""
    wide, wanted = (len(state[STEM]) if STEM in state else 0 for state in (flat, own))
    if not wide or not wanted or wide == wanted:
        return
    raise SpecError(
        "2-D weights",
        expected=f"a stem of {wanted} channels, as the network that they are to fill has",
        found=f"one of {wide}",
        todo=f"build it with width {wide} (model.width={wide} in a recipe), or take other weights",
    )


def _copy_plain(names: list[str], flat: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """Tensors that a 2-D network has too."""
    head = [name for name in names if name.startswith("fc.")]
    # A count of the batches that a norm has seen: of the 2-D training, and absent before PyTorch 0.4.1.
    optional = [name for name in names if name.endswith("num_batches_tracked")]
    same_head = all(name in flat and flat[name].shape == own[name].shape for name in head)
    wanted = [name for name in names if name not in optional and (same_head or name not in head)]
    if STEM in flat and STEM in own and flat[STEM].shape[1] == 3 != own[STEM].shape[1]:
        # Flow has no colours: every channel starts with their mean, as TSN has it.
        mean = flat[STEM].mean(1, keepdim=True)
        flat = {**flat, STEM: mean.repeat(1, own[STEM].shape[1], 1, 1)}
    odd = [name for name in wanted if name not in flat or flat[name].shape != own[name].shape]
    if odd:
        raise SpecError(
            "2-D weights",
            expected="the same backbone and width",
            found=f"no fitting {name_some(odd)}",
            todo="take the 2-D network of this backbone",
        )
    for name in wanted:
        own[name].copy_(flat[name])


def _inflate_operators(
    network: VideoNetwork, flat: Mapping[str, Tensor], own: Mapping[str, Tensor], temporal: TemporalStart
) -> tuple[list[str], list[str]]:
    taken: list[str] = []
    random: list[str] = []
    for block in network.spec.blocks():
        for site in block.sites:
            conv = f"{block.name}.{site.conv}"
            source = flat.get(f"{conv}.spatial.weight")
            if source is None or source.shape != _flat_shape(site):
                found = "none" if source is None else str(tuple(source.shape))
                raise SpecError(
                    "2-D weights",
                    expected=f"{conv} of shape {_flat_shape(site)}",
                    found=found,
                    todo="take the 2-D network of this backbone",
                )
            for kernel in network.spec.kernels(site):
                name = f"{conv}.{kernel.name}.weight"
                if kernel.time > 1 and temporal == "random":
                    random.append(name)
                    continue
                own[name].copy_(_slice(network, site, kernel, source))
                taken.append(name)
    return taken, random


def _flat_shape(site: Site) -> tuple[int, ...]:
    return (site.c_out, 1 if site.depthwise else site.c_in, 3, 3)


def _slice(network: VideoNetwork, site: Site, kernel: Kernel, source: Tensor) -> Tensor:
    """The part of a 2-D kernel that a kernel stands for, placed in its middle frame."""
    arrangement = "concatenate" if site.depthwise else network.spec.operator.arrangement
    if arrangement == "cascade" and kernel.time > 1:
        part = torch.eye(kernel.filters)[:, :, None, None]  # after a whole 2-D convolution: pass it on
    elif arrangement == "interleave":
        part = _interleaved_part(kernel, source)
    else:
        part = _concatenated_part(kernel, site, source)
    if kernel.space == 1 and part.shape[-1] == 3:
        part = part.sum((2, 3), keepdim=True)  # the same answer to a flat image
    if kernel.time == 1:
        return part
    inflated = torch.zeros(kernel.shape)
    inflated[:, :, kernel.time // 2] = part
    return inflated


def _concatenated_part(kernel: Kernel, site: Site, source: Tensor) -> Tensor:
    """Rows: spatial kernels come first, temporal ones last. Columns: the channels that are read."""
    rows = slice(0, kernel.filters) if kernel.group == "spatial" else slice(site.c_out - kernel.filters, None)
    if site.depthwise or kernel.groups > 1:
        return _grouped_columns(kernel, source[rows]) if not site.depthwise else source[rows]
    return source[rows, kernel.start : kernel.start + kernel.channels]


def _grouped_columns(kernel: Kernel, source: Tensor) -> Tensor:
    """A grouped kernel's filters read only their own group's columns."""
    per_group = kernel.filters // kernel.groups
    parts = [
        source[g * per_group : (g + 1) * per_group, g * kernel.channels : (g + 1) * kernel.channels]
        for g in range(kernel.groups)
    ]
    return torch.cat(parts)


def _interleaved_part(kernel: Kernel, source: Tensor) -> Tensor:
    """Filter o reads group o mod G through time and the other groups within the frame."""
    c_in = source.shape[1]
    width = kernel.channels if kernel.time > 1 else c_in - kernel.channels
    rows = []
    for o, row in enumerate(source):
        start = o % (c_in // width) * width
        own, rest = row[start : start + width], torch.cat([row[:start], row[start + width :]])
        rows.append(own if kernel.time > 1 else rest)
    return torch.stack(rows)
