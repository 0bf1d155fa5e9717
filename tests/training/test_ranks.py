"""Two CPU processes over gloo against one."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.training.loop import train
from tests.training.runs import SETTINGS, assert_same, tiny, weights

SMALL = ModelSpec.from_name("gst-resnet26s", width=8, num_classes=5)
SAME = {
    "model.dropout": "0",
    "schedule.epochs": "2",
    "optimiser.batch_size": "12",
    "optimiser.lr": "0.001",
    "data.cache": "memory",
}
"""Dropout draws different noise on every rank. At a higher rate, rounding alone (a change of 1e-7 in the
first weights) moves this small network's loss by a hundredth within eight steps."""


def torchrun(world: Path, out: Path, changes: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = [f"{key}={value}" for key, value in changes.items()]
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node=2",
        "-m",
        "tests.training.ranks",
        str(world),
        str(out),
        *words,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=280)


def two_nodes(
    worlds: tuple[Path, Path], outs: tuple[Path, Path], changes: dict[str, str], odd: dict[str, str]
) -> list[subprocess.CompletedProcess[str]]:
    """One agent and one process a node, on this machine; the second node has some settings of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    started = []
    for rank, (world, out) in enumerate(zip(worlds, outs, strict=True)):
        words = [f"{key}={value}" for key, value in ({**changes, **odd} if rank else changes).items()]
        command = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--nnodes=2",
            f"--node-rank={rank}",
            "--nproc-per-node=1",
            "--master-addr=127.0.0.1",
            f"--master-port={port}",
            "-m",
            "tests.training.ranks",
            str(world),
            str(out),
            *words,
        ]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    try:
        told = [process.communicate(timeout=120) for process in started]
    finally:
        for process in started:
            process.terminate()  # which ends its own processes too; one that has ended is left alone
    return [
        subprocess.CompletedProcess(process.args, process.returncode, *texts)
        for process, texts in zip(started, told, strict=True)
    ]


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
    assert pd.read_csv(tmp_path / "two" / "epochs.csv")["clips"].tolist() == [24, 24]
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
def test_two_nodes_without_a_shared_folder_resume_exactly(world: Path, tmp_path: Path) -> None:
    """The second node has a copy of the clips and no run's folder."""
    worlds, outs = (world, tmp_path / "copy"), (tmp_path / "cut", tmp_path / "none")
    shutil.copytree(world, worlds[1])
    changes = {**SAME, "model.dropout": "0.3", "schedule.kind": "constant"}
    assert torchrun(world, tmp_path / "whole", changes).returncode == 0
    for epochs in ("1", "2"):
        for node in two_nodes(worlds, outs, {**changes, "schedule.epochs": epochs}, {}):
            assert node.returncode == 0, node.stderr
    assert_same(weights(tmp_path / "whole"), weights(outs[0]))
    assert not outs[1].exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "odd", "said"),
    [
        ("missing", {}, r"train\.json: expected an annotation file; found No such file"),
        (
            "shorter",
            {},
            r"same clip lists .*; found other contents in process 1: data\.train \(train\.json\)",
        ),
        ("none", {"optimiser.lr": "0.1"}, r"same settings .*; found others in process 1: optimiser\.lr;"),
    ],
)
def test_nodes_that_do_not_share_what_they_must_are_refused(
    damage: str, odd: dict[str, str], said: str, world: Path, tmp_path: Path
) -> None:
    worlds, out = (world, tmp_path / "copy"), tmp_path / "run"
    shutil.copytree(world, worlds[1])
    path = worlds[1] / "train.json"
    if damage == "missing":
        path.unlink()
    elif damage == "shorter":
        path.write_text(json.dumps(json.loads(path.read_text())[:-6]))
    for node in two_nodes(worlds, (out, out), SAME, odd):
        assert node.returncode != 0
        assert len(re.findall(rf"^error: .*{said}", node.stderr, re.MULTILINE)) == 1
    assert not (out / "log.jsonl").exists()


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
    assert done.stderr.count("error: dataset: expected at most 1.0% unreadable clips of 24") == 2


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
    command = [
        sys.executable,
        *outer,
        "-m",
        "gst_analysis.cli",
        "train",
        "planted-static",
        *changes,
        "--out",
        str(tmp_path / "run"),
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"]["epochs"] == 1


@pytest.mark.slow
def test_two_processes_freeze_and_take_a_new_head_as_one_does(world: Path, tmp_path: Path) -> None:
    """What is frozen stays bit for bit; everything else ends where one process takes it, but for rounding."""
    start = save_model(tmp_path / "start.pth", create_model(SMALL, seed=3))
    changes = {**SAME, "schedule.epochs": "1", "run.sync_bn": "true", "model.weights": str(start)}
    changes |= {"model.head": "new", "model.freeze": "layer2", "optimiser.head_lr": "0.002"}
    run = torchrun(world, tmp_path / "two", changes)
    assert run.returncode == 0, run.stderr
    train(tiny(world, changes), out=tmp_path / "one")
    given, one, two = load_checkpoint(start).state, weights(tmp_path / "one"), weights(tmp_path / "two")
    cold = [name for name in given if name.startswith(("conv1.", "bn1.", "layer1.", "layer2."))]
    assert len(cold) > 20
    assert_same({name: two[name] for name in cold}, {name: given[name] for name in cold})
    assert not torch.equal(two["layer3.0.conv1.weight"], given["layer3.0.conv1.weight"])
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=1e-3, atol=1e-4, msg=name)
