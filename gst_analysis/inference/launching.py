"""Which processes take part: started from outside (torchrun, `fabric run`, SLURM), or by us.

Lightning Fabric is imported only where there is more than one process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gst_analysis.errors import SpecError
from gst_analysis.inference.settings import InferenceSettings, choose_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def count_outer_processes() -> tuple[int, int] | None:
    """(processes on this node, nodes) if something else has started several of us; None if not."""
    environment = os.environ
    if {"WORLD_SIZE", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID"} <= set(environment):
        world, local = int(environment["WORLD_SIZE"]), int(environment["LOCAL_WORLD_SIZE"])
        return (local, world // local) if world > 1 else None
    named = environment.get("SLURM_JOB_NAME", "bash") not in ("bash", "interactive")
    tasks, nodes = (int(environment.get(name, "1")) for name in ("SLURM_NTASKS", "SLURM_NNODES"))
    return (tasks // nodes, nodes) if named and tasks > 1 else None


def is_leader() -> bool:
    """Whether this process is the one to write files and to print, wherever it was started."""
    if count_outer_processes() is None:
        return True
    return int(os.environ.get("RANK", os.environ.get("SLURM_PROCID", "0"))) == 0


def build_fabric(settings: InferenceSettings) -> Fabric:
    """Fabric for the processes that are there, or that it shall start.

    Raises:
        SpecError: more devices than there are, or no program that could be started again.
    """
    from lightning_fabric import Fabric

    kind = choose_device(settings.device).type
    outer = count_outer_processes()
    if outer is not None and int(os.environ.get("LT_CLI_USED", "0")):
        return Fabric()
    if outer is not None:
        return Fabric(accelerator=kind, devices=outer[0], num_nodes=outer[1], strategy="ddp")
    _check_devices(kind, settings.devices)
    return Fabric(accelerator=kind, devices=settings.devices, strategy="ddp_spawn")


@contextmanager
def same_environment() -> Iterator[None]:
    """Take back what Fabric writes into the environment to start processes."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in set(os.environ) - set(before):
            del os.environ[name]
        os.environ.update(before)


def _check_devices(kind: str, wanted: int) -> None:
    import torch

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
