"""Which processes take part: started from outside (torchrun, `fabric run`, SLURM), or by us.

No torch here: a command asks whether it is the one to print.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


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
