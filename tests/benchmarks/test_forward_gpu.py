"""The forward benchmark for a GPU runs small on a CPU, and its forms say what the product says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.forward_gpu import Settings, main
from benchmarks.gpu_forms import FORMS, TRAINED, fold_3d, fuse, replace_operators
from benchmarks.gpu_networks import Networks, Setting, build_networks, count_work
from benchmarks.gpu_rows import find_baseline
from benchmarks.pairing import Call
from gst_analysis.analyses.cost.counting import summarise_cost
from gst_analysis.networks.folding import fold_norms

CPU = torch.device("cpu")
TINY = {
    "device": "cpu",
    "size": 32,
    "frames": "2",
    "batches": "1",
    "most": 0,
    "precisions": "bf16,fp32",
    "rounds": 2,
    "seconds": 0,
    "matrix": 64,
    "copied-mib": 1,
    "families": "p3d",
    "parts": "forward,forms,training,families",
}


@pytest.fixture(scope="module")
def networks() -> Networks:
    return build_networks("gst-resnet50", "1/4", CPU, size=32)


@pytest.mark.slow
def test_a_tiny_run_says_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "small.json"
    assert main([*(f"--{name}={value}" for name, value in TINY.items()), "--json", str(target)]) == 0
    record = json.loads(target.read_text())
    printed = capsys.readouterr().out
    rows = record["rows"]
    assert {row["part"] for row in rows} == {"forward", "forms", "training", "families"}
    assert all(row["name"] in printed and row["ms"]["median"] > 0 for row in rows)
    exact = [row for row in rows if row["precision"] == "fp32"]
    assert exact
    assert all(row["difference"] < 1e-3 for row in exact)
    assert (record["settings"]["size"], record["machine"]["device"]) == (32, "cpu")
    targets = {target["target"] for target in record["targets"]}
    assert targets == {"share of the 2-D time", "times faster than 3-D"}


def test_numbers_of_a_cpu_go_into_no_file_named_after_a_gpu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("forward-gpu.json", "forward-h100.json"):
        assert main(["--device", "cpu", "--json", str(tmp_path / name)]) == 2
    assert "choose another name" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert Settings().device == "cuda"


@pytest.mark.parametrize("word", [word for word in FORMS if "Triton" not in word])
def test_forms_say_what_the_product_says(networks: Networks, word: str) -> None:
    clips = torch.randn(2, 3, 3, 32, 32)
    with torch.no_grad():
        truth, found = networks.product(clips), fuse(fold_norms(networks.product), FORMS[word])(clips)
    assert float((found - truth).norm() / truth.norm()) < 1e-4


def test_trained_forms_and_the_folded_3d_form_say_it_too(networks: Networks) -> None:
    clips = torch.randn(1, 3, 3, 32, 32)
    others = [replace_operators(networks.product, form) for form in TRAINED.values()]
    with torch.no_grad():
        truth = networks.product(clips)
        for other in (*others, networks.reference, fold_3d(networks.reference)):
            assert float((other(clips) - truth).norm() / truth.norm()) < 1e-4


def test_the_work_is_that_of_the_cost_arithmetic(networks: Networks) -> None:
    work = count_work(networks, 2, 32, CPU)["GST"]
    assert sum(flops for flops, _, _ in work.layers) == work.flops
    assert work.flops < summarise_cost(networks.product.spec, size=32).flops  # of eight frames
    rates = {"fp32": 1e12, "bf16": 1e12, "copy": 1e30}
    assert work.least_seconds(Setting("fp32", 3, 2), rates) == pytest.approx(3 * work.flops / 1e12)


def test_a_network_is_measured_by_those_treated_as_it_was() -> None:
    names = ("3-D", "3-D folded", "3-D folded, channels last", "2-D", "2-D folded", "2-D fused")
    timings = {name: [Call(seconds, 0.0)] for name, seconds in zip(names, (5, 4, 3, 2, 2, 1), strict=True)}
    assert find_baseline(timings, "GST", "2-D") == "2-D"
    assert find_baseline(timings, "GST folded", "3-D") == "3-D folded, channels last"
    assert find_baseline(timings, "GST fused", "2-D") == "2-D fused"
    assert find_baseline(timings, "GST fused", "3-D") == "3-D folded, channels last"


KERNELS = """
import torch
from torch.nn import functional as F
from benchmarks.gpu_kernels import finish_taps
from gst_analysis.networks.operators import convolve_clips

for channels, temporal, stride in ((32, 16, 1), (64, 16, 2)):
    x = torch.randn(6, channels, 5, 4).contiguous(memory_format=torch.channels_last)
    half, spatial = channels // 2, channels - temporal
    within, across = torch.randn(spatial, half, 3, 3), torch.randn(temporal, half, 3, 3, 3)
    bias = torch.randn(channels)
    y = F.conv2d(x[:, :half], within, None, stride, 1)
    truth = torch.cat([y, convolve_clips(x[:, half:], across, 3, stride=stride)], 1)
    truth = F.relu(truth + bias[:, None, None])
    taps = F.conv2d(x[:, half:], across.movedim(2, 0).flatten(0, 1), None, stride, 1)
    wide = torch.cat([y, taps], 1).contiguous(memory_format=torch.channels_last)
    found = finish_taps(wide, bias, 3, temporal=temporal, relu=True)
    assert (found - truth).norm() < 1e-5 * truth.norm()
"""


@pytest.mark.slow
def test_the_kernel_says_it_too() -> None:
    """Interpreted on the CPU, in a process that is told so before Triton is imported."""
    pytest.importorskip("triton")
    told = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run([sys.executable, "-c", KERNELS], env=told, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
