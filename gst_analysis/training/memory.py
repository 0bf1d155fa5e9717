"""Out of memory, in words that help: which batch size to try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gst_analysis.errors import SpecError
from gst_analysis.models.devices import is_out_of_memory
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
            "training step", expected=f"{plan.piece} clips at once to fit into the memory of {device}",
            found="out of memory", todo=_advise(plan),
        ) from error  # fmt: skip


@contextmanager
def explain_exhaustion(work: str, todo: str) -> Iterator[None]:
    """The same for work beside the training step, with advice of the caller's."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise SpecError(work, expected="enough memory for it", found="out of memory", todo=todo) from error


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
