"""TRN: frames apart up to a feature each, then small networks over ordered tuples of frames, added up.

Enters (N, T, 3, H, W) with exactly the head's T frames, leaves logits of the clip (N, K); of optical flow a
stack of five fields is what a frame is, (N, 5*T, 3, H, W). The multi-scale head has a network for tuples of T
frames, of T - 1, … down to 2; the single-scale head one for all T frames.

The official code draws three tuples a scale at random, also in evaluation, so that its logits differ from
call to call. Here they are the same three in every call; `tuples="all"` gives the mean over every such draw.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gst_analysis.errors import SpecError
from gst_analysis.networks.network import check_clips, fold_clips
from gst_analysis.networks.systems import SYSTEMS, SystemSpec, frame_resnet
from gst_analysis.networks.systems.bn_inception import (
    FEATURES,
    BNInception,
    build_head,
    name_officially,
    read_fields,
    walk_units,
)
from gst_analysis.networks.systems.inception_anatomy import describe
from gst_analysis.networks.systems.matching import Rule, match, rename, shape_of, unwrap
from gst_analysis.networks.systems.recognised import Recognised

__all__ = ["MultiScaleRelations", "build", "choose_tuples", "describe", "recognise"]

FRAME_FEATURES = 256
DRAWN = 3
"""Tuples of a scale that the official code adds up."""
CHOICES = {"relation": ("multiscale", "single"), "tuples": ("three", "all")}


class MultiScaleRelations(nn.Module):
    """A small network a scale, applied to tuples of frames in their order; everything is summed."""

    def __init__(self, frames: int, classes: int, *, every: bool) -> None:
        super().__init__()
        scales = range(frames, 1, -1)
        self.tuples = [choose_tuples(frames, scale, every=every) for scale in scales]
        self.fc_fusion_scales = nn.ModuleList(build_fusion(scale, 256, classes) for scale in scales)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, 256) -> (N, K)."""
        logits = []
        for fusion, tuples in zip(self.fc_fusion_scales, self.tuples, strict=True):
            chosen = x[:, tuples].flatten(2)  # (N, tuples, frames of one * 256)
            logits.append(fusion(chosen).mean(1) * min(DRAWN, len(tuples)))
        return torch.stack(logits).sum(0)


