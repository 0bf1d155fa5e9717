"""Where networks reach over frames: derived from arithmetic or found by running, against weights."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import gst_analysis as gst
from gst_analysis.networks.families import runnable_families
from gst_analysis.networks.registry import anatomy_of, build_without_values, spec_from_name
from gst_analysis.networks.systems import SYSTEMS
from gst_analysis.networks.time_kernels import MovedChannels, TimeKernel
from gst_analysis.networks.time_modules import find_axis
from tests.networks.brought import CLASSES, FRAMES, SIZE, bring

QUICK = ("r3d-18",)
"""It is small and plain; the other systems wait for the longer run."""
CLIP = gst.ClipSpec(frames=FRAMES, resize=SIZE, crop=SIZE)


def list_weights(kernels: tuple[TimeKernel, ...]) -> set[str]:
    return {kernel.weight for kernel in kernels if kernel.weight}


@pytest.mark.parametrize("family", runnable_families())
@pytest.mark.parametrize("backbone", ["resnet26s", "mobilenetv2"])
def test_designs_list_every_weight_with_an_axis_of_time(family: str, backbone: str) -> None:
    spec = gst.ModelSpec.from_name(f"{family}-{backbone}") if backbone != "mobilenetv2" else None
    if spec is None and family not in ("c2d", "tsm", "sth"):
        return
    spec = spec or gst.ModelSpec.from_name(f"{family}-mobilenetv2")
    shapes = {name: w.shape for name, w in build_without_values(spec).state_dict().items()}
    kernels = anatomy_of(spec).time_kernels
    assert list_weights(kernels) == {name for name, shape in shapes.items() if len(shape) == 5}
    shifts = [kernel for kernel in kernels if kernel.kind == "shift"]
    assert bool(shifts) == (family == "tsm")
    by_channel = family == "sth" and backbone == "mobilenetv2"
    assert {kernel.kind for kernel in kernels} <= {"shift", "by channel" if by_channel else "kernel"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in SYSTEMS]
)
def test_systems_list_every_weight_with_taps_over_time(name: str) -> None:
    """By shape alone: 5-D with more than one tap first, or 3-D of a module that is a convolution."""
    spec = spec_from_name(name)
    network = build_without_values(spec)
    modules = dict(getattr(network, "inner", network).named_modules())
    expected = {
        f"{part}.weight"
        for part, module in modules.items()
        if isinstance(module, (nn.Conv1d, nn.Conv3d)) and module.kernel_size[0] > 1
    }
    fused = {f"{part}.weight" for part in modules if ".channel_conv" in part}  # GSF's, over channels and time
    kernels = anatomy_of(spec).time_kernels
    assert list_weights(kernels) == expected | fused
    assert all(kernel.place and kernel.name for kernel in kernels)
    state = network.state_dict()
    assert all(state[kernel.weight].shape[kernel.axis] > 1 for kernel in kernels if kernel.weight)


@pytest.mark.slow
def test_what_a_network_does_by_other_means_is_told_by_its_modules() -> None:
    kinds = {
        name: {kernel.kind for kernel in anatomy_of(spec_from_name(name)).time_kernels}
        for name in ("tsm-nl-r50", "gsf-r50", "tsn-bninception")
    }
    assert kinds == {"tsm-nl-r50": {"shift"}, "gsf-r50": {"gate", "moved by clip"}, "tsn-bninception": set()}
    first = anatomy_of(spec_from_name("tsm-nl-r50")).time_kernels[0]
    assert first.moved == MovedChannels(64, 8, 8)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("three-d", {f"blocks.{n}.time.weight": ("temporal", "kernel") for n in range(3)}),
        ("pooled", {f"blocks.{n}.time.weight": ("temporal", "kernel") for n in range(3)}),
        ("by-frame", {}),
        ("tokens", {"patch.weight": ("all", "kernel")}),
        ("pathways", {f"{path}.time.weight": ("temporal", "kernel") for path in ("slow", "fast")}),
    ],
)
def test_networks_that_are_brought(name: str, expected: dict[str, tuple[str, str]]) -> None:
    kernels = bring(name).anatomy.time_kernels
    assert {kernel.weight: (kernel.group, kernel.kind) for kernel in kernels} == expected


class OddAxes(nn.Module):
    """Frames lie along other axes than a 3-D convolution's first; one convolution runs over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Conv1d(3, 3, 3, padding=1, groups=3)  # (N*H*W, C, T)
        self.rows = nn.Conv2d(3, 4, (3, 1), padding=(1, 0))  # (N, C, T, H*W)
        self.last = nn.Conv2d(4, 4, (1, 3), padding=(0, 1))  # (N, C, H*W, T)
        self.attention = nn.Conv1d(1, 1, 3, padding=1)  # over channels: (N*T, 1, C)
        self.far = nn.Conv3d(4, 4, (3, 1, 1), padding=(2, 0, 0), dilation=(2, 1, 1))
        self.head = nn.Linear(4, CLASSES)

    def forward(self, clips: Tensor) -> Tensor:
        n, t, c, h, w = clips.shape
        x = self.shift(clips.permute(0, 3, 4, 2, 1).reshape(-1, c, t))
        x = self.rows(x.reshape(n, h * w, c, t).permute(0, 2, 3, 1))
        x = self.last(x.transpose(2, 3)).transpose(2, 3)  # (N, 4, T, H*W)
        x = self.far(x.reshape(n, 4, t, h, w))
        means = x.mean((3, 4)).transpose(1, 2).reshape(n * t, 1, 4)
        gates = self.attention(means).sigmoid().reshape(n, t, 4)
        y: Tensor = self.head((x.mean((3, 4)).transpose(1, 2) * gates).mean(1))
        return y


