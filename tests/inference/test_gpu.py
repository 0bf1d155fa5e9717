"""Inference on a GPU says what it says on the CPU, and gives its memory back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from gst_analysis.analyses.evaluation.measure import measure_accuracy
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from tests.conftest import build_small
from tests.inference.fakes import record, write_greys
from tests.untyped import untyped

pytestmark = pytest.mark.gpu

SMALL = ["gst-resnet26s", "sth-resnet26s", "p3d-resnet18", "c3d-g2-resnet26s", "tsm-mobilenetv2"]


def load_small(tmp_path: Path, name: str) -> LoadedModel:
    clip = ClipSpec(3, resize=48, crop=40)
    return load_model(save_model(tmp_path / f"{name}.pth", build_small(name), clip_spec=clip))


def plant_clips(root: Path) -> list[ClipRecord]:
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 256, (6, 5, 2))
    paths = [write_greys(root / f"{n}", [(int(a), int(b)) for a, b in pair]) for n, pair in enumerate(pairs)]
    return [*(record(path, n % 5) for n, path in enumerate(paths)), record(root / "gone", 0)]


def relative(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max() / np.abs(other).max())


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", SMALL)
def test_the_gpu_says_what_the_cpu_says(tmp_path: Path, name: str, *, fold: bool) -> None:
    model, clips = load_small(tmp_path, name), plant_clips(tmp_path / "clips")
    cpu, gpu, rough = (
        measure_frame_logits(
            model, clips, settings=InferenceSettings(2, 3, 4, device, precision=precision, fold=fold)
        )
        for device, precision in (("cpu", "fp32"), ("cuda", "fp32"), ("cuda", "bf16"))
    )
    assert relative(gpu.logits, cpu.logits) < 1e-3
    assert relative(rough.logits, cpu.logits) < 0.1
    assert gpu.clips == cpu.clips
    assert gpu.failures == cpu.failures
    assert next(model.module.parameters()).device.type == "cpu"


def test_evaluate_gives_memory_and_settings_back(tmp_path: Path) -> None:
    model = load_small(tmp_path, "gst-resnet26s")
    records = RecordList(tuple(plant_clips(tmp_path / "clips")))
    precise = untyped(torch.backends.cudnn).conv.fp32_precision
    measure_accuracy(model, records, settings=InferenceSettings(device="cuda"))
    before = torch.cuda.memory_allocated()
    for fold in (True, False):
        done = measure_accuracy(model, records, settings=InferenceSettings(device="cuda", batch=2, fold=fold))
    assert done.summary.clips == 6
    assert torch.cuda.memory_allocated() <= before
    assert untyped(torch.backends.cudnn).conv.fp32_precision == precise


def test_auto_is_the_gpu(tmp_path: Path) -> None:
    logits = measure_frame_logits(
        load_small(tmp_path, "gst-resnet26s"), plant_clips(tmp_path / "clips"), settings=InferenceSettings()
    )
    assert logits.provenance.settings["device"] == "cuda"


@pytest.mark.gpu(real=True)
@pytest.mark.slow
def test_a_process_of_its_own_drives_the_gpu(tmp_path: Path) -> None:
    """Also where there is one GPU only: Fabric starts a process for it."""
    from gst_analysis.inference.distribution import measure_shares
    from gst_analysis.inference.running import Job
    from gst_analysis.inference.views import ViewPlan

    model, clips = load_small(tmp_path, "gst-resnet26s"), plant_clips(tmp_path / "clips")
    settings = InferenceSettings(device="cuda")
    views = ViewPlan.of(settings, model.clip_spec, (), 5)
    job = Job(model, settings, views, tuple(clips))
    (share,) = measure_shares(job, job.list_units(), lambda done: None)
    alone = measure_frame_logits(model, clips, settings=settings)
    np.testing.assert_allclose(share.logits, alone.logits, rtol=1e-4, atol=1e-5)