class SingleRelation(nn.Module):
    """One small network over all frames in a row."""

    def __init__(self, frames: int, classes: int) -> None:
        super().__init__()
        self.classifier = build_fusion(frames, 512, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, 256) -> (N, K)."""
        logits: Tensor = self.classifier(x.flatten(1))
        return logits


def build_fusion(frames: int, hidden: int, classes: int) -> nn.Sequential:
    """Two linear layers over the features of some frames in a row."""
    first, second = nn.Linear(frames * FRAME_FEATURES, hidden), nn.Linear(hidden, classes)
    return nn.Sequential(nn.ReLU(), first, nn.ReLU(), second)


def choose_tuples(frames: int, scale: int, *, every: bool = False) -> list[list[int]]:
    """Ordered tuples of `scale` out of `frames` frames: all, or the middles of three even parts of the list.

    Example:
        >>> choose_tuples(4, 2)  # of 01 02 03 12 13 23
        [[0, 2], [1, 2], [2, 3]]
    """
    tuples = [list(chosen) for chosen in itertools.combinations(range(frames), scale)]
    if every or len(tuples) <= DRAWN:
        return tuples
    return [tuples[(2 * part + 1) * len(tuples) // (2 * DRAWN)] for part in range(DRAWN)]


class TRN(nn.Module):
    """A network for frames, a feature of 256 numbers each, and relations between them."""

    def __init__(self, spec: SystemSpec) -> None:
        super().__init__()
        settings = spec.chosen
        self.flow = settings["flow"]
        self.frames = spec.num_frames // (self.flow or 1)
        if self.frames < 2 or spec.num_frames % (self.flow or 1):
            raise SpecError(
                "TRN",
                expected=f"2 stacks or more of {self.flow} fields" if self.flow else "2 frames or more",
                found=str(spec.num_frames),
                todo="relations need a pair of frames",
            )
        for name, allowed in CHOICES.items():
            if settings[name] not in allowed:
                found, expected = repr(settings[name])[:60], " or ".join(allowed)
                raise SpecError(f"TRN's {name}", expected=expected, found=found, todo="choose one of them")
        residual = spec.backbone == "resnet50"
        self.base_model = _build_headless(spec) if residual else BNInception(walk_units(flow=self.flow))
        self.dropout = nn.Dropout(0.8)
        self.new_fc = build_head(frame_resnet.FEATURES if residual else FEATURES, FRAME_FEATURES)
        self.consensus: nn.Module
        if settings["relation"] == "single":
            self.consensus = SingleRelation(self.frames, spec.num_classes)
        else:
            every = settings["tuples"] == "all"
            self.consensus = MultiScaleRelations(self.frames, spec.num_classes, every=every)

    def forward(self, clips: Tensor) -> Tensor:
        check_clips(clips)
        wanted = self.frames * (self.flow or 1)
        if clips.shape[1] != wanted:
            raise SpecError(
                "clips",
                expected=f"{wanted} frames, as many as TRN's head reads",
                found=str(clips.shape[1]),
                todo="sample that many",
            )
        features = self.new_fc(self.dropout(self.see_frames(clips)))  # (N, T, 256)
        logits: Tensor = self.consensus(features)
        return logits

    def see_frames(self, clips: Tensor) -> Tensor:
        """(N, T, 3, H, W) -> (N, T, F)."""
        if isinstance(self.base_model, BNInception):
            folded, frames = fold_clips(clips, self.flow)
            return torch.unflatten(self.base_model(folded, frames), 0, (-1, frames))
        features: Tensor = self.base_model(clips)
        return features


def _build_headless(spec: SystemSpec) -> nn.Module:
    network = frame_resnet.FrameResNet(spec, frame_resnet.Bottleneck)
    frame_resnet.initialise(network)
    network.fc = nn.Identity()  # type: ignore[assignment] # the head is TRN's
    return network


def build(spec: SystemSpec) -> nn.Module:
    """TRN on BN-Inception or ResNet-50."""
    return TRN(spec)


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """TRN's checkpoints with both heads: TRN-pytorch's on either network, MMAction2's on ResNet-50."""
    names = name_officially(rename(unwrap(state), _MMACTION2))
    head = read_head(names)
    if head is None:
        return None
    relation, frames, classes = head
    backbone = "r50" if "base_model.layer4.2.conv3.weight" in names else "bninception"
    settings = {"relation": relation} if relation == "single" else {}
    flow = read_fields(names)
    name, frames = f"trn-{backbone}" + ("-flow" if flow else ""), frames * (flow or 1)
    if name not in SYSTEMS:
        return None
    spec = SystemSpec.from_name(name, num_frames=frames, num_classes=classes, **settings)
    layout = "MMAction2" if any("cls_head." in name for name in state) else "TRN-pytorch"
    return match(spec, build, names, layout=layout, notes=explain(relation))


_MMACTION2: tuple[Rule, ...] = (  # it wraps a convolution with its norm
    (r"^backbone\.conv1\.conv\.", "base_model.conv1."),
    (r"^backbone\.conv1\.bn\.", "base_model.bn1."),
    (r"^backbone\.(.*)\.conv(\d)\.conv\.", r"base_model.\1.conv\2."),
    (r"^backbone\.(.*)\.conv(\d)\.bn\.", r"base_model.\1.bn\2."),
    (r"^backbone\.(.*)\.downsample\.conv\.", r"base_model.\1.downsample.0."),
    (r"^backbone\.(.*)\.downsample\.bn\.", r"base_model.\1.downsample.1."),
    (r"^cls_head\.fc_cls\.", "new_fc."),
    (r"^cls_head\.consensus\.", "consensus."),
)


def read_head(state: Mapping[str, Tensor]) -> tuple[str, int, int] | None:
    """The head's kind, its frames and classes; None where there is none of TRN's."""
    for relation, prefix in (("multiscale", "fc_fusion_scales.0"), ("single", "classifier")):
        first, last = (shape_of(state, f"consensus.{prefix}.{layer}.weight") for layer in (1, 3))
        if len(first) == len(last) == 2:
            frames = first[1] // FRAME_FEATURES
            return (relation, frames, last[0]) if frames > 1 and last[0] else None
    return None


def explain(relation: str) -> tuple[str, ...]:
    """What these logits are beside the official ones."""
    if relation == "single":
        return ()
    return (
        f"the official code adds up {DRAWN} frame tuples a scale, drawn at random in every call; "
        "here they are always the same ones, evenly chosen",
    )
