"""Two runs in one folder: the second is refused while the first lives, and only as long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gst_analysis.errors import OutputError
from gst_analysis.training.locks import FolderLock
from gst_analysis.training.loop import train
from gst_analysis.training.table import LOCK
from tests.training.runs import at_step, tiny

pytest.importorskip("fcntl")
HOLD = "import sys, time; from pathlib import Path; from gst_analysis.training.locks import FolderLock\n"


def other(folder: Path, then: str) -> subprocess.Popen[str]:
    """Another process that locks the folder; it has when it has printed a line."""
    code = f"{HOLD}lock = FolderLock(Path(sys.argv[1]))\n{then}"
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_run_is_refused_and_changes_nothing(world: Path, tmp_path: Path) -> None:
    process = other(tmp_path, "print('held', flush=True); time.sleep(60)")
    (tmp_path / ".state.pt.draft").write_text("the other's")
    for resume in (False, True):
        with pytest.raises(OutputError, match=rf"process {process.pid} is training in") as caught:
            train(tiny(world), out=tmp_path, resume=resume)
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".state.pt.draft", LOCK]
    process.kill()
    process.communicate()
    train(tiny(world, {"schedule.epochs": "1"}), out=tmp_path, resume=True)
    assert not list(tmp_path.glob(".*"))


def test_forks_do_not_hold_on_to_a_dead_runs_lock(tmp_path: Path) -> None:
    """As data workers are: forked while the lock is held, and for a moment alive when the run is killed."""
    fork = "import os\nif os.fork() == 0:\n    print('held', flush=True)\ntime.sleep(20)"
    process = other(tmp_path, fork)
    with pytest.raises(OutputError):
        FolderLock(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    FolderLock(tmp_path).close()
    assert process.stdout is not None
    process.stdout.close()


def test_a_run_that_ended_frees_its_folder(world: Path, tmp_path: Path) -> None:
    config = tiny(world, {"schedule.epochs": "1"})
    refused: list[int] = []

    def look() -> None:
        code = f"{HOLD}FolderLock(Path(sys.argv[1]))"
        refused.append(subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode)

    train(config, out=tmp_path, progress=at_step(1, look))
    look()
    assert [code == 0 for code in refused] == [False, True]


@pytest.mark.slow
def test_a_killed_run_with_workers_can_be_resumed_at_once(world: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.training.runs",
        str(world),
        str(tmp_path / "run"),
        "schedule.epochs=500",
        "run.save_every_steps=1",
        "data.workers=2",
        "schedule.kind=constant",
    ]
    process = subprocess.Popen(command)
    while not (tmp_path / "run" / "state.pt").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    changes = {"schedule.epochs": "1", "run.save_every_steps": "1", "schedule.kind": "constant"}
    lock = FolderLock(tmp_path / "run")
    lock.close()
    train(tiny(world, changes), out=tmp_path / "run", resume=True)
