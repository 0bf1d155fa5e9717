"""MobileNetV2 with a temporal operator for every depthwise 3x3 (families c2d, tsm, sth).

Enters (N, T, 3, H, W), leaves per-frame logits (N, T, K). A block's three convolutions are named
conv1, conv2, conv3 as in a ResNet bottleneck, so that everything that reads blocks reads these too.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.backbones import Block
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.operators import Shift, build_operator
from gst_analysis.networks.specs import ModelSpec


class InvertedResidual(nn.Module):
    """1x1 up, depthwise operator, 1x1 down; a shortcut where shapes allow it."""

    def __init__(self, spec: ModelSpec, block: Block) -> None:
        super().__init__()
        (site,) = block.sites
        self.share = spec.shift_share(block)
        self.shift = Shift(self.share) if self.share else None
        self.adds = block.adds
        self.expands = block.expands
        if block.expands:
            self.conv1 = nn.Conv2d(block.c_in, block.hidden, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(block.hidden)
        self.conv2 = build_operator(spec, site)
        self.bn2 = nn.BatchNorm2d(block.hidden)
        self.conv3 = nn.Conv2d(block.hidden, block.c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(block.c_out)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        y = x if self.shift is None else self.shift(x, frames)
        if self.expands:
            y = F.relu6(self.bn1(self.conv1(y)), inplace=True)
        y = F.relu6(self.bn2(self.conv2(y, frames)), inplace=True)
        out: Tensor = self.bn3(self.conv3(y))
        return x + out if self.adds else out


class VideoMobileNetV2(VideoNetwork):
    """Stem, seven stages, a last 1x1, head."""

    def __init__(self, spec: ModelSpec, *, dropout: float = 0.0) -> None:
        super().__init__(spec, dropout=dropout)
        *_, last = spec.blocks()
        self.conv1 = nn.Conv2d(spec.input_width, spec.stem_width, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(spec.stem_width)
        self.add_stages(InvertedResidual(spec, block) for block in spec.blocks())
        self.last = nn.Conv2d(last.c_out, spec.feature_width, 1, bias=False)
        self.last_bn = nn.BatchNorm2d(spec.feature_width)
        self.fc = nn.Linear(spec.feature_width, spec.num_classes)
        self.initialise()

    def embed(self, x: Tensor) -> Tensor:
        """(N*T, 3, H, W) -> (N*T, 32, H/2, W/2)."""
        return F.relu6(self.bn1(self.conv1(x)), inplace=True)

    def finish(self, x: Tensor) -> Tensor:
        return F.relu6(self.last_bn(self.last(x)), inplace=True).mean((2, 3))
