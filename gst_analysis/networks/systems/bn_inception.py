"""BN-Inception over single frames: what TSN, TRN, ECO, GSM and GSF stand on.

Enters (N*T, 3, H, W): blue, green, red from 0 to 255 less their means, as the Caffe weights expect it; leaves
a feature of every frame. Layers bear the names of the Caffe network, which those systems keep below
`base_model`; every convolution has a bias, a batch norm and a ReLU behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.flow import count_fields
from gst_analysis.networks.systems.matching import shape_of, unwrap

FEATURES = 1024


class Unit(NamedTuple):
    """A convolution, its batch norm and ReLU; the name is the convolution's, its norm's ends in _bn."""

    name: str
    c_in: int
    c_out: int
    kernel: int = 1
    stride: int = 1


class Mixture(NamedTuple):
    """An Inception block: four branches side by side. Without the 1x1 branch it halves height and width."""

    c_in: int
    one: int
    three: tuple[int, int]
    """A 1x1 and a 3x3."""
    double: tuple[int, int]
    """A 1x1 and two 3x3 of one width."""
    pool: int
    """The 1x1 behind the pooling; 0: what was pooled goes on as it is."""

    @property
    def stride(self) -> int:
        return 1 if self.one else 2

    @property
    def c_out(self) -> int:
        return self.one + self.three[1] + self.double[1] + (self.pool or self.c_in)


MIXTURES = {
    "3a": Mixture(192, 64, (64, 64), (64, 96), 32),
    "3b": Mixture(256, 64, (64, 96), (64, 96), 64),
    "3c": Mixture(320, 0, (128, 160), (64, 96), 0),
    "4a": Mixture(576, 224, (64, 96), (96, 128), 128),
    "4b": Mixture(576, 192, (96, 128), (96, 128), 128),
    "4c": Mixture(576, 160, (128, 160), (128, 160), 128),
    "4d": Mixture(608, 96, (128, 192), (160, 192), 128),
    "4e": Mixture(608, 0, (128, 192), (192, 256), 0),
    "5a": Mixture(1056, 352, (192, 320), (160, 224), 128),
    "5b": Mixture(1024, 352, (192, 320), (192, 224), 128),
}

STEM = (
    Unit("conv1_7x7_s2", 3, 64, 7, 2),
    Unit("conv2_3x3_reduce", 64, 64),
    Unit("conv2_3x3", 64, 192, 3),
)  # pooling stands behind the first and the last


def walk_units(names: Mapping[str, Mixture] = MIXTURES, *, flow: int = 0) -> Iterator[Unit]:
    """Every convolution of the stem and of the named blocks, from input to output.

    Args:
        names: the blocks.
        flow: fields of optical flow that the stem reads; 0 for colours.
    """
    first, *others = STEM
    yield first._replace(c_in=2 * flow or first.c_in)
    yield from others
    for name, mixture in names.items():
        yield from walk_mixture(name, mixture)


def walk_mixture(name: str, mixture: Mixture) -> Iterator[Unit]:
    """The convolutions of one block, branch by branch."""
    c_in, prefix = mixture.c_in, f"inception_{name}_"
    if mixture.one:
        yield Unit(prefix + "1x1", c_in, mixture.one)
    yield Unit(prefix + "3x3_reduce", c_in, mixture.three[0])
    yield Unit(prefix + "3x3", *mixture.three, 3, mixture.stride)
    yield Unit(prefix + "double_3x3_reduce", c_in, mixture.double[0])
    yield Unit(prefix + "double_3x3_1", *mixture.double, 3)
    yield Unit(prefix + "double_3x3_2", mixture.double[1], mixture.double[1], 3, mixture.stride)
    if mixture.pool:
        yield Unit(prefix + "pool_proj", c_in, mixture.pool)


def name_output(name: str) -> str:
    """Where the branches of a block come together."""
    return f"inception_{name}_output"


class BNInception(nn.Module):
    """Frames to features, (N*T, 3, H, W) -> (N*T, 1024); `units` says which of its layers there are."""

    def __init__(self, units: Iterator[Unit] | None = None) -> None:
        super().__init__()
        for unit in walk_units() if units is None else units:
            padding = unit.kernel // 2
            conv = nn.Conv2d(unit.c_in, unit.c_out, unit.kernel, unit.stride, padding)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type] # a convolution with a bias
            self.add_module(unit.name, conv)
            self.add_module(unit.name + "_bn", nn.BatchNorm2d(unit.c_out))
        for name in MIXTURES:
            if hasattr(self, f"inception_{name}_double_3x3_2"):
                self.add_module(name_output(name), nn.Identity())  # where a block's output can be looked at

    def forward(self, x: Tensor, frames: int) -> Tensor:
        x = self.embed(x, frames)
        for name in MIXTURES:
            x = self.mix(name, x, frames)
        return x.mean((2, 3))  # the official 7x7 pooling, at 224 pixels

    def embed(self, x: Tensor, frames: int) -> Tensor:
        """(N*T, 3, H, W) -> (N*T, 192, H/8, W/8), rounded up: Caffe's pooling counts windows that jut out."""
        first, *others = (unit.name for unit in STEM)
        x = F.max_pool2d(self.convolve(first, x, frames), 3, 2, ceil_mode=True)
        for name in others:
            x = self.convolve(name, x, frames)
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    def mix(self, name: str, x: Tensor, frames: int) -> Tensor:
        """One block: (N*T, C_in, H, W) -> (N*T, C_out, H', W')."""
        return self.join(name, x, self.start_double(name, x, frames), frames)

    def start_double(self, name: str, x: Tensor, frames: int) -> Tensor:
        """The third branch but for its last convolution."""
        x = self.convolve(f"inception_{name}_double_3x3_reduce", x, frames)
        return self.convolve(f"inception_{name}_double_3x3_1", x, frames)

    def join(self, name: str, x: Tensor, double: Tensor, frames: int) -> Tensor:
        """The branches side by side: 1x1, 3x3, two 3x3 (begun in `double`), pooling."""
        mixture, prefix = MIXTURES[name], f"inception_{name}_"
        branches = [self.convolve(prefix + "1x1", x, frames)] if mixture.one else []
        three = self.convolve(prefix + "3x3_reduce", x, frames)
        branches.append(self.convolve(prefix + "3x3", three, frames))
        branches.append(self.convolve(prefix + "double_3x3_2", double, frames))
        branches.append(self.pool(name, x, frames))
        output: Tensor = self.get_submodule(name_output(name))(torch.cat(branches, 1))
        return output

    def pool(self, name: str, x: Tensor, frames: int) -> Tensor:
        """The fourth branch: an average (its zeros beyond the edge count), in the last block a maximum."""
        if not MIXTURES[name].pool:
            return F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = F.max_pool2d(x, 3, 1, 1) if name == "5b" else F.avg_pool2d(x, 3, 1, 1)
        return self.convolve(f"inception_{name}_pool_proj", x, frames)

    def convolve(self, name: str, x: Tensor, frames: int) -> Tensor:
        """A convolution by its name, with what follows it."""
        x = self.between(name, self.get_submodule(name)(x), frames)
        return F.relu(self.get_submodule(name + "_bn")(x), inplace=True)

    def between(self, name: str, x: Tensor, frames: int) -> Tensor:
        """What stands between a convolution and its norm: here nothing, in GSM and GSF a gate."""
        return x


