"""What holds in the whole process while a network is trained, and is put back as it was afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gst_analysis.training.config import RunConfig
from gst_analysis.training.randomness import capture_random, restore_random, seed_everything

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


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
        if run.deterministic:
            os.environ[_CUBLAS] = ":4096:8"  # what torch asks for before cuBLAS repeats itself exactly
            torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = not run.deterministic
        yield
    finally:
        restore_random(random_state, device)
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.benchmark = benchmark
        os.environ.pop(_CUBLAS, None)
        if workspace is not None:
            os.environ[_CUBLAS] = workspace
