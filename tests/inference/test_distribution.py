"""Several processes say what one says, and their errors and failures come back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import SpecError
from gst_analysis.inference.logits import FrameLogits
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.processes import count_outer_processes, is_leader
from tests.conftest import build_small
from tests.inference.fakes import Brightness, fake_model, record, write_greys

pytestmark = pytest.mark.filterwarnings(
    # the processes that we start import everything anew, under no filter of ours
    "ignore::DeprecationWarning:lightning_fabric"
)


def on(devices: int, **changes: object) -> InferenceSettings:
    return InferenceSettings(device="cpu", devices=devices, readers=1, **changes)  # type: ignore[arg-type] # settings by name, of any type


def plant_clips(root: Path) -> list[ClipRecord]:
    rng = np.random.default_rng(0)
    clips = [record(write_greys(root / f"{n}", rng.integers(0, 256, 4).tolist()), n % 4) for n in range(7)]
    return [*clips[:3], record(root / "gone"), *clips[3:], record(root / "gone too", 1)]


@pytest.fixture
def real(tmp_path: Path) -> LoadedModel:
    path = save_model(
        tmp_path / "net.pth", build_small("gst-resnet26s"), clip_spec=ClipSpec(3, resize=32, crop=32)
    )
    return load_model(path)


@pytest.mark.slow
def test_two_processes_say_what_one_says(tmp_path: Path, real: LoadedModel) -> None:
    clips, seen = plant_clips(tmp_path / "clips"), []
    environment = dict(os.environ)
    alone = measure_frame_logits(real, clips, settings=on(1, clips=2))
    together = measure_frame_logits(
        real, clips, settings=on(2, clips=2), progress=lambda done, of, _: seen.append((done, of))
    )
    assert together.clips == alone.clips == tuple("0123456")
    assert together.failures == alone.failures
    assert list(together.failures) == ["gone", "gone too"]
    assert together.labels.tolist() == alone.labels.tolist()
    np.testing.assert_allclose(together.logits, alone.logits, rtol=1e-5, atol=1e-6)
    assert np.ptp(alone.logits[..., 0], axis=0).min() > 1e-3  # or any order of clips would pass
    assert seen[-1] == (9, 9)
    assert sorted(seen) == seen
    assert dict(os.environ) == environment
    assert not [t for t in threading.enumerate() if t.name == "watch-progress"]


@pytest.mark.slow
def test_more_processes_than_clips_are_no_trouble(tmp_path: Path) -> None:
    clips = [record(write_greys(tmp_path / "one", [10, 20, 30]))]
    logits = measure_frame_logits(fake_model(), clips, settings=on(2))
    np.testing.assert_allclose(logits.logits[0, :, 0], np.array([10, 20, 30]) / 255, rtol=1e-5)


class Exhausted(Brightness):
    def forward(self, clips: Tensor) -> Tensor:
        raise torch.OutOfMemoryError("out of memory")


@pytest.mark.slow
def test_an_error_in_another_process_is_the_same_one_line(tmp_path: Path) -> None:
    clips = plant_clips(tmp_path / "clips")
    with pytest.raises(SpecError, match=r"views at once to fit .* try a batch of"):
        measure_frame_logits(fake_model(module=Exhausted()), clips, settings=on(2, batch=2))


SCRIPT = """
import sys
from pathlib import Path
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.clips.finding import find_clips
from gst_analysis.processes import is_leader
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings

settings = InferenceSettings(device="cpu", readers=1)
logits = measure_frame_logits(load_model(sys.argv[1]), find_clips(sys.argv[2]), settings=settings)
logits.save(Path(sys.argv[3]) / ("leader.npz" if is_leader() else "other.npz"))
"""


@pytest.mark.slow
def test_processes_that_torchrun_starts_share_the_clips(tmp_path: Path, real: LoadedModel) -> None:
    plant_clips(tmp_path / "clips")
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "out").mkdir()
    arguments = [tmp_path / "script.py", real.checkpoint.path, tmp_path / "clips", tmp_path / "out"]
    run = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [sys.executable, *run, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = [FrameLogits.load(tmp_path / "out" / f"{name}.npz") for name in ("leader", "other")]
    alone = measure_frame_logits(
        real, [record(tmp_path / "clips" / name) for name in "0123456"], settings=on(1)
    )
    for result in results:
        assert [Path(clip).name for clip in result.clips] == list("0123456")
        np.testing.assert_allclose(result.logits, alone.logits, rtol=1e-5, atol=1e-6)


TORCHRUN = {"WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4", "TORCHELASTIC_RUN_ID": "x", "RANK": "3"}
SLURM = {"SLURM_NTASKS": "8", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "eval", "SLURM_PROCID": "7"}


@pytest.mark.parametrize(
    ("environment", "counted", "leads"),
    [
        ({}, None, True),
        ({"WORLD_SIZE": "8"}, None, True),  # anybody may set that
        (TORCHRUN, (4, 2), False),
        (TORCHRUN | {"RANK": "0"}, (4, 2), True),
        (TORCHRUN | {"WORLD_SIZE": "1", "LOCAL_WORLD_SIZE": "1", "RANK": "0"}, None, True),
        (SLURM, (4, 2), False),
        (SLURM | {"SLURM_PROCID": "0"}, (4, 2), True),
        (SLURM | {"SLURM_JOB_NAME": "bash"}, None, True),
    ],
)
def test_who_started_us_is_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    counted: tuple[int, int] | None,
    *,
    leads: bool,
) -> None:
    for name in list(os.environ):
        if name.startswith(("SLURM_", "TORCHELASTIC_")) or name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE", "RANK"):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert count_outer_processes() == counted
    assert is_leader() == leads


def test_a_prompt_cannot_start_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    with pytest.raises(SpecError, match="devices: expected 1 in a notebook or at a prompt; found 2"):
        measure_frame_logits(fake_model(), plant_clips(tmp_path), settings=on(2))
