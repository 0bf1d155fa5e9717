from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from gst_analysis.cli import run
from gst_analysis.errors import OutputError
from gst_analysis.training.loop import train
from gst_analysis.training.progress import STOPPING, Interruption, TrainProgress, stop_at_once
from gst_analysis.training.table import STATE
from tests.training.runs import at_step, tiny


def test_the_first_ctrl_c_is_noted_and_the_second_is_raised() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interruption() as interruption:
        signal.raise_signal(signal.SIGINT)
        assert interruption.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", [n for n in STOPPING if n != signal.SIGINT], ids=lambda n: n.name)
def test_whatever_asks_a_run_to_stop_is_noted_and_before_it_begins_ends_it(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stop_at_once():
        with Interruption() as interruption:
            signal.raise_signal(number)
            assert (interruption.asked, interruption.signal) == (True, number.name)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_sigterm_saves_within_an_epoch_and_so_does_time(world: Path, tmp_path: Path) -> None:
    steps: list[int] = []

    def look(progress: TrainProgress) -> None:
        if progress.phase == "training" and progress.step == 3:
            record = torch.load(tmp_path / STATE, weights_only=True)
            steps.append(record["position"]["step"])
            signal.raise_signal(signal.SIGTERM)

    config = tiny(world, {"run.save_every_minutes": "1e-9"})
    with pytest.raises(KeyboardInterrupt):
        train(config, out=tmp_path, progress=look)
    assert steps == [2]  # saved before the third step was told of
    assert torch.load(tmp_path / STATE, weights_only=True)["position"]["step"] == 4
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["signal"] == "SIGTERM"


def test_a_folder_that_is_removed_meanwhile_ends_the_run(world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(OutputError, match="removed"):
        train(tiny(world), out=folder, progress=at_step(2, lambda: shutil.rmtree(folder)))
    assert not folder.exists()


def test_a_thread_cannot_listen_and_does_not_try() -> None:
    caught: list[BaseException] = []

    def enter() -> None:
        try:
            with Interruption():
                pass
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert not caught


def test_ctrl_c_during_validation_saves_and_validation_runs_when_resumed(world: Path, tmp_path: Path) -> None:
    def press(progress: object) -> None:
        if getattr(progress, "phase", "") == "validating":
            signal.raise_signal(signal.SIGINT)

    config = tiny(world, {"schedule.epochs": "1"})
    with pytest.raises(KeyboardInterrupt):
        train(config, out=tmp_path, progress=press)
    assert (tmp_path / STATE).exists()
    assert not (tmp_path / "best.pth").exists()
    result = train(config, out=tmp_path, resume=True)
    assert result.summary.best_epoch == 1


def test_an_error_in_the_callback_is_not_swallowed(world: Path, tmp_path: Path) -> None:
    def fail() -> None:
        raise LookupError("shown")

    with pytest.raises(LookupError, match="shown"):
        train(tiny(world), out=tmp_path, progress=at_step(1, fail))


@pytest.mark.slow
@pytest.mark.parametrize("number", STOPPING, ids=lambda n: n.name)
def test_ctrl_c_reaches_a_process_with_workers_and_leaves_none_behind(
    number: signal.Signals, world: Path, tmp_path: Path
) -> None:
    """As a terminal does it: the signal goes to the whole process group."""
    command = [
        sys.executable,
        "-m",
        "tests.training.runs",
        str(world),
        str(tmp_path / "run"),
        "schedule.epochs=500",
        "run.save_every_steps=1",
        "data.workers=2",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    while not (tmp_path / "run" / STATE).exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in errors
    assert b"DataLoader worker" not in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


@pytest.mark.parametrize("saved", [True, False])
def test_the_command_says_what_ctrl_c_has_left(
    saved: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        if saved:
            (tmp_path / STATE).touch()
        raise KeyboardInterrupt

    monkeypatch.setattr("gst_analysis.training.train", stop)
    assert run(["train", "planted-static", "--out", str(tmp_path)]) == 130
    first, second = capsys.readouterr().err.splitlines()
    assert ("saved; go on with: gst-analyze train " in first) == saved
    assert str(tmp_path) in first
    assert second == "gst-analyze: interrupted"
