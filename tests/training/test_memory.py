from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from gst_analysis.errors import SpecError
from gst_analysis.networks.devices import is_out_of_memory
from gst_analysis.networks.resnet import VideoResNet
from gst_analysis.training.batches import BatchPlan
from gst_analysis.training.loop import train
from gst_analysis.training.memory import explain_out_of_memory
from tests.training.runs import tiny

OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("MPS backend out of memory (MPS allocated: 5.00 GB)"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:75] . DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["cuda", "mps", "cpu", "cudnn", "python"])
def test_every_devices_way_of_saying_it_is_understood(error: Exception) -> None:
    assert is_out_of_memory(error)
    with (
        pytest.raises(SpecError, match="out of memory"),
        explain_out_of_memory(BatchPlan(100, 24, 1, 0), torch.device("cuda")),
    ):
        raise error


def test_other_errors_pass_through() -> None:
    with (
        pytest.raises(RuntimeError, match="sizes"),
        explain_out_of_memory(BatchPlan(100, 24, 1, 0), torch.device("cpu")),
    ):
        raise RuntimeError("sizes do not match")


@pytest.mark.parametrize(
    ("batch", "pieces", "ranks", "advice"),
    [
        (24, 1, 1, "optimiser.batch_size=12, or optimiser.accumulate=2 "),
        (24, 1, 2, "optimiser.batch_size=12, or optimiser.accumulate=2 "),
        (24, 2, 1, "optimiser.batch_size=12, or optimiser.accumulate=4 "),
        (21, 1, 1, "optimiser.batch_size=10, or optimiser.accumulate=3 "),
        (3, 1, 1, "optimiser.batch_size=1, or optimiser.accumulate=3 "),
        (4, 4, 1, "run.precision=bf16"),
    ],
)
def test_the_advice_can_be_followed(batch: int, pieces: int, ranks: int, advice: str) -> None:
    plan = BatchPlan(100, batch, pieces, 0, ranks=ranks)
    with pytest.raises(SpecError, match=advice), explain_out_of_memory(plan, torch.device("cuda")):
        raise OUT_OF_MEMORY[0]
    if "accumulate" in advice:
        size, more = (int(word.split("=")[1]) for word in advice.replace(",", "").split() if "=" in word)
        assert BatchPlan(100, size, pieces, 0, ranks=ranks).piece <= plan.piece // 2
        assert BatchPlan(100, batch, more, 0, ranks=ranks).piece <= plan.piece // 2


def test_a_run_that_does_not_fit_says_which_batch_size_to_try(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = VideoResNet.forward

    def small_device(self: VideoResNet, clips: torch.Tensor) -> Any:
        if len(clips) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(self, clips)

    monkeypatch.setattr(VideoResNet, "forward", small_device)
    with pytest.raises(SpecError, match=r"expected 6 clips at once .* optimiser\.batch_size=3"):
        train(tiny(world, {"schedule.epochs": "1"}), out=tmp_path)
    train(tiny(world, {"schedule.epochs": "1", "optimiser.accumulate": "2"}), out=tmp_path)
