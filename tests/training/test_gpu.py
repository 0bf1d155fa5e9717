"""The same loop on a GPU: as on the CPU, resumable, and leaving nothing in its memory."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

pytest.importorskip("lightning_fabric", reason="training runs on Lightning Fabric")

from gst_analysis.errors import SpecError
from gst_analysis.training.loop import train
from tests.training.runs import assert_same, at_step, render, tiny, weights

pytestmark = pytest.mark.gpu
CUDA = {
    "run.device": "cuda",
    "run.tensorboard": "false",
    "data.workers": "1",
    "model.dropout": "0",
    "optimiser.lr": "0.001",
    "world.container": "frames",
    "data.clips": "frames",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world of the other tests, in JPEG folders: no video library is needed."""
    return render(tmp_path_factory.mktemp("gpu") / "world", "frames")


@pytest.fixture
def full_precision() -> Iterator[None]:
    """Convolutions in fp32 proper, not TF32."""
    convolutions = torch.backends.cudnn.conv  # type: ignore[attr-defined] # made at run time
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    yield
    convolutions.fp32_precision = before


@pytest.mark.usefixtures("full_precision")
def test_losses_are_those_of_the_cpu(world: Path, tmp_path: Path) -> None:
    train(tiny(world, CUDA), out=tmp_path / "gpu")
    train(tiny(world, {**CUDA, "run.device": "cpu"}), out=tmp_path / "cpu")
    gpu, cpu = (pd.read_csv(tmp_path / name / "steps.csv")["loss"] for name in ("gpu", "cpu"))
    np.testing.assert_allclose(gpu, cpu, rtol=1e-3)
    gpu, cpu = (pd.read_csv(tmp_path / name / "epochs.csv")["val_loss"] for name in ("gpu", "cpu"))
    np.testing.assert_allclose(gpu, cpu, rtol=1e-3)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns(precision: str, world: Path, tmp_path: Path) -> None:
    changes = {**CUDA, "run.precision": precision, "optimiser.lr": "0.05", "schedule.epochs": "15"}
    table = train(tiny(world, changes), out=tmp_path).table
    assert table["loss"].iloc[-1] < 0.7 * table["loss"].iloc[0]
    assert all(tensor.dtype in (torch.float32, torch.int64) for tensor in weights(tmp_path).values())


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_deterministic_run_resumes_exactly(precision: str, world: Path, tmp_path: Path) -> None:
    changes = {**CUDA, "run.deterministic": "true", "model.dropout": "0.3", "run.precision": precision}
    train(tiny(world, changes), out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(
            tiny(world, changes),
            out=tmp_path / "cut",
            progress=at_step(6, lambda: signal.raise_signal(signal.SIGINT)),
        )
    train(tiny(world, changes), out=tmp_path / "cut", resume=True)
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))


def test_memory_is_given_back(world: Path, tmp_path: Path) -> None:
    def used() -> int:
        gc.collect()
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated()

    train(tiny(world, {**CUDA, "schedule.epochs": "1"}), out=tmp_path / "first")
    before = used()
    train(tiny(world, {**CUDA, "schedule.epochs": "1"}), out=tmp_path / "second")
    assert used() <= before


@pytest.mark.gpu(real=True)
def test_too_little_memory_is_said_with_a_batch_size(world: Path, tmp_path: Path) -> None:
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + 3 * 2**20) / total))
    try:
        with pytest.raises(SpecError, match=r"try optimiser\.batch_size="):
            train(tiny(world, {**CUDA, "clip.crop": "224", "clip.resize": "224"}), out=tmp_path)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