def build_head(features: int, outputs: int) -> nn.Linear:
    """A linear layer that starts small, as TSN's heads do."""
    head = nn.Linear(features, outputs)
    nn.init.normal_(head.weight, 0, 0.001)
    nn.init.zeros_(head.bias)
    return head


def read_fields(state: Mapping[str, Tensor]) -> int:
    """Fields of optical flow that the stem reads; 0 where it reads colours."""
    stem = shape_of(state, f"base_model.{STEM[0].name}.weight")
    return count_fields(stem[1]) if len(stem) == 4 else 0


_LAYERS = re.compile(r"(conv\d_|inception_|gsm_|gsf_|res\d|fc)")
_HEADS = re.compile(r"^(base_model\.)?(fc|fc_action|fc_final|last_linear)\.")


def name_officially(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names as ours: the network for frames below base_model, the head as new_fc; norms' values as (C).

    Without dropout the official code leaves the head inside base_model, where the ImageNet network has it.
    Values of norms that came out of Caffe lie as (1, C).
    """
    named = {}
    for name, tensor in unwrap(state).items():
        name = _HEADS.sub("new_fc.", f"base_model.{name}" if _LAYERS.match(name) else name)
        single = "_bn." in name and tensor.ndim == 2 and len(tensor) == 1
        named[name] = tensor.squeeze(0) if single else tensor
    return named
