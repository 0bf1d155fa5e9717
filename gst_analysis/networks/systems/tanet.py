"""TANet: a kernel over time for every channel, made anew for every clip.

TAM stands between the first two convolutions of all sixteen blocks. It sees each channel's mean in every
frame, (N, C, T). Its local branch L weights each channel of each frame; its global branch G makes three taps
over time for each channel. G is as wide as T, so that a network takes its own number of frames alone. Names
are those of the authors' code: `layer1.0.net` is the residual block, `layer1.0.tam` what was put into it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.errors import SpecError
from gst_analysis.networks.anatomy import View
from gst_analysis.networks.backbones import Block
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.frame_resnet import (
    Bottleneck,
    FrameResNet,
    count_classes,
    initialise,
    unfold,
    unwrap_names,
)
from gst_analysis.networks.systems.matching import rename
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.time_kernels import TimeKind
from gst_analysis.networks.time_modules import OwnUnit

TAPS = 3


class TemporalAdaptiveModule(nn.Module):
    """Weight every channel of every frame (L), then convolve each channel over time by its own taps (G)."""

    gate_kernels: ClassVar = ("L.0",)
    heard: ClassVar[tuple[str, TimeKind]] = ("G", "made by clip")

    def __init__(self, width: int, frames: int) -> None:
        super().__init__()
        self.channels = width
        self.G = nn.Sequential(
            nn.Linear(frames, 2 * frames, bias=False),
            nn.BatchNorm1d(2 * frames),
            nn.ReLU(inplace=True),
            nn.Linear(2 * frames, TAPS, bias=False),
            nn.Softmax(-1),
        )
        self.L = nn.Sequential(
            nn.Conv1d(width, width // 4, TAPS, padding=TAPS // 2, bias=False),
            nn.BatchNorm1d(width // 4),
            nn.ReLU(inplace=True),
            nn.Conv1d(width // 4, width, 1, bias=False),
            nn.Sigmoid(),
        )

    @property
    def own_units(self) -> tuple[OwnUnit, ...]:
        """What leaves the kernels over time, and the gates of the local branch before their sigmoid."""
        every = slice(0, self.channels)
        return ("", "temporal", every, View("(NT)CHW")), ("L.3", "gates", every, View("NCT"))

    def forward(self, x: Tensor, frames: int) -> Tensor:
        means = unfold(x.mean((2, 3)), frames).mT  # (N, C, T)
        taps = self.G(means.flatten(0, 1))  # (N*C, 3)
        weights = self.L(means)  # (N, C, T)
        clips = unfold(x, frames) * weights.mT[..., None, None]  # (N, T, C, H, W)
        # Every channel of every clip has taps of its own: clips are laid side by side as channels.
        count, _, width, *size = clips.shape
        rows = clips.flatten(3).transpose(1, 2).reshape(1, count * width, frames, -1)  # (1, N*C, T, H*W)
        rows = F.conv2d(rows, taps[:, None, :, None], None, 1, (TAPS // 2, 0), 1, count * width)
        return rows.view(count, width, frames, *size).transpose(1, 2).flatten(0, 1)


class TemporalAdaptiveBlock(nn.Module):
    """A residual block with TAM after its first convolution."""

    def __init__(self, block: Block, frames: int) -> None:
        super().__init__()
        self.net = Bottleneck(block)
        self.tam = TemporalAdaptiveModule(block.hidden, frames)

    def forward(self, x: Tensor, frames: int) -> Tensor:
        return self.net.finish(self.tam(self.net.enter(x, frames), frames), x)


class TANet(FrameResNet):
    """The ResNet with TAM in every block."""

    def forward(self, clips: Tensor) -> Tensor:
        if clips.ndim == 5 and clips.shape[1] != self.spec.num_frames:
            raise SpecError(
                "clips",
                expected=f"{self.spec.num_frames} frames: this network's layers over time are as wide",
                found=str(clips.shape[1]),
                todo="sample as many frames",
            )
        return super().forward(clips)


def build(spec: SystemSpec) -> nn.Module:
    """Build the network: (N, T, 3, H, W) -> (N, T, K), T being the spec's."""
    network = TANet(spec, lambda block: TemporalAdaptiveBlock(block, spec.num_frames))
    # TAM keeps torch's own start, as in the authors' training. MMAction2's code holds another one (normal,
    # 0.001) that its training never calls: with it all taps are even and stay so for long, blind to order.
    initialise(network)
    return network


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """TAM in every block of a ResNet-50, by the authors (`net`) or by MMAction2 (`block`)."""
    if not any(".tam.G." in name for name in state):
        return None
    renamed, theirs = unwrap_names(state)
    own = rename(renamed, ((r"^(layer\d\.\d+)\.block\.", r"\1.net."),))
    classes = count_classes(own, "net.conv3")
    taps = own.get("layer1.0.tam.G.0.weight")
    if classes is None or taps is None or taps.ndim != 2:
        return None
    spec = SystemSpec.from_name("tanet-r50", num_frames=taps.shape[1], num_classes=classes)
    return Recognised(spec, "MMAction2" if theirs else "TAM", own)
