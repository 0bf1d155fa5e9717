"""The GPU benchmark runs small on a CPU, and on a GPU at its real size: there it makes the numbers."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("lightning_fabric", reason="training runs on Lightning Fabric")

from benchmarks.gpu import Settings, check_target, main
from gst_analysis.errors import OutputError

TINY = {
    "device": "cpu",
    "model": "gst-resnet26s",
    "width": 8,
    "frames": 2,
    "crop": 32,
    "precision": "fp32",
    "batch_size": 8,
    "steps": 6,
    "rounds": 2,
    "warmup": 1,
    "clips": 60,
    "size": 48,
    "workers": 0,
}


def run(target: Path, settings: dict[str, Any]) -> dict[str, Any]:
    options = [
        text for name, value in settings.items() for text in (f"--{name.replace('_', '-')}", str(value))
    ]
    assert main([*options, "--json", str(target)]) == 0
    record: dict[str, Any] = json.loads(target.read_text())
    return record


def test_a_tiny_run_says_what_it_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = run(tmp_path / "small.json", TINY)
    assert json.loads(capsys.readouterr().out) == record
    assert record["settings"] == {**Settings().__dict__, **TINY}
    assert (record["machine"]["device"], record["network"]["peak_memory_mib"]) == ("cpu", None)
    network, ran = record["network"], record["run"]
    assert network["clips_per_s"] == pytest.approx(8 / statistics.median(network["seconds"]))
    assert (len(network["seconds"]), ran["steps"]) == (2, 6)
    assert (ran["losses"][0], ran["losses"][-1]) == (ran["loss_first"], ran["loss_last"])


def test_numbers_of_a_cpu_go_into_no_file_named_after_a_gpu(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OutputError, match="a run on the cpu"):
        check_target(tmp_path / "training-gpu.json", torch.device("cpu"))
    check_target(tmp_path / "training-gpu.json", torch.device("cuda"))
    assert main(["--device", "cpu", "--json", str(tmp_path / "training-h200.json")]) == 2
    assert "choose another name" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.gpu(real=True)
def test_the_real_size_on_a_gpu(request: pytest.FixtureRequest) -> None:
    """Writes benchmarks/results/training-gpu.json, or to the folder that --gpu-results names."""
    folder = Path(request.config.getoption("--gpu-results"))
    folder.mkdir(parents=True, exist_ok=True)
    record = run(folder / "training-gpu.json", {})
    assert record["machine"]["gpu"] == torch.cuda.get_device_name()
    losses = record["run"]["losses"]
    assert statistics.mean(losses[-5:]) < 0.9 * statistics.mean(losses[:5])
    assert min(record["run"]["clips_per_s"], record["network"]["clips_per_s"]) > 0
