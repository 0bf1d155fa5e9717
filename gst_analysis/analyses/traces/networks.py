"""Networks around a network: clips in, a prediction from a part of each clip out, one part a row."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gst_analysis.networks.network import average_frames


class PrefixNetwork(nn.Module):
    """(N, T, 3, H, W) -> (N, T, K): row t is the mean over frames of the network run on frames 1..t."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor) -> Tensor:
        lengths = range(1, clips.shape[1] + 1)
        return torch.stack([average_frames(self.network(clips[:, :t]).float()) for t in lengths], 1)


class WithoutEachNetwork(nn.Module):
    """(N, T, 3, H, W) -> (N, T, K): row t is the mean over frames of the network run without frame t."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, clips: Tensor) -> Tensor:
        rows = []
        for t in range(clips.shape[1]):
            rest = torch.cat([clips[:, :t], clips[:, t + 1 :]], 1)
            rows.append(average_frames(self.network(rest).float()))
        return torch.stack(rows, 1)
