"""What every video network shares: folding frames, walking the stages, the head.

Enters (N, T, 3, H, W), already normalised; leaves per-frame logits (N, T, K). Averaging over frames is
a separate step (`average_frames`), because a frame's logits are the thing we look at.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from gst_analysis.errors import SpecError
from gst_analysis.networks.spec_values import MIN_SIZE
from gst_analysis.networks.specs import ModelSpec


class VideoNetwork(nn.Module):
    """Stages layer1, layer2, … of residual blocks between an `embed` and a linear head `fc`."""

    fc: nn.Linear

    def __init__(self, spec: ModelSpec, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.spec = spec
        self.dropout = nn.Dropout(dropout)

    def add_stages(self, blocks: Iterable[nn.Module]) -> None:
        """Register the blocks as layer1, layer2, … in the order of the spec."""
        pairs = zip(self.spec.blocks(), blocks, strict=True)
        for stage, members in itertools.groupby(pairs, key=lambda pair: pair[0].stage):
            self.add_module(f"layer{stage}", nn.ModuleList(module for _, module in members))

    def stages(self) -> Iterator[tuple[str, nn.Module]]:
        """Every residual block with its name, such as layer1.0."""
        for block in self.spec.blocks():
            yield block.name, self.get_submodule(block.name)

    def forward(self, clips: Tensor) -> Tensor:
        check_clips(clips)
        x, frames = self.fold(clips)  # (N*T, 3, H, W)
        x = self.finish(self.run_blocks(self.embed(x), frames))  # (N*T, F)
        logits: Tensor = self.fc(self.dropout(x))
        return logits.reshape(-1, frames, logits.shape[1])

    def fold(self, clips: Tensor) -> tuple[Tensor, int]:
        """What the stem is given, and how many rows of logits a clip will have."""
        x, frames = fold_clips(clips, self.spec.flow)
        return x.contiguous(memory_format=torch.channels_last), frames

    def embed(self, x: Tensor) -> Tensor:
        """The stem."""
        raise NotImplementedError  # both backbones define it

    def run_blocks(self, x: Tensor, frames: int) -> Tensor:
        for _, block in self.stages():
            x = block(x, frames)
        return x

    def finish(self, x: Tensor) -> Tensor:
        """(N*T, F, h, w) -> (N*T, F)."""
        return x.mean((2, 3))

    def initialise(self) -> None:
        """He's initialisation, as torchvision and the official code do it; operators did theirs."""
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                module.to(memory_format=torch.channels_last)
        nn.init.normal_(self.fc.weight, 0, 0.001)
        nn.init.zeros_(self.fc.bias)


def fold_clips(clips: Tensor, flow: int) -> tuple[Tensor, int]:
    """Clips (N, T, 3, H, W) with frames folded into the batch, and T; or stacks of flow, and how many.

    Args:
        clips: frames, or fields of flow whose third channel is blank.
        flow: fields in a stack; 0 for frames.

    Returns:
        (N*T, 3, H, W), or of S stacks (N*S, 2*flow, H, W): across, down, across, down, as TSN stacks them.
    """
    frames = clips.shape[1]
    if not flow:
        return clips.flatten(0, 1), frames
    if frames % flow:
        raise SpecError(
            "clips",
            expected=f"{flow} fields of flow for every stack",
            found=f"{frames} frames",
            todo="sample whole stacks",
        )
    stacks = torch.unflatten(clips[:, :, :2], 1, (frames // flow, flow))  # (N, S, fields, 2, H, W)
    return stacks.flatten(2, 3).flatten(0, 1), frames // flow


def check_clips(clips: Tensor) -> None:
    """Refuse what is no batch of clips, before a convolution says it in its own words."""
    if clips.ndim == 5 and clips.shape[2] == 3 and min(clips.shape[3:]) >= MIN_SIZE and clips.shape[1] > 0:
        return
    raise SpecError(
        "clips",
        expected=f"a tensor (N, T, 3, H, W) with T at least 1, H and W at least {MIN_SIZE}",
        found=str(tuple(clips.shape)),
        todo="reshape or enlarge the frames",
    )


def average_frames(logits: Tensor) -> Tensor:
    """Consensus: per-frame logits (N, T, K) -> the clip's logits (N, K)."""
    if logits.ndim != 3:
        raise SpecError(
            "logits",
            expected="a tensor (N, T, K): clips, frames, classes",
            found=str(tuple(logits.shape)),
            todo="add the axis of clips with [None]" if logits.ndim == 2 else "reshape it",
        )
    return logits.mean(1)
