"""What holds in the whole process while a network is trained, and is put back as it was afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gst_analysis.errors import SpecError
from gst_analysis.training.config import RunConfig
from gst_analysis.training.randomness import capture_random, restore_random, seed_everything

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
_REPEATABLE = (":4096:8", ":16:8")
"""The settings under which cuBLAS repeats itself exactly, as torch has it."""


@contextmanager
def training_conditions(run: RunConfig, device: torch.device, *, rank: int) -> Iterator[None]:
    """Seeds (another one on every rank), threads and the choice of kernels."""
    random_state = capture_random(device)
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    benchmark, workspace = torch.backends.cudnn.benchmark, os.environ.get(_CUBLAS)
    try:
        seed_everything(run.seed + 1000 * rank)
        if run.threads is not None:
            torch.set_num_threads(run.threads)
        if workspace not in _REPEATABLE:
            # Also where nothing need repeat: a process asks once, and a later run in it may want to.
            os.environ[_CUBLAS] = _REPEATABLE[0]
        torch.backends.cudnn.benchmark = not run.deterministic
        if run.deterministic:
            torch.use_deterministic_algorithms(True)
            _check_repeatable(device)
        yield
    finally:
        restore_random(random_state, device)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.benchmark = benchmark
        os.environ.pop(_CUBLAS, None)
        if workspace is not None:
            os.environ[_CUBLAS] = workspace


def _check_repeatable(device: torch.device) -> None:
    """torch reads the setting when cuBLAS is first used, and stands by what it read."""
    try:
        torch.zeros(1, 1, device=device).mm(torch.zeros(1, 1, device=device))
    except RuntimeError as error:
        if _CUBLAS not in str(error):
            raise
        raise SpecError(
            "run.deterministic",
            expected=f"{_CUBLAS}={_REPEATABLE[0]} before the first work on the GPU",
            found="a process that has worked on it without",
            todo="set it before Python starts",
        ) from error
