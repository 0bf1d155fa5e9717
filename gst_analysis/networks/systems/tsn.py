"""TSN on BN-Inception: every frame apart, logits by frame, averaged over the clip.

Enters (N, T, 3, H, W), leaves (N, T, K), whose mean over T is the official consensus.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gst_analysis.networks.network import check_clips
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.bn_inception import FEATURES, BNInception, build_head, name_officially
from gst_analysis.networks.systems.inception_anatomy import describe
from gst_analysis.networks.systems.matching import match, shape_of
from gst_analysis.networks.systems.recognised import Recognised

__all__ = ["FrameAverage", "build", "describe", "recognise"]


class FrameAverage(nn.Module):
    """A network for frames and a linear head: logits by frame, whose mean over T is TSN's consensus."""

    def __init__(self, base_model: nn.Module, classes: int, *, dropout: float) -> None:
        super().__init__()
        self.base_model = base_model
        self.dropout = nn.Dropout(dropout)
        self.new_fc = build_head(FEATURES, classes)

    def forward(self, clips: Tensor) -> Tensor:
        check_clips(clips)
        frames = clips.shape[1]
        features = self.base_model(clips.flatten(0, 1), frames)  # (N*T, F)
        logits: Tensor = self.new_fc(self.dropout(features))  # (N*T, K)
        return torch.unflatten(logits, 0, (-1, frames))


def build(spec: SystemSpec) -> nn.Module:
    """TSN: the plain network over every frame."""
    return FrameAverage(BNInception(), spec.num_classes, dropout=0.8)


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """TSN's checkpoints on BN-Inception, and the ImageNet network itself, with the classes of its head."""
    names = name_officially(state)
    head = shape_of(names, "new_fc.weight")
    if len(head) != 2 or "base_model.inception_5b_1x1.weight" not in names:
        return None
    spec = SystemSpec.from_name("tsn-bninception", num_classes=head[0])
    layout = "tsn-pytorch" if any("base_model." in name for name in state) else "BN-Inception"
    notes = ("an average over frames shows in no weight: 8 frames assumed",)
    return match(spec, build, names, layout=layout, notes=notes)
