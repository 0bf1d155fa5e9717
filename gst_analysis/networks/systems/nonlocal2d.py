"""Non-local blocks in a 2-D ResNet-50, with TSM's shift or without.

A non-local block lets every place of every frame read all places of all frames; it stands behind five
residual blocks. The TSM repository wraps such a block, `layer2.0.block` beside `layer2.0.nl`, and a shifted
convolution, `conv1.net`. Its 1x1x1 convolutions are 1x1 ones over frames here: weights lose an axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from gst_analysis.networks.anatomy import NO_SHIFT_SCALES, Anatomy, Unit, list_shifted
from gst_analysis.networks.backbones import Block
from gst_analysis.networks.operators import Shift
from gst_analysis.networks.probing import probe_network
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.frame_resnet import (
    Bottleneck,
    FrameResNet,
    ReachingBottleneck,
    count_classes,
    initialise,
    unfold,
    unwrap_names,
)
from gst_analysis.networks.systems.matching import Rule, rename
from gst_analysis.networks.systems.recognised import FRAMES_UNSEEN, Recognised
from gst_analysis.networks.time_kernels import MovedChannels

PLACES = ("layer2.0", "layer2.2", "layer3.0", "layer3.2", "layer3.4")
SHARE = 8


class NonLocal(nn.Module):
    """What each place reads from all places of the clip, weighted by how alike they are.

    Args:
        width: channels; half of them inside.
        pairwise: how alike two places are. "embedded": a softmax of products after 1x1 convolutions; "dot":
            those products over their number; "gaussian": a softmax of products of what enters.
        subsample: whether places that are read are pooled 2x2 first.
        bias: whether the last convolution has one.
    """

    def __init__(self, width: int, *, pairwise: str, subsample: bool, bias: bool) -> None:
        super().__init__()
        self.pairwise = pairwise
        inner = width // 2
        self.g = _read(width, inner, subsample=subsample)
        if pairwise != "gaussian":
            self.theta = nn.Conv2d(width, inner, 1)
            self.phi = _read(width, inner, subsample=subsample)
        self.pool = nn.MaxPool2d(2) if subsample else nn.Identity()
        self.W = nn.Sequential(nn.Conv2d(inner, width, 1, bias=bias), nn.BatchNorm2d(width))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        embedded = self.pairwise != "gaussian"
        queries = _places(self.theta(x) if embedded else x, frames)  # (N, T*H*W, C')
        keys = _places(self.phi(x) if embedded else self.pool(x), frames)  # (N, T*h*w, C'), pooled
        values = _places(self.g(x), frames)  # (N, T*h*w, C/2)
        alike = queries @ keys.mT  # (N, T*H*W, T*h*w)
        # No scale by the root of the width: neither TSM's code nor MMAction2's configurations have one.
        alike = alike / alike.shape[-1] if self.pairwise == "dot" else alike.softmax(-1)
        seen = alike @ values  # (N, T*H*W, C/2)
        height, width = x.shape[2:]
        seen = torch.unflatten(seen, 1, (frames, height, width)).flatten(0, 1)  # (N*T, H, W, C/2)
        y: Tensor = x + self.W(seen.permute(0, 3, 1, 2))
        return y


class WithNonLocal(nn.Module):
    """A residual block, then a non-local one."""

    def __init__(self, block: nn.Module, nl: NonLocal) -> None:
        super().__init__()
        self.block = block
        self.nl = nl

    def forward(self, x: Tensor, frames: int) -> Tensor:
        y: Tensor = self.nl(self.block(x, frames), frames)
        return y


class Shifted(nn.Module):
    """TSM's shift before a convolution."""

    def __init__(self, net: nn.Conv2d) -> None:
        super().__init__()
        self.net = net
        self.shift = Shift(SHARE)

    @property
    def moved_channels(self) -> MovedChannels:
        fold = self.net.in_channels // SHARE
        return MovedChannels(self.net.in_channels, fold, fold)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        y: Tensor = self.net(self.shift(x, frames))
        return y