def test_time_is_the_axis_that_grows_with_the_clip() -> None:
    network = gst.adopt(OddAxes().eval(), clip_spec=CLIP)
    found = {kernel.name: (kernel.axis, kernel.kind) for kernel in network.anatomy.time_kernels}
    assert found == {
        "shift": (2, "by channel"),
        "rows": (2, "kernel"),
        "last": (3, "kernel"),
        "far": (2, "kernel"),
    }
    assert {kernel.name: kernel.dilation for kernel in network.anatomy.time_kernels}["far"] == 2
    table = gst.temporal_use(network).kernels.set_index("layer")
    weight = network.checkpoint.state["last.weight"].double()
    constant = 3 * weight.mean(3).square().sum((1, 2)) / weight.square().sum((1, 2, 3))
    assert table.loc["last", "varying"] == pytest.approx(float((1 - constant).mean()))


def test_a_row_of_tokens_is_no_axis_of_frames() -> None:
    conv = nn.Conv1d(4, 4, 3)
    assert find_axis(conv, 6, (1, 4, 96), (1, 4, 192)) is None
    assert find_axis(conv, 6, (1, 4, 6), (1, 4, 12)) == 2
    assert find_axis(nn.Conv2d(4, 4, 3), 6, (6, 4, 8, 8), (12, 4, 8, 8)) is None
    assert find_axis(nn.Conv3d(4, 4, 3), 6, None, None) == 2
    assert find_axis(nn.MaxPool3d((2, 1, 1)), 6, None, None) == 2
    for within in (nn.MaxPool2d(2), nn.AvgPool2d(3), nn.MaxPool3d((1, 2, 2))):
        assert find_axis(within, 6, None, None) is None
    assert find_axis(nn.Conv3d(4, 4, (1, 3, 3)), 6, (1, 4, 6, 8, 8), (1, 4, 12, 8, 8)) is None
    causal = nn.Conv3d(4, 4, (3, 1, 1), padding=(2, 0, 0))
    assert find_axis(causal, 6, (1, 4, 8, 8, 8), (1, 4, 14, 8, 8)) == 2
    assert find_axis(conv, 6, (1, 4, 8), (1, 4, 16)) is None, "more than a clip's frames came to it"


@pytest.mark.parametrize("taps", [2, 3, 5])
def test_kernels_that_look_back_alone_are_found(taps: int) -> None:
    """Padded at both ends and cut afterwards, so that their own output is longer than the clip."""

    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.space = nn.Conv3d(3, 4, (1, 3, 3), padding=(0, 1, 1))
            self.back = nn.Conv3d(4, 4, (taps, 1, 1), padding=(taps - 1, 0, 0))
            self.head = nn.Linear(4, 5)

        def forward(self, x: Tensor) -> Tensor:
            seen = self.back(self.space(x))[:, :, : x.shape[2]]
            y: Tensor = self.head(seen.mean((2, 3, 4)))
            return y

    network = gst.adopt(Causal().eval(), clip_spec=CLIP, layout="NCTHW")
    (kernel,) = network.anatomy.time_kernels
    assert (kernel.name, kernel.axis, kernel.group) == ("back", 2, "temporal")
    with torch.no_grad():
        kept = network.module.get_parameter("back.weight")
        kept.copy_(kept[:, :, :1].expand_as(kept).clone())
    assert (gst.temporal_use(network).table["varying"] == 0).all()
