"""Small networks such as somebody might bring: of every layout, answer and way to hold time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.checkpoints.adopting import adopt
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.networks.adopted import Pathway
from gst_analysis.networks.clip_specs import ClipSpec

CLASSES, FRAMES, SIZE = 4, 6, 32


class Separable(nn.Module):
    """Space, then time: as in R(2+1)D."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1) -> None:
        super().__init__()
        self.space = nn.Conv3d(c_in, c_out, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.space_norm = nn.BatchNorm3d(c_out)
        self.time = nn.Conv3d(c_out, c_out, (3, 1, 1), (1, 1, 1), (1, 0, 0), bias=False)
        self.time_norm = nn.BatchNorm3d(c_out)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.space_norm(self.space(x)))
        return self.relu(self.time_norm(self.time(y)))


class ThreeD(nn.Module):
    """(N, 3, T, H, W) -> (N, K)"""

    def __init__(self, pool: int = 1) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Separable(3, 8, 2), Separable(8, 12, 2), Separable(12, 12))
        self.pool = nn.MaxPool3d((pool, 1, 1))
        self.head = nn.Linear(12, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        first, second, third = self.blocks
        y = third(second(self.pool(first(x))))
        return self.head(y.mean((2, 3, 4)))


class ByFrame(nn.Module):
    """(N, T, 3, H, W) -> (N, T, K): a 2-D network that folds frames."""

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.stage2 = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stage2(self.stage1(x.flatten(0, 1)))
        return torch.unflatten(self.head(y.mean((2, 3))), 0, x.shape[:2])


class Block(nn.Module):
    """Attention among all tokens."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x)
        return x + self.attention(y, y, y, need_weights=False)[0]


class Tokens(nn.Module):
    """Tubelets as tokens, with a class token; time first, or places first."""

    def __init__(self, time_first: bool = True, fixed: bool = True) -> None:
        super().__init__()
        self.time_first = time_first
        self.patch = nn.Conv3d(3, 16, (2, 8, 8), (2, 8, 8))
        self.start = nn.Parameter(torch.randn(1, 1, 16))
        self.place = nn.Parameter(torch.randn(1, 1 + FRAMES // 2 * 16, 16)) if fixed else None
        self.drop = nn.Dropout(0.1)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.head = nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = self.patch(x)
        order = (0, 2, 3, 4, 1) if self.time_first else (0, 3, 4, 2, 1)
        tokens = torch.cat([self.start.expand(len(x), -1, -1), y.permute(*order).flatten(1, 3)], 1)
        tokens = self.drop(tokens if self.place is None else tokens + self.place)
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(tokens[:, 0])


class ChannelsLast(nn.Module):
    """(N, T, H, W, C) inside, as in Video Swin."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv3d(3, 10, (2, 4, 4), (2, 4, 4))
        self.layers = nn.ModuleList(nn.Sequential(nn.LayerNorm(10), Mixed(10)) for _ in range(2))
        self.head = nn.Linear(10, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = self.embed(x).permute(0, 2, 3, 4, 1)
        for layer in self.layers:
            y = layer(y)
        return self.head(y.mean((1, 2, 3)))


class Mixed(nn.Module):
    """Channels mixed, and neighbouring frames."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + F.gelu(self.linear(x + 0.5 * x.roll(1, 1)))


class TwoPathways(nn.Module):
    """[slow, fast], each (N, 3, T, H, W), as SlowFast takes them."""

    def __init__(self) -> None:
        super().__init__()
        self.slow, self.fast = Separable(3, 8, 2), Separable(3, 4, 2)
        self.head = nn.Linear(12, CLASSES)

    def forward(self, pathways: list[Tensor]) -> Tensor:
        slow, fast = pathways
        both = [self.slow(slow).mean((2, 3, 4)), self.fast(fast).mean((2, 3, 4))]
        return self.head(torch.cat(both, 1))


@dataclass(frozen=True)
class Brought:
    """A network, and what is known of it in advance."""

    build: Callable[[], nn.Module]
    layout: Any
    output: str
    axes: tuple[str, ...]
    """How its places' outputs lie."""
    groups: tuple[str, ...]
    any_length: bool = True


NETWORKS = {
    "three-d": Brought(ThreeD, "NCTHW", "clip", ("NCTHW",) * 3, ("spatial", "temporal")),
    "pooled": Brought(lambda: ThreeD(pool=2), "NCTHW", "clip", ("NCTHW",) * 3, ("spatial", "temporal")),
    "by-frame": Brought(ByFrame, "NTCHW", "frames", ("(NT)CHW",) * 2, ("all",)),
    "tokens": Brought(Tokens, "NCTHW", "clip", ("N(THW)C",) * 2, (), any_length=False),
    "places-first": Brought(
        lambda: Tokens(time_first=False), "NCTHW", "clip", ("N(HWT)C",) * 2, (), any_length=False
    ),
    "channels-last": Brought(ChannelsLast, "NCTHW", "clip", ("NTHWC",) * 2, ()),
    "pathways": Brought(
        TwoPathways, (Pathway(3), Pathway(1)), "clip", ("NCTHW",) * 2, ("spatial", "temporal")
    ),
}


def bring(name: str, *, seed: int = 0) -> Network:
    """One of them, adopted, with weights by a seed and statistics that are not all alike."""
    torch.manual_seed(seed)
    one = NETWORKS[name]
    module = one.build()
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.1)
    labels = [f"class {number}" for number in range(CLASSES)]
    clip = ClipSpec(frames=FRAMES, resize=SIZE, crop=SIZE)
    return adopt(module.eval(), clip_spec=clip, labels=labels, layout=one.layout, name=name)
