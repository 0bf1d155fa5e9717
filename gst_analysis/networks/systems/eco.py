"""ECO: BN-Inception over frames apart up to 28x28, then a 3-D ResNet over all; Full has a 2-D tail, too.

Enters (N, T, 3, H, W), leaves logits of the clip (N, K). Names are ECO-pytorch's: everything but the head
lies below `base_model`. In the 3-D part a block's sum is taken before its batch norm, and every convolution
has a bias. The official pooling has fixed sizes (7x7, T/4 frames); the mean here equals it at 224 pixels.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.network import check_clips
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.bn_inception import (
    FEATURES,
    MIXTURES,
    BNInception,
    Unit,
    build_head,
    name_officially,
    walk_units,
)
from gst_analysis.networks.systems.inception_anatomy import describe
from gst_analysis.networks.systems.matching import match, shape_of
from gst_analysis.networks.systems.recognised import Recognised

__all__ = ["build", "describe", "recognise"]

SHARED = ("3a", "3b")
"""Blocks that both parts read; of 3c the 3-D part reads the branch of two 3x3 before the last one."""
SOLID = (96, 128, 256, 512)
"""Channels that enter the 3-D part, and those of its three stages."""


class ECO(BNInception):
    """Frames to the features of a clip, (N*T, 3, H, W) -> (N, 512), or (N, 1024 + 512) with the 2-D tail."""

    def __init__(self, *, full: bool) -> None:
        super().__init__(walk_units() if full else _walk_lite())
        self.full = full
        for name, c_in, c_out, stride in _walk_solid():
            conv = nn.Conv3d(c_in, c_out, 3, stride, 1)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type] # a convolution with a bias
            self.add_module(name, conv)
        for stage, c_out in enumerate(SOLID[1:], 3):
            for norm in ("a_1_bn", "a_bn", "b_1_bn", "b_bn")[stage == 3 :]:
                self.add_module(f"res{stage}{norm}", nn.BatchNorm3d(c_out))
            self.add_module(f"res{stage}b_relu", nn.Identity())  # where a stage's output can be looked at
        self.drop_flat, self.drop_solid = nn.Dropout(0.5), nn.Dropout(0.3)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        x = self.embed(x, frames)
        for name in SHARED:
            x = self.mix(name, x, frames)  # (N*T, 320, H/8, W/8)
        double = self.start_double("3c", x, frames)  # (N*T, 96, H/8, W/8)
        cube = torch.unflatten(double, 0, (-1, frames)).transpose(1, 2)  # (N, 96, T, H/8, W/8)
        solid: Tensor = self.drop_solid(self.run_solid(cube).mean((2, 3, 4)))  # (N, 512)
        if not self.full:
            return solid
        x = self.join("3c", x, double, frames)
        for name in itertools.islice(MIXTURES, 3, None):
            x = self.mix(name, x, frames)
        flat = self.drop_flat(x.mean((2, 3)))  # (N*T, 1024)
        return torch.cat([torch.unflatten(flat, 0, (-1, frames)).mean(1), solid], 1)

    def run_solid(self, x: Tensor) -> Tensor:
        """(N, 96, T, H/8, W/8) -> (N, 512, T/4, H/32, W/32)."""
        total = self._run("res3a_2", x)
        for stage in (3, 4, 5):
            if stage > 3:
                branch = self._norm(f"res{stage}a_1_bn", self._run(f"res{stage}a_1", x))
                total = self._run(f"res{stage}a_2", branch) + self._run(f"res{stage}a_down", x)
            branch = self._norm(f"res{stage}a_bn", total)
            branch = self._norm(f"res{stage}b_1_bn", self._run(f"res{stage}b_1", branch))
            x = self._norm(f"res{stage}b_bn", self._run(f"res{stage}b_2", branch) + total)
            x = self._run(f"res{stage}b_relu", x)
        return x

    def _run(self, name: str, x: Tensor) -> Tensor:
        y: Tensor = self.get_submodule(name)(x)
        return y

    def _norm(self, name: str, x: Tensor) -> Tensor:
        return F.relu(self.get_submodule(name)(x), inplace=True)


def _walk_lite() -> Iterator[Unit]:
    """The 2-D convolutions that the 3-D part stands on."""
    last = ("inception_3c_double_3x3_reduce", "inception_3c_double_3x3_1")
    begin = tuple(f"inception_{name}_" for name in SHARED)
    return (unit for unit in walk_units() if unit.name.startswith(("conv", *begin)) or unit.name in last)


def _walk_solid() -> Iterator[tuple[str, int, int, int]]:
    """The 3x3x3 convolutions: name, channels in and out, stride of time, height and width alike."""
    entering, first, *later = SOLID
    yield from (("res3a_2", entering, first, 1), ("res3b_1", first, first, 1), ("res3b_2", first, first, 1))
    for stage, (c_in, c_out) in enumerate(itertools.pairwise((first, *later)), 4):
        yield f"res{stage}a_1", c_in, c_out, 2
        yield f"res{stage}a_2", c_out, c_out, 1
        yield f"res{stage}a_down", c_in, c_out, 2
        yield f"res{stage}b_1", c_out, c_out, 1
        yield f"res{stage}b_2", c_out, c_out, 1


class ClipHead(nn.Module):
    """A network from clips to features and a linear head."""

    def __init__(self, base_model: ECO, classes: int) -> None:
        super().__init__()
        self.base_model = base_model
        self.dropout = nn.Dropout(0.5)
        self.new_fc = build_head(SOLID[-1] + FEATURES * base_model.full, classes)

    def forward(self, clips: Tensor) -> Tensor:
        check_clips(clips)
        features = self.base_model(clips.flatten(0, 1), clips.shape[1])  # (N, F)
        logits: Tensor = self.new_fc(self.dropout(features))
        return logits


def build(spec: SystemSpec) -> nn.Module:
    """ECO Full or ECO Lite."""
    return ClipHead(ECO(full=spec.chosen["full"]), spec.num_classes)


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """ECO-pytorch's checkpoints; Full and Lite differ by the 2-D tail."""
    names = name_officially(state)
    head = shape_of(names, "new_fc.weight")
    if len(head) != 2 or "base_model.res3a_2.weight" not in names:
        return None
    system = "eco-full" if "base_model.inception_5b_1x1.weight" in names else "eco-lite"
    spec = SystemSpec.from_name(system, num_classes=head[0])
    notes = (f"networks for 4, 8 or 16 frames have one and the same weights: {spec.num_frames} assumed",)
    return match(spec, build, names, layout="ECO-pytorch", notes=notes)
