"""What a training run tells whoever shows it: plain numbers, a few times a second at most."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["rendering", "reading", "training", "validating"]


@dataclass(frozen=True)
class TrainProgress:
    """Where a run stands. `step` of `steps` are of the running phase; None is not known yet."""

    phase: Phase
    step: int
    steps: int
    epoch: int = 0
    """From 1; 0 before the first."""
    epochs: int = 0
    loss: float | None = None
    lr: float | None = None
    clips_per_s: float | None = None
    eta_s: float | None = None
    """Seconds until the whole run is done, validation included."""


Report = Callable[[TrainProgress], object]


def ignore_progress(progress: TrainProgress) -> None:
    """For runs that nobody watches."""
