"""What holds in the whole process while a network is trained: random generators, threads, kernels.

All is put back as it was afterwards. The state of the generators is tensors, which can be saved.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from gst_analysis.errors import SpecError
from gst_analysis.training.config import RunConfig

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


def seed_everything(seed: int) -> None:
    """Start python's, numpy's and torch's generators, on every device."""
    random.seed(seed)
    # NumPy takes no larger ones.
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def capture_random(device: torch.device) -> dict[str, Tensor]:
    """The generators of this process and of its device."""
    _, words, gauss = random.getstate()
    name, keys, place, has_gauss, cached = np.random.get_state(legacy=True)
    assert name == "MT19937"
    # Words of 32 bits are exact in doubles, and a file that is read safely holds tensors.
    state = {
        "torch": torch.get_rng_state(),
        "python": torch.tensor([*words, gauss is not None, gauss or 0.0], dtype=torch.float64),
        "numpy": torch.tensor([*np.asarray(keys).tolist(), place, has_gauss, cached], dtype=torch.float64),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_random(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Set the generators to a captured state; a device's own only where it is of the same kind."""
    torch.set_rng_state(state["torch"])
    *words, has, gauss = state["python"].tolist()
    random.setstate((3, tuple(int(word) for word in words), gauss if has else None))
    *keys, place, has_gauss, cached = state["numpy"].tolist()
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), int(place), int(has_gauss), cached))
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])
