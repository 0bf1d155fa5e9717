"""SlowFast: a wide pathway that sees few frames, and a narrow one that sees all.

Names are PySlowFast's; MMAction2's and PyTorchVideo's are renamed. The module takes every frame of the fast
pathway and picks the slow ones itself. Its groups of channels are those of its pathways, and the lateral ones
by which the fast pathway tells the slow one what it saw.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.groups import Group
from gst_analysis.networks.anatomy import Anatomy, Place, Unit
from gst_analysis.networks.probing import probe_network
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.matching import match, shape_of
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.systems.resnet3d import (
    DEPTHS,
    Block,
    Head,
    Pathway,
    Stem,
    build_stage,
    initialise,
    read_layout,
    run_pathway,
)

SLOW_WIDTH, FAST_WIDTH = 64, 8
SLOW_TIMES, FAST_TIMES = (1, 1, 3, 3), (3, 3, 3, 3)
"""Kernel sizes in time of the four stages: the slow pathway looks along time only in the last two."""


class Fuse(nn.Module):
    """The lateral connection: a convolution along time whose stride brings fast frames to the slow rate."""

    def __init__(self, width: int, *, alpha: int, time: int, norm: bool) -> None:
        super().__init__()
        self.conv_f2s = nn.Conv3d(
            width, 2 * width, (time, 1, 1), (alpha, 1, 1), (time // 2, 0, 0), bias=False
        )
        # MMAction2's lateral connections are the convolution alone
        self.bn = nn.BatchNorm3d(2 * width) if norm else None

    def forward(self, slow: Tensor, fast: Tensor) -> Tensor:
        lateral = self.conv_f2s(fast)  # (N, 2 width, T / alpha, H, W)
        if self.bn is not None:
            lateral = F.relu(self.bn(lateral))
        return torch.cat([slow, lateral], 1)  # (N, slow + 2 width, T / alpha, H, W)


class SlowFast(nn.Module):
    """(N, T, 3, H, W) to (N, K); T is a multiple of alpha, the number of fast frames to a slow one."""

    def __init__(
        self, classes: int, *, alpha: int, lateral_time: int, lateral_norm: bool, slow_frames: str
    ) -> None:
        super().__init__()
        self.alpha, self.slow_frames = alpha, slow_frames
        self.s1 = nn.ModuleDict({"pathway0_stem": Stem(SLOW_WIDTH, 1), "pathway1_stem": Stem(FAST_WIDTH, 5)})
        slow, fast = SLOW_WIDTH, FAST_WIDTH
        for i, depth in enumerate(DEPTHS):
            fuse = Fuse(fast, alpha=alpha, time=lateral_time, norm=lateral_norm)
            self.add_module(f"s{i + 1}_fuse", fuse)
            stride = 1 if i == 0 else 2
            pathways = (
                Pathway(slow + 2 * fast, SLOW_WIDTH << i, (SLOW_TIMES[i],) * depth, stride),
                Pathway(fast, FAST_WIDTH << i, (FAST_TIMES[i],) * depth, stride),
            )
            self.add_module(f"s{i + 2}", build_stage(pathways))
            slow, fast = (SLOW_WIDTH << i) * 4, (FAST_WIDTH << i) * 4
        self.head = Head(slow + fast, classes)
        initialise(self)

    def forward(self, clips: Tensor) -> Tensor:
        fast = clips.transpose(1, 2)  # (N, 3, T, H, W)
        slow = fast[
            :, :, slow_positions(fast.shape[2], self.alpha, self.slow_frames)
        ]  # (N, 3, T / alpha, H, W)
        slow, fast = self.s1["pathway0_stem"](slow), self.s1["pathway1_stem"](fast)
        for i in range(len(DEPTHS)):
            slow = self.get_submodule(f"s{i + 1}_fuse")(slow, fast)
            stage = getattr(self, f"s{i + 2}")
            slow, fast = run_pathway(stage, 0, slow), run_pathway(stage, 1, fast)
        logits: Tensor = self.head(slow, fast)
        return logits


def slow_positions(frames: int, alpha: int, way: str) -> list[int]:
    """Which frames the slow pathway sees: `linspace` from the first to the last, or `every` alpha-th."""
    if way == "every":
        return list(range(0, frames - alpha + 1, alpha))
    # on the CPU whatever device the clips are on, so that rounding down is the same everywhere
    spaced: list[int] = torch.linspace(0, frames - 1, frames // alpha, device="cpu").long().tolist()
    return spaced


def build(spec: SystemSpec) -> nn.Module:
    """SlowFast R50 as the spec says."""
    return SlowFast(spec.num_classes, **spec.chosen)


def describe(spec: SystemSpec, network: nn.Module) -> Anatomy:
    """What probing finds, with pathways for groups; the end of each stage is a unit for each of them."""
    probed = probe_network(network, frames=spec.num_frames, size=spec.record.size)
    seen = tuple(slow_positions(spec.num_frames, spec.chosen["alpha"], spec.chosen["slow_frames"]))
    places = tuple(
        replace(place, stage=int(place.name[1]) - 1, frames=seen if "pathway0" in place.name else ())
        for place in probed.places
    )
    units = tuple(unit for place in places for unit in _list_units(place, probed, network))
    return Anatomy(places, units, probed.readers, probed.unknown, any_length=False)


def _list_units(place: Place, probed: Anatomy, network: nn.Module) -> Iterator[Unit]:
    """The norms of a place; where a stage ends, all that its pathway hands on, which no γ scales alone."""
    for unit in probed.units_of(place.name):
        yield replace(unit, stage=place.stage, group=_group_of(place.name))
    module = network.get_submodule(place.name)
    if isinstance(module, Stem):
        yield _build_unit(place, place.name, module.conv.out_channels)
    elif isinstance(module, Block) and place.name.endswith(f"res{DEPTHS[place.stage - 1] - 1}"):
        yield _build_unit(place, place.name, module.branch2.c.out_channels)
    elif isinstance(module, Fuse) and module.bn is None:
        yield _build_unit(place, f"{place.name}.conv_f2s", module.conv_f2s.out_channels)


def _build_unit(place: Place, layer: str, width: int) -> Unit:
    where = (place.stage, place.name, layer, _group_of(place.name))
    return Unit(*where, slice(0, width), "", place.view, "none", scaled=False)


def _group_of(name: str) -> Group:
    if "_fuse" in name:
        return "lateral"
    return "slow" if "pathway0" in name else "fast"


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Whose SlowFast R50 this is: PySlowFast's, MMAction2's or PyTorchVideo's."""
    read = read_layout(state)
    if read is None or "s1_fuse.conv_f2s.weight" not in read[1]:
        return None
    layout, weights = read
    head, lateral = shape_of(weights, "head.projection.weight"), shape_of(weights, "s1_fuse.conv_f2s.weight")
    name = {7: "slowfast-r50-8x8", 5: "slowfast-r50-4x16"}.get(lateral[2] if len(lateral) == 5 else 0)
    if name is None or len(head) != 2:
        return None
    different: dict[str, Any] = {} if "s1_fuse.bn.weight" in weights else {"lateral_norm": False}
    notes = [
        f"lateral kernels of {lateral[2]} frames: taken for {name.split('-')[-1]} (no weight shows alpha)"
    ]
    if layout == "MMAction2":
        weights = {**weights, "head.projection.weight": _slow_first(weights["head.projection.weight"])}
        different["slow_frames"] = "every"
        notes.append("MMAction2 normalises by ImageNet's mean and standard deviation")
    spec = SystemSpec.from_name(name, num_classes=head[0], **different)
    return match(spec, build, weights, layout=layout, notes=tuple(notes))


def _slow_first(projection: Tensor) -> Tensor:
    """MMAction2's head puts the fast pathway's 256 features before the slow one's."""
    fast = FAST_WIDTH * 32
    return torch.cat([projection[:, fast:], projection[:, :fast]], 1)
