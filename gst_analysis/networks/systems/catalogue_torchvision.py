"""The systems that torchvision builds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from gst_analysis.networks.systems.catalogue_3d import GREY, KINETICS
from gst_analysis.networks.systems.record import System

HALF_SIZE: Mapping[str, Any] = {"sampling": "dense-2", "resize": 128, "crop": 112, **KINETICS}
"""Fifteen frames a second of small clips. Torchvision squeezes frames to 128 × 171; here they keep their
form."""
WINDOWS = "attention in windows of 8×7×7 patches, over space and time at once; every second layer's are moved"
POOLED = "attention over all patches of space and time; depthwise kernels pool them from stage to stage"
TRAN, SWIN = "Tran et al., CVPR 2018", "Liu et al., CVPR 2022"
_TORCHVISION_MODELS = partial(
    System, module="torchvision_models", classes=400, output="clip", reads=("torchvision",)
)

RECORDS: tuple[System, ...] = (
    _TORCHVISION_MODELS(
        name="r3d-18",
        title="R3D-18",
        family="r3d",
        backbone="resnet18",
        paper=TRAN,
        frames=16,
        size=112,
        params=33_371_472,
        gmacs=40.70,
        space_and_time="both together in every kernel of 3×3×3",
        settings={"builder": "r3d_18"},
        clip=HALF_SIZE,
    ),
    _TORCHVISION_MODELS(
        name="mc3-18",
        title="MC3-18",
        family="mc3",
        backbone="resnet18",
        paper=TRAN,
        frames=16,
        size=112,
        params=11_695_440,
        gmacs=43.34,
        space_and_time="kernels of 3×3×3 in the stem and the first stage, then space alone",
        settings={"builder": "mc3_18"},
        clip=HALF_SIZE,
    ),
    _TORCHVISION_MODELS(
        name="r2plus1d-18",
        title="R(2+1)D-18",
        family="r2plus1d",
        backbone="resnet18",
        paper=TRAN,
        frames=16,
        size=112,
        params=31_505_325,
        gmacs=40.52,
        space_and_time="every 3-D kernel split: space first, then time",
        settings={"builder": "r2plus1d_18"},
        clip=HALF_SIZE,
    ),
    _TORCHVISION_MODELS(
        name="mvit-v1-b",
        title="MViT-B",
        family="mvit",
        backbone="",
        paper="Fan et al., ICCV 2021",
        frames=16,
        size=224,
        params=36_610_672,
        gmacs=70.60,
        space_and_time=POOLED,
        settings={"builder": "mvit_v1_b"},
        clip={"sampling": "dense-4", **GREY},
        lengths="fixed",
    ),
    _TORCHVISION_MODELS(
        name="mvit-v2-s",
        title="MViTv2-S",
        family="mvit",
        backbone="",
        paper="Li et al., CVPR 2022",
        frames=16,
        size=224,
        params=34_537_744,
        gmacs=64.22,
        space_and_time=POOLED,
        settings={"builder": "mvit_v2_s"},
        clip={"sampling": "dense-4", **GREY},
        lengths="fixed",
    ),
    _TORCHVISION_MODELS(
        name="swin3d-t",
        title="Video Swin-T",
        family="swin3d",
        backbone="",
        paper=SWIN,
        frames=32,
        size=224,
        params=28_158_070,
        gmacs=87.76,
        space_and_time=WINDOWS,
        settings={"builder": "swin3d_t"},
        clip={"sampling": "dense-2"},
    ),
    _TORCHVISION_MODELS(
        name="swin3d-s",
        title="Video Swin-S",
        family="swin3d",
        backbone="",
        paper=SWIN,
        frames=32,
        size=224,
        params=49_816_678,
        gmacs=165.68,
        space_and_time=WINDOWS,
        settings={"builder": "swin3d_s"},
        clip={"sampling": "dense-2"},
    ),
    _TORCHVISION_MODELS(
        name="swin3d-b",
        title="Video Swin-B",
        family="swin3d",
        backbone="",
        paper=SWIN,
        frames=32,
        size=224,
        params=88_048_984,
        gmacs=281.33,
        space_and_time=WINDOWS,
        settings={"builder": "swin3d_b"},
        clip={"sampling": "dense-2"},
    ),
)
