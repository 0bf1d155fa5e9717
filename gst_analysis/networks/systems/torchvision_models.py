"""Torchvision's video networks: R3D, MC3, R(2+1)D, MViT and Video Swin, built by torchvision itself.

Enters (N, T, 3, H, W), leaves (N, K). The networks take clips as (N, 3, T, H, W): a hook before each turns
them, so that every weight keeps torchvision's name. S3D, which torchvision has too, is in `s3d.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torchvision.models import video

from gst_analysis.errors import SpecError
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.matching import match, shape_of, unwrap
from gst_analysis.networks.systems.recognised import ANY_LENGTH, Recognised


def turn_clips(_: nn.Module, given: tuple[Any, ...]) -> tuple[Tensor]:
    """Turn (N, T, 3, H, W) into (N, 3, T, H, W), before the network sees it."""
    return (given[0].transpose(1, 2),)


def build(spec: SystemSpec) -> nn.Module:
    """One of torchvision's networks.

    Raises:
        SpecError: another number of frames than its positions are made for.
    """
    record = spec.record
    if record.lengths == "fixed" and spec.num_frames != record.frames:
        raise SpecError(
            f"frames of {spec.label}",
            expected=f"{record.frames}: it has a position for each",
            found=str(spec.num_frames),
            todo="leave them out",
        )
    network: nn.Module = getattr(video, spec.chosen["builder"])(num_classes=spec.num_classes)
    network.register_forward_pre_hook(turn_clips)
    return network


def recognise(state: Mapping[str, Tensor]) -> Recognised | None:
    """Which of torchvision's networks this is: by the layers that it alone has, and then by every shape."""
    weights = unwrap(state)
    name = _guess(weights)
    if name is None:
        return None
    head = next((shape for key in HEADS if (shape := shape_of(weights, key))), ())
    if len(head) != 2:
        return None
    spec = SystemSpec.from_name(name, num_classes=head[0])
    any_length = spec.record.lengths == "any"
    notes = (f"{ANY_LENGTH}{spec.num_frames} frames assumed",) if any_length else ()
    return match(spec, build, weights, layout="torchvision", notes=notes)


HEADS = ("fc.weight", "head.1.weight", "head.weight")


def _guess(weights: Mapping[str, Tensor]) -> str | None:
    """The one network that it can be, by a few of its weights."""
    if shape_of(weights, "stem.0.weight") == (64, 3, 3, 7, 7):
        return "r3d-18" if shape_of(weights, "layer4.0.conv1.0.weight")[2:3] == (3,) else "mc3-18"
    if "layer2.0.conv1.0.0.weight" in weights and shape_of(weights, "stem.0.weight") == (45, 3, 1, 7, 7):
        return "r2plus1d-18"
    if "pos_encoding.class_token" in weights:
        return "mvit-v1-b" if "pos_encoding.spatial_pos" in weights else "mvit-v2-s"
    width = shape_of(weights, "patch_embed.proj.weight")
    if width[1:] != (3, 2, 4, 4):
        return None
    if width[0] == 128:
        return "swin3d-b"
    return "swin3d-s" if "features.4.17.norm1.weight" in weights else "swin3d-t"
