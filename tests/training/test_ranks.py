"""Two CPU processes over gloo against one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from torch import Tensor

from gst_analysis.checkpoints.starting import create_model
from gst_analysis.training.loop import train
from tests.training.runs import SETTINGS, assert_same, tiny, weights

SAME = {"model.dropout": "0", "schedule.epochs": "2", "optimiser.lr": "0.001", "data.cache": "memory"}
"""Dropout draws different noise on every rank. At a higher rate, rounding alone (a change of 1e-7 in the
first weights) moves this small network's loss by a hundredth within eight steps."""


def torchrun(world: Path, out: Path, changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = [f"{key}={value}" for key, value in changes.items()]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
               "-m", "tests.training.ranks", str(world), str(out), *words]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def losses(out: Path) -> tuple[np.ndarray, np.ndarray]:
    epochs = pd.read_csv(out / "epochs.csv")
    return pd.read_csv(out / "steps.csv")["loss"].to_numpy(), epochs["val_loss"].to_numpy()


def apart(one: dict[str, Tensor], other: dict[str, Tensor]) -> float:
    """The distance between two networks' weights."""
    squares = [(one[k] - other[k]).double().square().sum() for k in one if not k.endswith("tracked")]
    return float(sum(squares)) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("pieces", ["1", "2"])
def test_two_processes_lose_what_one_does(pieces: str, world: Path, tmp_path: Path) -> None:
    changes = {**SAME, "optimiser.accumulate": pieces}
    train(tiny(world, changes), out=tmp_path / "one")
    done = torchrun(world, tmp_path / "two", {**changes, "run.sync_bn": "true"})
    assert done.returncode == 0, done.stderr
    for one, two in zip(losses(tmp_path / "one"), losses(tmp_path / "two"), strict=True):
        np.testing.assert_allclose(two, one, rtol=2e-4)
    assert pd.read_csv(tmp_path / "two" / "epochs.csv")["clips"].tolist() == [48, 48]
    config = tiny(world, changes)
    start = create_model(config.model_spec(12), seed=config.run.seed).module.state_dict()
    assert apart(weights(tmp_path / "two"), weights(tmp_path / "one")) < 0.01 * apart(
        weights(tmp_path / "one"), start
    )


@pytest.mark.slow
def test_without_sync_bn_they_do_not(world: Path, tmp_path: Path) -> None:
    """The control: the comparison above can fail."""
    train(tiny(world, SAME), out=tmp_path / "one")
    assert torchrun(world, tmp_path / "two", SAME).returncode == 0
    one, two = losses(tmp_path / "one")[0], losses(tmp_path / "two")[0]
    assert abs(two / one - 1).max() > 1e-3


@pytest.mark.slow
def test_two_processes_resume_exactly(world: Path, tmp_path: Path) -> None:
    changes = {**SAME, "model.dropout": "0.3", "schedule.kind": "constant"}
    assert torchrun(world, tmp_path / "whole", changes).returncode == 0
    assert torchrun(world, tmp_path / "cut", {**changes, "schedule.epochs": "1"}).returncode == 0
    assert torchrun(world, tmp_path / "cut", changes).returncode == 0
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert pd.read_csv(tmp_path / "cut" / "epochs.csv")["epoch"].tolist() == [1, 2]


@pytest.mark.slow
def test_an_unreadable_clip_of_one_rank_is_counted_by_both(world: Path, tmp_path: Path) -> None:
    copy = tmp_path / "broken"
    shutil.copytree(world, copy)
    first = json.loads((copy / "train.json").read_text())[0]["id"]
    (copy / "videos" / f"{first}.mp4").write_bytes(b"not a video")
    done = torchrun(copy, tmp_path / "kept", {**SAME, "data.max_skipped": "0.03"})
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "kept" / "epochs.csv")
    assert table["clips"].tolist() == [47, 47]
    assert table["skipped"].tolist() == [1, 1]
    done = torchrun(copy, tmp_path / "stopped", SAME)
    assert done.returncode != 0
    assert done.stderr.count("error: dataset: expected at most 1.0% unreadable clips of 48") == 2


@pytest.mark.slow
def test_a_batch_that_the_ranks_cannot_share_is_said(world: Path, tmp_path: Path) -> None:
    done = torchrun(world, tmp_path / "run", {**SAME, "optimiser.batch_size": "9"})
    assert done.returncode != 0
    assert "expected a multiple of 2 (2 devices x 1 pieces); found 9; use 8 or 10" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("launched", ["torchrun", "run.devices"])
def test_several_processes_print_one_document(launched: str, world: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, "data.root": str(world), "schedule.epochs": "1"}
    outer = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    if launched == "run.devices":
        outer, settings = [], {**settings, "run.devices": "2"}
    changes = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    command = [sys.executable, *outer, "-m", "gst_analysis.cli", "train", "planted-static", *changes,
               "--out", str(tmp_path / "run"), "--json"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"]["epochs"] == 1
