"""Processes that share one piece of work: how many were started from outside, and which of them speaks.

Read from what torchrun, `fabric run` and SLURM set in the environment. No torch here: the console asks too.
"""

from __future__ import annotations

import os


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
