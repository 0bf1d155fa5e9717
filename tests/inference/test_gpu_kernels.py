"""Compiled kernels on a GPU say what float64 says, and the networks that use them what the plain ones say."""

from __future__ import annotations

import copy
import importlib
import itertools
import logging
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gst_analysis.inference import gpu_steps
from gst_analysis.inference.fusing import OneConvolution, fuse_network_on_gpu
from gst_analysis.inference.gpu_plans import Flow, Layer, Plan, Tile, choose_plan
from gst_analysis.inference.gpu_trial import try_compiled
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.operators import convolve_taps
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.progress import NOTICES
from tests.untyped import gradient

pytestmark = pytest.mark.gpu(real=True)
NEAR = {torch.bfloat16: 1e-2, torch.float16: 2e-3, torch.float32: 2e-3}
SHAPES = list(
    itertools.product(
        [(64, 16), (64, 8), (128, 64), (512, 128)], [1, 2], [(1, 8, 14, 14), (2, 1, 7, 9), (3, 5, 9, 7)], NEAR
    )
)


def poisoned(like: torch.Tensor, *shape: int) -> torch.Tensor:
    """What is not written shows."""
    last = torch.channels_last
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=last).fill_(torch.nan)


def difference(found: torch.Tensor, truth: torch.Tensor) -> float:
    return float((found.double() - truth).norm() / truth.norm())


@pytest.mark.parametrize(("widths", "stride", "flow", "kind"), SHAPES)
def test_the_operator_says_what_float64_says(
    widths: tuple[int, int], stride: int, flow: tuple[int, int, int, int], kind: torch.dtype
) -> None:
    kernels = pytest.importorskip("gst_analysis.inference.gpu_kernels")
    (channels, temporal), (clips, frames, height, width) = widths, flow
    generator = torch.Generator("cuda").manual_seed(channels + height)

    def draw(*shape: int, scale: float = 1.0) -> torch.Tensor:
        return (torch.randn(shape, generator=generator, device="cuda") * scale).to(kind)

    half, spatial = channels // 2, channels - temporal
    x = draw(clips * frames, channels, height, width).contiguous(memory_format=torch.channels_last)
    within, across = draw(spatial, half, 3, 3, scale=0.1), draw(temporal, half, 3, 3, 3, scale=0.1)
    bias = draw(channels)
    y = F.conv2d(x[:, :half].double(), within.double(), None, stride, 1)
    moved = convolve_taps(x[:, half:].double(), across.double(), frames, stride=stride)
    truth = F.relu(torch.cat([y, moved], 1) + bias.double()[:, None, None])
    layer = Layer(channels, half, spatial, half, temporal, stride)
    depth = 32
    plans = [
        choose_plan(layer, Flow(clips, frames, y.shape[2] * y.shape[3], x.element_size())),
        Plan(Tile(64, 32, 2), Tile(64, 16, 1), depth, 4, 3),
    ]
    for plan in plans:
        with mock.patch.object(kernels, "empty", poisoned):
            parts = (
                kernels.Part(kernels.pack(within), 0, half),
                kernels.Part(kernels.pack(across), half, half),
            )
            found = kernels.operate(x, *parts, bias, frames, stride=stride, plan=plan, precision="tf32")
        assert difference(found, truth) < NEAR[kind], plan


@pytest.mark.parametrize("kind", NEAR)
@pytest.mark.parametrize("size", [(32, 32), (33, 47), (224, 224)])
def test_the_stem_says_what_float64_says(size: tuple[int, int], kind: torch.dtype) -> None:
    pytest.importorskip("triton")
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 64, 7, 2, 3).cuda()
    stem = gpu_steps.FusedStem(copy.deepcopy(conv), compiled=True).to(kind)
    x = torch.randn(5, 3, *size, device="cuda")
    with torch.no_grad():
        truth = F.max_pool2d(F.relu(conv.double()(x.double())), 3, 2, 1)
        assert difference(stem(x), truth) < NEAR[kind]
        stem.bias[0] = float("nan")
        assert stem(x)[:, 0].isnan().all()  # what is no number must not become one


def build(name: str, alpha: str = "1/4") -> nn.Module:
    torch.manual_seed(0)
    network = build_model(ModelSpec.from_name(name, alpha=alpha, num_classes=7)).eval()
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.normal_(norm.weight, 0.5, 0.1)
            nn.init.normal_(norm.bias, 0, 0.1)
    return network.cuda()


@pytest.mark.parametrize(
    ("name", "alpha"), [("gst-resnet50", "1/4"), ("gst-resnet50", "1/8"), ("gst-large-resnet26s", "1/4")]
)
def test_a_compiled_network_says_what_the_plain_one_says(name: str, alpha: str) -> None:
    pytest.importorskip("triton")
    network = build(name, alpha)
    fused = fuse_network_on_gpu(fold_norms(network), torch.bfloat16, compiled="tf32")
    assert any(isinstance(module, gpu_steps.CompiledOperator) for module in fused.modules())
    for shape in ((2, 4, 3, 64, 96), (1, 1, 3, 65, 33), (16, 8, 3, 112, 112)):
        clips = torch.randn(shape, device="cuda")
        with torch.no_grad():
            truth = network(clips).double()
            with torch.autocast("cuda", torch.bfloat16):
                assert difference(fused(clips), truth) < 5e-2


def test_where_a_gradient_is_asked_for_the_steps_are_plain() -> None:
    pytest.importorskip("triton")
    network = build("gst-resnet26s").double()  # in fp32 the order of sums shows in so small a gradient
    gradients = []
    for one in (network, fuse_network_on_gpu(fold_norms(network), torch.float64, compiled="ieee")):
        generator = torch.Generator().manual_seed(0)
        clips = torch.randn(1, 3, 3, 48, 48, generator=generator, dtype=torch.float64).cuda()
        clips.requires_grad_(True)
        one(clips)[:, 1].sum().backward()
        gradients.append(gradient(clips))
    assert difference(gradients[1], gradients[0]) < 1e-8


def test_what_was_compiled_is_marked_and_what_fails_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    caplog.set_level(logging.INFO, NOTICES)
    folded, clips = fold_norms(build("gst-resnet26s")), (2, 4, 3, 64, 64)
    assert try_compiled(folded, torch.bfloat16, clips, pays=False) is None
    assert try_compiled(folded, torch.float32, clips, pays=True) is None
    assert try_compiled(folded, torch.bfloat16, clips, pays=True) is not None
    assert "once" in caplog.text
    assert try_compiled(folded, torch.bfloat16, clips, pays=False) is not None  # now it costs little
    kernels = importlib.import_module("gst_analysis.inference.gpu_kernels")
    with mock.patch.object(kernels, "operate", side_effect=RuntimeError("no ptxas")):
        assert try_compiled(folded, torch.bfloat16, clips, pays=True) is None
    assert "no ptxas" in caplog.text
    operate = kernels.operate
    with mock.patch.object(kernels, "operate", lambda *args, **options: operate(*args, **options).flip(1)):
        assert try_compiled(folded, torch.bfloat16, clips, pays=True) is None
    plain = fuse_network_on_gpu(folded, torch.bfloat16)
    assert any(isinstance(module, OneConvolution) for module in plain.modules())
