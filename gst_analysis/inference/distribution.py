"""Clips shared among processes by Lightning Fabric: every process measures its share, all shares come back.

Processes that were started from outside tell each other their shares. Processes that we start ourselves
write theirs into a folder, because what they return passes through a pipe that nobody empties meanwhile.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed
from torch.multiprocessing.spawn import ProcessExitedException

from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import GstError, SpecError
from gst_analysis.inference.running import Job, Share, measure_share
from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.processes import count_outer_processes
from gst_analysis.progress import Progress, no_progress
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import lightning_fabric as lightning
    from lightning_fabric import Fabric
else:
    lightning = Door("lightning_fabric")  # importing it changes the environment, which is put back below

Numbered = Sequence[tuple[int, ClipRecord]]
_Failure = tuple[type[GstError], str, str, str, str]
"""An error's kind and its four parts: an exception itself does not cross between processes."""
Outcome = Share | _Failure
_LOOK_EVERY_S = 0.2


def measure_shares(job: Job, numbered: Numbered, progress: Progress | None) -> list[Share]:
    """Every process's share, in the processes that are there or in `settings.devices` new ones."""
    if count_outer_processes() is not None:
        return _measure_among_others(build_fabric(job.settings), job, numbered)
    # Without the checkpoint's own copy of the weights: the network has them.
    light = job.model.with_module(job.model.module)
    payload = pickle.dumps((replace(job, model=light), numbered))
    counter = multiprocessing.get_context("spawn").Value("q", 0)
    with (
        tempfile.TemporaryDirectory(prefix="gst-analysis-") as folder,
        _watch(counter, len(numbered), progress or no_progress),
        _same_environment(),
    ):
        _launch(build_fabric(job.settings), payload, counter, folder)
        files = sorted(Path(folder).iterdir())
        return _require([pickle.loads(file.read_bytes()) for file in files])


def build_fabric(settings: InferenceSettings) -> Fabric:
    """Fabric for the processes that are there, or that it shall start.

    Raises:
        SpecError: more devices than there are, or no program that could be started again.
    """
    kind = choose_device(settings.device).type
    outer = count_outer_processes()
    # `fabric run` has put accelerator, devices and nodes where Fabric itself looks for them.
    if outer is not None and int(os.environ.get("LT_CLI_USED", "0")):
        return lightning.Fabric()
    if outer is not None:
        return lightning.Fabric(accelerator=kind, devices=outer[0], num_nodes=outer[1], strategy="ddp")
    _check_devices(kind, settings.devices)
    return lightning.Fabric(accelerator=kind, devices=settings.devices, strategy="ddp_spawn")


def _check_devices(kind: str, wanted: int) -> None:
    there = {"cuda": torch.cuda.device_count(), "mps": 1}.get(kind, wanted)
    if wanted > there:
        raise SpecError(
            "inference setting devices",
            expected=f"at most {there}, as many as there are of {kind}",
            found=str(wanted),
            todo="ask for fewer",
        )
    if hasattr(sys, "ps1"):
        raise SpecError(
            "inference setting devices",
            expected="1 in a notebook or at a prompt",
            found=str(wanted),
            todo="use several devices from a program or the command line",
        )


def _launch(fabric: Fabric, payload: bytes, counter: Any, folder: str) -> None:
    try:
        launch: Callable[..., object] = fabric.launch  # its annotation forgets the arguments
        launch(_work, payload, counter, folder)
    except ProcessExitedException as error:
        raise GstError(
            "inference on several devices",
            expected="all processes to keep running",
            found=f"one that ended ({error.signal_name or error.exit_code})",
            todo="try a smaller batch, or fewer devices",
        ) from error
    except RuntimeError as error:
        # Python's words where a new process comes upon the line that starts new processes.
        if "__main__" not in str(error):
            raise
        raise SpecError(
            "inference on several devices",
            expected='a program under `if __name__ == "__main__":`',
            found="one that is not",
            todo="guard it so, or use one device",
        ) from error


def _work(fabric: Fabric, payload: bytes, counter: Any, folder: str) -> None:
    """One process that we started."""
    job, numbered = pickle.loads(payload)

    def count() -> None:
        with counter.get_lock():
            counter.value += 1

    outcome = _measure_own(fabric, job, numbered, count)
    (Path(folder) / f"{fabric.global_rank:06d}").write_bytes(pickle.dumps(outcome))


def _measure_among_others(fabric: Fabric, job: Job, numbered: Numbered) -> list[Share]:
    """One process among others of its kind; all get all shares."""
    fabric.launch()
    own = _measure_own(fabric, job, numbered, lambda: None)
    # Shares are objects in main memory; NCCL would carry them by way of the GPUs.
    group = distributed.new_group(backend="gloo")
    outcomes: list[Any] = [None] * fabric.world_size
    distributed.all_gather_object(outcomes, own, group=group)  # type: ignore[arg-type] # torch's own annotation
    return _require(outcomes)


def _measure_own(fabric: Fabric, job: Job, numbered: Numbered, count: Callable[[], object]) -> Outcome:
    """Every n-th clip; an error is handed on, so that no process waits for one that has ended."""
    own = numbered[fabric.global_rank :: fabric.world_size]
    try:
        return measure_share(job, own, fabric.device, count)
    except GstError as error:
        return type(error), error.subject, error.expected, error.found, error.todo


def _require(outcomes: Sequence[Outcome]) -> list[Share]:
    """All shares, or the first error."""
    shares: list[Share] = []
    for outcome in outcomes:
        if not isinstance(outcome, Share):
            kind, subject, expected, found, todo = outcome
            raise kind(subject, expected=expected, found=found, todo=todo)
        shares.append(outcome)
    return shares


@contextmanager
def _watch(counter: Any, total: int, progress: Progress) -> Iterator[None]:
    """Report the count of all processes while the block runs."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY_S):
            progress(counter.value, total, "")

    watcher = threading.Thread(target=look, name="watch-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        progress(counter.value, total, "")


@contextmanager
def _same_environment() -> Iterator[None]:
    """Take back what Fabric writes into the environment to start processes."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)
