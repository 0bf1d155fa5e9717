"""TSN on BN-Inception: every frame apart, logits by frame, averaged over the clip.

Enters (N, T, 3, H, W), leaves (N, T, K), whose mean over T is the official consensus. Of optical flow, stacks
of five fields are what a frame is: (N, 5*T, 3, H, W) -> (N, T, K).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gst_analysis.networks.network import check_clips, fold_clips
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.bn_inception import (
    FEATURES,
    BNInception,
    build_head,
    name_officially,
    read_fields,
    walk_units,
)
from gst_analysis.networks.systems.inception_anatomy import describe
from gst_analysis.networks.systems.matching import match, shape_of
from gst_analysis.networks.systems.recognised import Recognised

__all__ = ["FrameAverage", "build", "describe", "recognise"]


class FrameAverage(nn.Module):
    """A network for frames and a linear head: logits by frame, whose mean over T is TSN's consensus."""

    def __init__(self, base_model: nn.Module, classes: int, *, dropout: float, flow: int = 0) -> None:
        super().__init__()
        self.flow = flow
        self.base_model = base_model
        self.dropout = nn.Dropout(dropout)
        self.new_fc = build_head(FEATURES, classes)

    def forward(self, clips: Tensor) -> Tensor:
        check_clips(clips)
        folded, frames = fold_clips(clips, self.flow)
        features = self.base_model(folded, frames)  # (N*T, F)
        logits: Tensor = self.new_fc(self.dropout(features))  # (N*T, K)
        return torch.unflatten(logits, 0, (-1, frames))


def build(spec: SystemSpec) -> nn.Module:
    """TSN: the plain network over every frame, or over every stack of flow."""
    flow = spec.chosen["flow"]
    return FrameAverage(BNInception(walk_units(flow=flow)), spec.num_classes, dropout=0.8, flow=flow)


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """TSN's checkpoints on BN-Inception, and the ImageNet network itself, with the classes of its head."""
    names = name_officially(state)
    head = shape_of(names, "new_fc.weight")
    if len(head) != 2 or "base_model.inception_5b_1x1.weight" not in names:
        return None
    flow = read_fields(names)
    name = "tsn-bninception-flow" if flow else "tsn-bninception"
    spec = SystemSpec.from_name(name, num_classes=head[0])
    layout = "tsn-pytorch" if any("base_model." in name for name in state) else "BN-Inception"
    counted = f"8 stacks of {flow} fields of flow" if flow else "8 frames"
    notes = (f"an average over frames shows in no weight: {counted} assumed",)
    return match(spec, build, names, layout=layout, notes=notes)
