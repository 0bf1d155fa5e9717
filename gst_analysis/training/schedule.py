"""The learning rate as a function of time alone: there is no scheduler state to lose. No torch here."""

from __future__ import annotations

import math

from gst_analysis.training.config import ScheduleConfig


def learning_rate(base: float, schedule: ScheduleConfig, epoch: int, batch: int, batches: int) -> float:
    """The rate of one step.

    Args:
        base: the rate that the schedule scales.
        schedule: the shape.
        epoch: epochs done.
        batch: steps done in this epoch.
        batches: steps in an epoch.

    Example:
        >>> learning_rate(0.01, ScheduleConfig(), 40, 0, 100)
        0.001
    """
    now = epoch + batch / batches
    if now < schedule.warmup_epochs:  # counted to the end of the step, so that the first one learns too
        return base * (now + 1 / batches) / (schedule.warmup_epochs + 1 / batches)
    return base * _factor(schedule, now if schedule.update == "step" else float(epoch))


def _factor(schedule: ScheduleConfig, now: float) -> float:
    if schedule.kind == "steps":
        return schedule.factor ** sum(now >= milestone for milestone in schedule.milestones)
    if schedule.kind == "cosine":
        start = schedule.warmup_epochs
        done = max(0.0, now - start) / (schedule.epochs - start)
        return (1 + math.cos(math.pi * done)) / 2
    return 1.0
