"""The systems that put a temporal module into a 2-D ResNet-50 and answer for every frame."""

from __future__ import annotations

from gst_analysis.networks.systems.record import System

_NONLOCAL = {"pairwise": "embedded", "subsample": True, "bias": True}

RECORDS: tuple[System, ...] = (
    System(
        name="tsm-nl-r50",
        title="TSM with non-local blocks",
        family="tsm-nl",
        backbone="resnet50",
        module="nonlocal2d",
        paper="Lin et al., ICCV 2019; Wang et al., CVPR 2018",
        frames=8,
        size=224,
        classes=400,
        output="frames",
        params=31_686_096,
        gmacs=61.1,
        space_and_time="space in every 3x3; time in shifted channels; five non-local blocks see all frames",
        settings={"shift": True, **_NONLOCAL},
        reads=("TSM", "MMAction2"),
        clip={"sampling": "dense-8"},
    ),
    System(
        name="c2d-nl-r50",
        title="C2D with non-local blocks",
        family="c2d-nl",
        backbone="resnet50",
        module="nonlocal2d",
        paper="Wang et al., CVPR 2018",
        frames=8,
        size=224,
        classes=400,
        output="frames",
        params=31_686_096,
        gmacs=61.1,
        space_and_time="space in every 3x3; five non-local blocks see all frames, not their order",
        settings={"shift": False, **_NONLOCAL},
        reads=("TSM", "MMAction2"),
    ),
)
