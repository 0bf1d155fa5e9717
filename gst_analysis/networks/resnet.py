"""ResNet-18/34/50/101/152 and the small resnet26s, with a temporal operator for every 3x3.

Enters (N, T, 3, H, W), leaves per-frame logits (N, T, K). Module names are torchvision's, so that 2-D
weights and published checkpoints map onto them by name.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.backbones import Block
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.operators import Shift, build_operator
from gst_analysis.networks.specs import ModelSpec


class ResidualBlock(nn.Module):
    """The shortcut and the shift that both kinds of block share."""

    def __init__(self, spec: ModelSpec, block: Block) -> None:
        super().__init__()
        self.share = spec.shift_share(block)
        self.shift = Shift(self.share) if self.share else None
        self.downsample = _projection(block) if block.projects else None

    def enter(self, x: Tensor, frames: int) -> Tensor:
        """The residual branch's input: TSM shifts it; the shortcut stays as it is."""
        return x if self.shift is None else self.shift(x, frames)

    def join(self, x: Tensor, shortcut: Tensor) -> Tensor:
        if self.downsample is not None:
            shortcut = self.downsample(shortcut)
        return F.relu(x + shortcut, inplace=True)


class BasicBlock(ResidualBlock):
    """Two operators: ResNet-18 and -34."""

    def __init__(self, spec: ModelSpec, block: Block) -> None:
        super().__init__(spec, block)
        first, second = block.sites
        self.conv1 = build_operator(spec, first)
        self.bn1 = nn.BatchNorm2d(block.hidden)
        self.conv2 = build_operator(spec, second)
        self.bn2 = nn.BatchNorm2d(block.hidden)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        y = self.conv1(self.enter(x, frames), frames)
        y = F.relu(self.bn1(y), inplace=True)
        y = self.bn2(self.conv2(y, frames))
        return self.join(y, x)


class Bottleneck(ResidualBlock):
    """1x1 down, one operator, 1x1 up: ResNet-50 and deeper."""

    def __init__(self, spec: ModelSpec, block: Block) -> None:
        super().__init__(spec, block)
        (site,) = block.sites
        self.conv1 = nn.Conv2d(block.c_in, block.hidden, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(block.hidden)
        self.conv2 = build_operator(spec, site)
        self.bn2 = nn.BatchNorm2d(site.c_out)
        self.conv3 = nn.Conv2d(site.c_out, block.c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(block.c_out)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        y = self.conv1(self.enter(x, frames))
        y = F.relu(self.bn1(y), inplace=True)
        y = self.conv2(y, frames)
        y = F.relu(self.bn2(y), inplace=True)
        y = self.bn3(self.conv3(y))
        return self.join(y, x)


class VideoResNet(VideoNetwork):
    """Stem, four stages, head."""

    def __init__(self, spec: ModelSpec, *, dropout: float = 0.0) -> None:
        super().__init__(spec, dropout=dropout)
        self.conv1 = nn.Conv2d(spec.input_width, spec.stem_width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(spec.stem_width)
        kind = BasicBlock if spec.plan.kind == "basic" else Bottleneck
        self.add_stages(kind(spec, block) for block in spec.blocks())
        self.fc = nn.Linear(spec.feature_width, spec.num_classes)
        self.initialise()

    def embed(self, x: Tensor) -> Tensor:
        """(N*T, 3, H, W) -> (N*T, 64, H/4, W/4)."""
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.max_pool2d(x, 3, 2, 1)


def _projection(block: Block) -> nn.Sequential:
    layers: Iterable[nn.Module] = (
        nn.Conv2d(block.c_in, block.c_out, 1, block.stride, bias=False),
        nn.BatchNorm2d(block.c_out),
    )
    return nn.Sequential(*layers)
