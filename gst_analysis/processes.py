"""Processes: how many were started from outside, which of them speaks, and how another Python is started.

The first two are read from what torchrun, `fabric run` and SLURM set in the environment. No torch here: the
console asks too.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from gst_analysis.errors import SpecError


def read_count(name: str, otherwise: int = 1, *, least: int = 1) -> int:
    """A whole number in the environment.

    Args:
        name: its variable.
        otherwise: what it is where nothing is set.
        least: what it is at least.

    Raises:
        SpecError: something else is set.
    """
    text = os.environ.get(name, str(otherwise))
    if not text.isdecimal() or len(text) > 9 or int(text) < least:
        raise SpecError(
            name,
            expected=f"a whole number from {least} on in the environment",
            found=repr(text)[:40],
            todo="correct it, or unset it",
        )
    return int(text)


SAFE_PATH = "PYTHONSAFEPATH"
"""Where it is set, Python imports nothing from the folder that it was started in."""


def call_python(*words: str) -> list[str]:
    """The words that start another Python, which imports nothing from the folder that it is started in.

    That folder may be a stranger's: a `pandas.py` beside a checkpoint would be run.
    """
    return [sys.executable, "-P", *words]


def list_import_paths() -> str:
    """Where this process imports from, for the PYTHONPATH of another; not wherever it happens to stand."""
    own, known = str(Path(__file__).parents[1]), list(filter(None, sys.path))
    return os.pathsep.join(known if own in known else [own, *known])


def count_outer_processes() -> tuple[int, int] | None:
    """(processes on this node, nodes) if something else has started several of us; None if not."""
    environment = os.environ
    if {"WORLD_SIZE", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RUN_ID"} <= set(environment):
        world, local = read_count("WORLD_SIZE"), read_count("LOCAL_WORLD_SIZE")
        return (local, world // local) if world > 1 else None
    named = environment.get("SLURM_JOB_NAME", "bash") not in ("bash", "interactive")
    if not named:
        return None
    tasks, nodes = read_count("SLURM_NTASKS"), read_count("SLURM_NNODES")
    return (tasks // nodes, nodes) if tasks > 1 else None


def is_leader() -> bool:
    """Whether this process is the one to write files and to print, wherever it was started."""
    if count_outer_processes() is None:
        return True
    return read_count("RANK" if "RANK" in os.environ else "SLURM_PROCID", 0, least=0) == 0