def build(spec: SystemSpec) -> nn.Module:
    """Build the network: (N, T, 3, H, W) -> (N, T, K)."""
    chosen = spec.chosen

    def build_block(block: Block) -> nn.Module:
        made = ReachingBottleneck(block, Shifted) if chosen["shift"] else Bottleneck(block)
        if block.name not in PLACES:
            return made
        kind = {name: chosen[name] for name in ("pairwise", "subsample", "bias")}
        return WithNonLocal(made, NonLocal(block.c_out, **kind))

    network = FrameResNet(spec, build_block)
    initialise(network)
    for module in network.modules():
        if isinstance(module, NonLocal):
            nn.init.zeros_(module.get_parameter("W.1.weight"))  # training starts from the plain network
    return network


def describe(spec: SystemSpec, network: nn.Module) -> Anatomy:
    """What probing finds, and the channels that each block's first convolution is given shifted."""
    probed = probe_network(network, frames=spec.num_frames, size=spec.record.size)
    units: list[Unit] = []
    for place in probed.places:
        for name, module in network.get_submodule(place.name).named_modules():
            if isinstance(module, Shifted):
                layer, width = f"{place.name}.{name}.shift", module.net.in_channels
                units += list_shifted(place.stage, place.name, layer, width, SHARE)
        units += probed.units_of(place.name)
    shifts = (NO_SHIFT_SCALES,) if spec.chosen["shift"] else ()
    return replace(probed, units=tuple(units), unknown=(*probed.unknown, *shifts))


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Non-local blocks of TSM's code (`nl`) or of MMAction2 (`non_local_block`) in a 2-D ResNet-50."""
    if not any(".nl." in name or ".non_local_block." in name for name in state):
        return None
    renamed, theirs = unwrap_names(state)
    own = {name: _flatten_time(name, tensor) for name, tensor in rename(renamed, _NAMES).items()}
    classes = count_classes(own, "conv3", "block.conv3")
    places = {name.split(".nl.")[0] for name in own if ".nl." in name}
    if classes is None or places != set(PLACES) or own["conv1.weight"].ndim != 4:
        return None
    found = {
        "pairwise": "embedded" if f"{PLACES[0]}.nl.theta.weight" in own else "gaussian",
        "subsample": f"{PLACES[0]}.nl.g.0.weight" in own,
        "bias": f"{PLACES[0]}.nl.W.0.bias" in own,
    }
    shift = any(".net." in name for name in own)
    usual = {"pairwise": "embedded", "subsample": True, "bias": True}
    differs = {name: value for name, value in found.items() if value != usual[name]}
    name = "tsm-nl-r50" if shift else "c2d-nl-r50"
    spec = SystemSpec.from_name(name, num_classes=classes, **differs)
    return Recognised(spec, "MMAction2" if theirs else "TSM", own, _say_assumed(found, theirs=theirs))


def _read(width: int, inner: int, *, subsample: bool) -> nn.Module:
    convolution = nn.Conv2d(width, inner, 1)
    return nn.Sequential(convolution, nn.MaxPool2d(2)) if subsample else convolution


def _places(x: Tensor, frames: int) -> Tensor:
    """(N*T, C, H, W) -> (N, T*H*W, C)."""
    return unfold(x.permute(0, 2, 3, 1).flatten(1, 2), frames).flatten(1, 2)


_NAMES: tuple[Rule, ...] = (
    (r"\.non_local_block\.", ".nl."),
    (r"\.nl\.conv_out\.conv\.", ".nl.W.0."),
    (r"\.nl\.conv_out\.bn\.", ".nl.W.1."),
    (r"(\.nl\.(?:g|phi|theta)(?:\.0)?)\.conv\.", r"\1."),
)


def _flatten_time(name: str, tensor: Tensor) -> Tensor:
    once = tensor.ndim == 5 and tensor.shape[2] == 1 and ".nl." in name
    return tensor.squeeze(2) if once else tensor


def _say_assumed(found: Mapping[str, object], *, theirs: bool) -> tuple[str, ...]:
    notes = [f"{FRAMES_UNSEEN}assumed 8 (say it with frames: --frames)"]
    if theirs and found["pairwise"] == "embedded":
        notes.append("embedded Gaussian and dot product have the same weights: assumed embedded Gaussian")
    if theirs:
        notes.append("MMAction2 trains such networks on a frame of each segment, the TSM repository densely")
    return tuple(notes)
