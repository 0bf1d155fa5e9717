"""The 2-D networks that families are put into: depths, widths and strides. No torch here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["basic", "bottleneck", "inverted"]


@dataclass(frozen=True)
class Stage:
    """A run of blocks; the first one carries the stride."""

    blocks: int
    channels: int
    """Channels in units of the stem's width: hidden ones in a ResNet, output ones in MobileNetV2."""
    stride: int
    expansion: int = 1
    """Hidden over input channels, inverted residuals only."""


@dataclass(frozen=True)
class Backbone:
    """One 2-D network. `width` is the stem's channels and scales everything after it."""

    name: str
    kind: BlockKind
    width: int
    stages: tuple[Stage, ...]
    torchvision: str | None = None
    """The torchvision builder that has 2-D weights for it."""

    @property
    def expansion(self) -> int:
        """Output over hidden channels of a ResNet block."""
        return 4 if self.kind == "bottleneck" else 1


def _resnet(name: str, kind: BlockKind, depths: tuple[int, ...], width: int = 64) -> Backbone:
    stages = tuple(
        Stage(blocks=depth, channels=2**i, stride=1 if i == 0 else 2) for i, depth in enumerate(depths)
    )
    return Backbone(name, kind, width, stages, torchvision=name if width == 64 else None)


_INVERTED = (  # expansion, channels at width 32, blocks, stride: Table 2 of the MobileNetV2 paper
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
MOBILENET_LAST = 1280

BACKBONES: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        _resnet("resnet18", "basic", (2, 2, 2, 2)),
        _resnet("resnet34", "basic", (3, 4, 6, 3)),
        _resnet("resnet50", "bottleneck", (3, 4, 6, 3)),
        _resnet("resnet101", "bottleneck", (3, 4, 23, 3)),
        _resnet("resnet152", "bottleneck", (3, 8, 36, 3)),
        _resnet("resnet26s", "bottleneck", (2, 2, 2, 2), width=32),
        Backbone(
            "mobilenetv2",
            "inverted",
            32,
            tuple(Stage(n, c, s, expansion=t) for t, c, n, s in _INVERTED),
            torchvision="mobilenet_v2",
        ),
    )
}


@dataclass(frozen=True)
class Site:
    """A place inside a block where a 3x3 convolution stood, and the batch norm after it.

    `widths` are the output channels of each group, in channel order, where channels were taken out; None
    where the network's alpha says them.
    """

    conv: str
    norm: str
    c_in: int
    c_out: int
    stride: int
    depthwise: bool = False
    widths: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Block:
    """One residual block: what enters, what leaves, and where its temporal operators stand."""

    name: str
    stage: int
    index: int
    kind: BlockKind
    c_in: int
    hidden: int
    c_out: int
    stride: int
    sites: tuple[Site, ...]

    @property
    def projects(self) -> bool:
        """A ResNet block whose shortcut needs a 1x1 convolution."""
        return self.kind != "inverted" and (self.stride != 1 or self.c_in != self.c_out)

    @property
    def adds(self) -> bool:
        """Whether the block has a shortcut at all (inverted residuals often have none)."""
        return self.kind != "inverted" or (self.stride == 1 and self.c_in == self.c_out)

    @property
    def expands(self) -> bool:
        """Whether a 1x1 convolution comes before the operator."""
        return self.kind == "bottleneck" or (self.kind == "inverted" and self.hidden != self.c_in)


def walk_blocks(backbone: Backbone, width: int) -> Iterator[Block]:
    """The blocks in order, with every width worked out."""
    c_in = width
    for number, stage in enumerate(backbone.stages, start=1):
        for index in range(stage.blocks):
            block = _block(backbone, stage, number, index, c_in, width)
            yield block
            c_in = block.c_out


def _block(backbone: Backbone, stage: Stage, number: int, index: int, c_in: int, width: int) -> Block:
    stride = stage.stride if index == 0 else 1
    if backbone.kind == "inverted":
        hidden, c_out = c_in * stage.expansion, _round_to_8(stage.channels * width / backbone.width)
        sites: tuple[Site, ...] = (Site("conv2", "bn2", hidden, hidden, stride, depthwise=True),)
    else:
        hidden = stage.channels * width
        c_out = hidden * backbone.expansion
        if backbone.kind == "bottleneck":
            sites = (Site("conv2", "bn2", hidden, hidden, stride),)
        else:
            sites = (Site("conv1", "bn1", c_in, hidden, stride), Site("conv2", "bn2", hidden, hidden, 1))
    return Block(f"layer{number}.{index}", number, index, backbone.kind, c_in, hidden, c_out, stride, sites)


def _round_to_8(channels: float) -> int:
    """MobileNet's rule: the nearest multiple of 8, at least 8, never more than 10% below."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * channels else rounded + 8


def feature_width(backbone: Backbone, width: int) -> int:
    """Channels that enter the head."""
    if backbone.kind == "inverted":
        return _round_to_8(MOBILENET_LAST * max(1.0, width / backbone.width))
    *_, last = walk_blocks(backbone, width)
    return last.c_out
