"""Devices: by the names that people write, how exactly they compute, and when one has no memory left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gst_analysis.errors import SpecError

# In the words of CUDA and MPS, of torch's own allocator, of the system, and of NVIDIA's libraries.
_SIGNS = ("out of memory", "can't allocate memory", "cannot allocate memory", "alloc_failed")


def choose_device(wanted: str, *, setting: str = "device") -> torch.device:
    """The device that is meant; `auto` is the fastest kind there is.

    Args:
        wanted: auto, cuda, mps or cpu.
        setting: what an error calls it.

    Raises:
        SpecError: there is no such device here.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(kind for kind, there in present.items() if there)
    if not present[wanted]:
        here = ", ".join(kind for kind, there in present.items() if there)
        raise SpecError(
            setting, expected=f"one that is here: {here}", found=wanted, todo="choose that, or auto"
        )
    return torch.device(wanted)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch means that memory ran out, on any kind of device."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


@contextmanager
def exact_convolutions(device: torch.device) -> Iterator[None]:
    """fp32 means fp32: cuDNN would otherwise round the inputs of convolutions to ten bits."""
    if device.type != "cuda":
        yield
        return
    convolutions = torch.backends.cudnn.conv  # type: ignore[attr-defined] # made at run time
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "ieee"
    try:
        yield
    finally:
        convolutions.fp32_precision = before
