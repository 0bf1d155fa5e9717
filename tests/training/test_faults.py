"""A run is killed at random moments, with no chance to clean up, and must end as if it had not been."""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pandas as pd
import pytest
import torch

from gst_analysis.training.loop import train
from gst_analysis.training.table import STATE
from tests.training.runs import STEPS, assert_same, tiny, weights

CHANGES = {
    "run.save_every_steps": "1",
    "schedule.epochs": "4",
    "run.save_every_epochs": "1",
    "data.workers": "1",
}
SERVER = multiprocessing.get_context("forkserver")
"""Starts processes that have imported torch already."""


def run(world: Path, out: Path) -> None:
    torch.set_num_threads(1)
    train(tiny(world, CHANGES), out=out, resume=True)


def start(world: Path, out: Path) -> BaseProcess:
    SERVER.set_forkserver_preload(["tests.training.test_faults"])
    process = SERVER.Process(target=run, args=(world, out))
    process.start()
    return process


def finish(process: BaseProcess) -> None:
    process.join(timeout=300)
    assert process.exitcode == 0


def steps_done(out: Path) -> int:
    """As saved; reading while another process writes is part of the test."""
    path = out / STATE
    return int(torch.load(path, weights_only=True)["position"]["step"]) if path.exists() else 0


def wait_for_more(process: BaseProcess, out: Path) -> bool:
    """Wait until the run has saved more than it had; False if it has ended."""
    before = steps_done(out)
    while process.is_alive():
        if steps_done(out) > before:
            return True
        time.sleep(0.005)
    return False


@pytest.mark.slow
def test_kills_at_random_moments_change_nothing(world: Path, tmp_path: Path) -> None:
    finish(start(world, tmp_path / "whole"))
    chance = random.Random(0)
    out = tmp_path / "killed"
    kills: list[int] = []
    while len(kills) < 12:
        process = start(world, out)
        running = wait_for_more(process, out)
        time.sleep(chance.uniform(0, 0.12))  # about two steps, with their saving
        process.kill()
        process.join()
        if not running:
            break
        kills.append(steps_done(out))
    finish(start(world, out))
    assert len(set(kills)) >= 4, f"killed too rarely: {kills}"
    for name in ("last.pth", "best.pth", *(f"epoch-{n:04d}.pth" for n in range(1, 5))):
        assert_same(weights(tmp_path / "whole", name), weights(out, name))
    steps = pd.read_csv(out / "steps.csv")
    assert steps["step"].tolist() == list(range(1, 4 * STEPS + 1))
    assert pd.read_csv(out / "epochs.csv")["epoch"].tolist() == [1, 2, 3, 4]
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["event"] == "steps"] == steps["step"].tolist()
    assert not list(out.glob(".*"))
