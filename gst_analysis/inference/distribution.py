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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed
from torch.multiprocessing.spawn import ProcessExitedException

from gst_analysis.errors import GstError, SpecError
from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.inference.sharing import Count, Found, Here, Unit, Work
from gst_analysis.processes import count_outer_processes
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import lightning_fabric as lightning
    from lightning_fabric import Fabric
else:
    lightning = Door("lightning_fabric")  # importing it changes the environment, which is put back below

_LOOK_EVERY_S = 0.2
Tell = Callable[[int], None]
"""Told how often clips have been counted."""


@dataclass(frozen=True)
class _Failure:
    """An error's kind and its four parts: an exception itself does not cross between processes."""

    kind: type[GstError]
    parts: tuple[str, str, str, str]


def measure_shares(work: Work[Found], units: Sequence[Unit], tell: Tell) -> list[Found]:
    """Every process's share, in the processes that are there or in `settings.devices` new ones."""
    if count_outer_processes() is not None:
        return _measure_among_others(build_fabric(work.settings), work, units)
    payload = pickle.dumps((work.lighten(), units))
    counter = multiprocessing.get_context("spawn").Value("q", 0)
    with (
        tempfile.TemporaryDirectory(prefix="gst-analysis-") as folder,
        _watch(counter, tell),
        _same_environment(),
    ):
        _launch(build_fabric(work.settings), payload, counter, folder)
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


class _Peers:
    """All processes, each of which hears what every other tells; made by all of them at once."""

    def __init__(self, count: int) -> None:
        # What they tell are objects in main memory; NCCL would carry them by way of the GPUs.
        self.count, self.group = count, distributed.new_group(backend="gloo")
        self.ended = False
        """One has failed, so that nobody tells anything any more."""

    def gather(self, own: Any) -> list[Any]:
        """What each of them tells, in the order of their ranks."""
        told: list[Any] = [None] * self.count
        distributed.all_gather_object(told, own, group=self.group)  # type: ignore[arg-type] # torch's own
        return told

    def exchange(self, own: Any) -> list[Any]:
        """What each of them tells; the error of one that has failed instead is raised."""
        told = self.gather(own)
        self.ended = any(isinstance(one, _Failure) for one in told)
        return _require(told)


def _work(fabric: Fabric, payload: bytes, counter: Any, folder: str) -> None:
    """One process that we started."""
    work, units = pickle.loads(payload)

    def count() -> None:
        with counter.get_lock():
            counter.value += 1

    peers = _Peers(fabric.world_size)
    outcome = _measure_own(fabric, work, units, count, peers)
    if not peers.ended:
        peers.gather(outcome if isinstance(outcome, _Failure) else None)
    (Path(folder) / f"{fabric.global_rank:06d}").write_bytes(pickle.dumps(outcome))


def _measure_among_others(fabric: Fabric, work: Work[Found], units: Sequence[Unit]) -> list[Found]:
    """One process among others of its kind; all get all shares."""
    fabric.launch()
    peers = _Peers(fabric.world_size)
    own = _measure_own(fabric, work, units, lambda: None, peers)
    return _require([own] if peers.ended else peers.gather(own))


def _measure_own(
    fabric: Fabric, work: Work[Found], units: Sequence[Unit], count: Count, peers: _Peers
) -> Found | _Failure:
    """Every n-th unit; an error is handed on, so that no process waits for one that has ended.

    One that has failed tells so once, in place of whatever the others tell next.
    """
    here = Here(fabric.device, count, fabric.global_rank, fabric.world_size, peers.exchange)
    try:
        return work.measure(here.own(units), here)
    except GstError as error:
        return _Failure(type(error), (error.subject, error.expected, error.found, error.todo))


def _require(outcomes: Sequence[Found | _Failure]) -> list[Found]:
    """All shares, or the first error."""
    shares: list[Found] = []
    for outcome in outcomes:
        if isinstance(outcome, _Failure):
            subject, expected, found, todo = outcome.parts
            raise outcome.kind(subject, expected=expected, found=found, todo=todo)
        shares.append(outcome)
    return shares


@contextmanager
def _watch(counter: Any, tell: Tell) -> Iterator[None]:
    """Report the count of all processes while the block runs."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_EVERY_S):
            tell(counter.value)

    watcher = threading.Thread(target=look, name="watch-progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        tell(counter.value)


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
