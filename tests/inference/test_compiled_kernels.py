"""Compiled kernels, interpreted on the CPU in a process of their own, say what float64 says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gst_analysis.inference.gpu_plans import Flow, Layer, Tile, choose_plan

START = """
import itertools
import torch
from torch.nn import functional as F
from unittest import mock
from gst_analysis.inference import gpu_kernels, gpu_stem, gpu_steps
from gst_analysis.inference.gpu_plans import Plan, Tile
from gst_analysis.networks.operators import convolve_taps

LAST = torch.channels_last
torch.manual_seed(0)


def poisoned(like, *shape):
    return torch.full(shape, torch.nan, dtype=like.dtype).contiguous(memory_format=LAST)


def far(found, truth):
    return float((found.double() - truth).norm() / truth.norm())


gpu_kernels.empty = gpu_stem.empty = poisoned
"""
OPERATOR = """
for (channels, temporal, stride, frames, clips, high, wide), kind in itertools.product(CASES, KINDS):
    half, spatial = channels // 2, channels - temporal
    x = torch.randn(clips * frames, channels, high, wide).to(kind).contiguous(memory_format=LAST)
    within, across = torch.randn(spatial, half, 3, 3).to(kind), torch.randn(temporal, half, 3, 3, 3).to(kind)
    bias = torch.randn(channels).to(kind)
    y = F.conv2d(x[:, :half].double(), within.double(), None, stride, 1)
    moved = convolve_taps(x[:, half:].double(), across.double(), frames, stride=stride)
    truth = F.relu(torch.cat([y, moved], 1) + bias.double()[:, None, None])
    weights = gpu_kernels.pack(within), gpu_kernels.pack(across)
    parts = [gpu_kernels.Part(weight, first, half) for weight, first in zip(weights, (0, half))]
    for groups in PLANS:
        plan = Plan(Tile(16, 16, groups), Tile(32, 16, 1), 16, 4, 2)
        found = gpu_kernels.operate(x, *parts, bias, frames, stride=stride, plan=plan, precision="ieee")
        near = 1e-6 if kind == torch.float32 else 1e-3
        assert far(found, truth) < near, (channels, stride, frames, kind, plan)
"""
FEW = """
CASES, KINDS = [(32, 16, 1, 3, 1, 5, 4), (64, 8, 2, 2, 1, 5, 6)], [torch.float32]
PLANS = [2]
"""
MANY = """
CASES = [(32, 16, 1, 3, 2, 5, 4), (64, 16, 2, 2, 2, 7, 6), (64, 8, 1, 4, 1, 5, 5), (32, 8, 2, 1, 3, 6, 7)]
KINDS, PLANS = [torch.float32, torch.float16], [1, 2, 3]
"""
STEM = """
for size in ((8, 8), (9, 7), (10, 33)):
    conv = torch.nn.Conv2d(3, 5, 7, 2, 3)
    stem, x = gpu_steps.FusedStem(conv, compiled=True), torch.randn(2, 3, *size)
    with mock.patch.object(gpu_steps, "can_compute", lambda *inputs: True):
        y = F.conv2d(x.double(), conv.weight.double(), conv.bias.double(), 2, 3)
        truth = F.max_pool2d(F.relu(y), 3, 2, 1)
        assert far(stem(x), truth) < 1e-6, size
        stem.bias.data[0] = torch.nan
        assert stem(x)[:, 0].isnan().all()
"""
NETWORK = """
from gst_analysis.inference.fusing import fuse_network_on_gpu
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec

for name, alpha in (("gst-resnet26s", "1/8"), ("gst-large-resnet26s", "1/4")):
    network = build_model(ModelSpec.from_name(name, alpha=alpha, width=32, num_classes=5)).eval()
    for norm in network.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.normal_(norm.weight, 1, 0.1)
            torch.nn.init.normal_(norm.bias, 0, 0.1)
    fused = fuse_network_on_gpu(fold_norms(network), torch.float32, compiled="ieee")
    assert sum(isinstance(module, gpu_steps.CompiledOperator) for module in fused.modules()) == 8
    clips = torch.randn(1, 2, 3, 33, 32)
    with torch.no_grad(), mock.patch.object(gpu_steps, "can_compute", lambda *inputs: True):
        assert far(fused(clips), network(clips).double()) < 1e-5
"""


def run_interpreted(*pieces: str) -> None:
    pytest.importorskip("triton")
    told = {**os.environ, "TRITON_INTERPRET": "1"}
    code = "\n".join((START, *pieces))
    done = subprocess.run([sys.executable, "-c", code], env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_kernels_say_what_float64_says() -> None:
    run_interpreted(FEW, OPERATOR, STEM)


@pytest.mark.slow
def test_they_say_so_in_every_form_and_in_whole_networks() -> None:
    run_interpreted(MANY, OPERATOR, NETWORK)


def test_a_plan_covers_the_filters_and_fits_what_is_read() -> None:
    for channels in (32, 64, 128, 256, 512):
        for share in (2, 4, 8):
            layer = Layer(
                channels, channels // 2, channels - channels // share, channels // 2, channels // share, 1
            )
            for clips, frames, size in ((1, 8, 2), (32, 8, 2), (32, 1, 4), (64, 16, 4)):
                plan = choose_plan(layer, Flow(clips, frames, 49, size))
                assert layer.space_reads % plan.depth == 0
                assert plan.depth >= 16
    assert Layer(40, 20, 30, 20, 10, 1).fits is False


def test_plans_are_the_measured_ones() -> None:
    layer = Layer(128, 64, 96, 64, 32, 1)
    assert choose_plan(layer, Flow(32, 8, 784, 2)).space == Tile(128, 128, 1)
