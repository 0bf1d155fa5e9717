"""Published systems made narrow enough to be trained in seconds: the numbers of their files, made smaller.

No system has a width that can be chosen, so a test that trains one changes the constants that its file is
written with. Every layer, path, gate and initialisation stays what it is.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable

import pytest
from torch import nn
from torchvision.models import video
from torchvision.models.video.mvit import MSBlockConfig, MViT
from torchvision.models.video.resnet import BasicBlock, BasicStem, Conv3DSimple, VideoResNet
from torchvision.models.video.swin_transformer import SwinTransformer3d

from gst_analysis.networks.backbones import BACKBONES, walk_blocks
from gst_analysis.networks.systems import SYSTEMS, bn_inception, bottlenecks3d, s3d

HOME = "gst_analysis.networks.systems"
WIDTH = 16
"""Of 64 at the stem."""


def narrow_systems(patch: pytest.MonkeyPatch) -> None:
    """Make every system that is written with constants a quarter as wide or less."""
    for name in {record.module for record in SYSTEMS.values()}:
        importlib.import_module(f"{HOME}.{name}")  # a file first imported later would keep narrow numbers
    blocks = tuple(walk_blocks(BACKBONES["resnet50"], WIDTH))
    smaller: dict[str, object] = {"BLOCKS": blocks, "STEM": WIDTH, "FEATURES": blocks[-1].c_out}
    for name in ("frame_resnet", "gsm", "nonlocal2d", "tanet", "tea", "action", "tdn"):
        _set(patch, name, smaller)
    _narrow_inception(patch)
    _set(patch, "i3d", {"WIDTH": WIDTH})
    _set(patch, "bottlenecks3d", {"WIDTH": WIDTH})
    for name, plan in bottlenecks3d.PLANS.items():
        patch.setitem(bottlenecks3d.PLANS, name, plan._replace(depths=(1, 1, 2, 1)))
    _set(patch, "x3d", {"DEPTHS": (1, 1, 2, 1)})
    _narrow_s3d(patch)
    _set(patch, "slowfast", {"SLOW_WIDTH": WIDTH, "FAST_WIDTH": 8})
    _set(patch, "r2plus1d", {"DEPTHS": {18: (1, 1, 1, 1)}})
    _narrow_c3d(patch)
    small: dict[str, Callable[..., nn.Module]] = {
        "mvit_v2_s": build_mvit,
        "swin3d_t": build_swin,
        "r3d_18": build_r3d,
    }
    for name, build in small.items():
        patch.setattr(video, name, build)


def _set(patch: pytest.MonkeyPatch, module: str, values: dict[str, object]) -> None:
    found = importlib.import_module(f"{HOME}.{module}")
    for name, value in values.items():
        if hasattr(found, name):
            patch.setattr(found, name, value)


def _narrow_inception(patch: pytest.MonkeyPatch) -> None:
    """All widths by four, and by eight those of ECO's 3-D part."""
    stem = tuple(
        unit._replace(c_in=unit.c_in if unit.c_in == 3 else unit.c_in // 4, c_out=unit.c_out // 4)
        for unit in bn_inception.STEM
    )
    _set(patch, "bn_inception", {"STEM": stem})
    for name, mixture in bn_inception.MIXTURES.items():
        c_in, one, (reduced, three), (begun, double), pool = mixture
        narrow = bn_inception.Mixture(
            c_in // 4, one // 4, (reduced // 4, three // 4), (begun // 4, double // 4), pool // 4
        )
        patch.setitem(bn_inception.MIXTURES, name, narrow)
    features = bn_inception.FEATURES // 4
    for name in ("bn_inception", "tsn", "trn", "gsm", "eco"):
        _set(patch, name, {"FEATURES": features})
    _set(patch, "eco", {"SOLID": (24, 16, 32, 64)})  # the first is what BN-Inception hands over


def _narrow_s3d(patch: pytest.MonkeyPatch) -> None:
    """Its norms forget their start in ten steps, not in the published thousand: a test is not that long."""
    _set(patch, "s3d", {"Norm": functools.partial(nn.BatchNorm3d, eps=1e-3, momentum=0.1)})
    _set(patch, "s3d", {"STEM": tuple(width // 4 for width in s3d.STEM)})
    for place, widths in s3d.MIXED.items():
        patch.setitem(s3d.MIXED, place, tuple(width // 4 for width in widths))


def _narrow_c3d(patch: pytest.MonkeyPatch) -> None:
    """Frames of 32 pixels leave 2x2 places behind the last pooling, where 112 leave 4x4."""
    found = importlib.import_module(f"{HOME}.c3d")
    stages = tuple(
        tuple((name, c_in if c_in == 3 else c_in // 4, c_out // 4) for name, c_in, c_out in convs)
        for convs in found.STAGES
    )
    _set(patch, "c3d", {"STAGES": stages, "FLAT": stages[-1][-1][2] * 4})


def build_mvit(num_classes: int) -> nn.Module:
    """MViTv2 of three blocks, over 16 frames of 32 pixels."""
    block = functools.partial(MSBlockConfig, kernel_q=[3, 3, 3], kernel_kv=[3, 3, 3], stride_kv=[1, 2, 2])
    return MViT(
        spatial_size=(32, 32),
        temporal_size=16,
        block_setting=[
            block(1, 24, 24, stride_q=[1, 1, 1]),
            block(2, 24, 48, stride_q=[1, 2, 2]),
            block(2, 48, 48, stride_q=[1, 1, 1]),
        ],
        residual_pool=True,
        residual_with_cls_embed=False,
        rel_pos_embed=True,
        proj_after_attn=True,
        num_classes=num_classes,
    )


def build_swin(num_classes: int) -> nn.Module:
    """Video Swin of two stages."""
    return SwinTransformer3d([2, 4, 4], 24, [2, 2], [2, 4], [8, 7, 7], num_classes=num_classes)


def build_r3d(num_classes: int) -> nn.Module:
    """R3D of a block a stage; torchvision has no other widths."""
    return VideoResNet(BasicBlock, [Conv3DSimple] * 4, [1, 1, 1, 1], BasicStem, num_classes)
