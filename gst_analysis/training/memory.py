"""Out of memory, in words that help: which batch size to try."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gst_analysis.errors import SpecError
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.devices import is_out_of_memory
from gst_analysis.networks.registry import build_without_values
from gst_analysis.training.batches import BatchPlan


@contextmanager
def explain_out_of_memory(plan: BatchPlan, device: torch.device) -> Iterator[None]:
    """Turn an out-of-memory error inside the block into a SpecError with advice."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise SpecError(
            "training step",
            expected=f"{plan.piece} clips at once to fit into the memory of {device}",
            found="out of memory",
            todo=_advise(plan),
        ) from error


@contextmanager
def explain_exhaustion(work: str, todo: str) -> Iterator[None]:
    """Turn an out-of-memory error of work beside the training step into one with the caller's advice."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise SpecError(work, expected="enough memory for it", found="out of memory", todo=todo) from error


def check_size(spec: NetworkSpec, device: torch.device, todo: str) -> None:
    """Refuse a network for which this machine has too little memory: the system would kill the process.

    On a CPU there are its gradients and its momentum as well; other devices tell when theirs is full.
    """
    numbers = sum(parameter.numel() for parameter in build_without_values(spec).parameters())
    needed, present = numbers * (12 if device.type == "cpu" else 4), _physical_memory()
    if present is not None and needed > present:
        raise SpecError(
            f"building {spec.label}",
            expected=f"weights that fit into {present / 2**30:.0f} GiB of memory",
            found=f"{numbers / 1e6:,.0f} million of them, which take {needed / 2**30:,.0f} GiB",
            todo=todo,
        )


def _physical_memory() -> int | None:
    """Bytes of this machine's memory; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _advise(plan: BatchPlan) -> str:
    if plan.piece == 1:
        return "use run.precision=bf16, fewer or smaller frames, or a smaller network"
    smaller = plan.piece // 2
    size = smaller * plan.accumulate * plan.ranks
    advice = f"try optimiser.batch_size={size}"
    more = next(a for a in range(plan.accumulate + 1, plan.batch_size + 1) if _divides(plan, a))
    return f"{advice}, or optimiser.accumulate={more} to keep batches of {plan.batch_size}"


def _divides(plan: BatchPlan, accumulate: int) -> bool:
    parts = accumulate * plan.ranks
    return plan.batch_size % parts == 0 and plan.batch_size // parts <= plan.piece // 2
