"""How weights are moved: SGD whose weight decay leaves batch norm and biases alone, and its learning rate.

The rate is a function of time alone: there is no scheduler whose state could be lost.
"""

from __future__ import annotations

import math
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import SGD

from gst_analysis.training.config import OptimiserConfig, ScheduleConfig


def build_optimiser(module: nn.Module, config: OptimiserConfig) -> SGD:
    """SGD over two groups: convolution and linear weights, which decay, and everything else, which does not.

    Decaying a batch norm's scale would pull towards zero the very numbers that Figure 4 reads; decaying
    a bias, of which there is only the head's, regularises nothing.
    """
    decayed, spared = split_parameters(module)
    groups: list[dict[str, Any]] = [
        {"params": list(decayed.values()), "weight_decay": config.weight_decay},
        {"params": list(spared.values()), "weight_decay": 0.0},
    ]
    return SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov)


def split_parameters(module: nn.Module) -> tuple[dict[str, nn.Parameter], dict[str, nn.Parameter]]:
    """Parameters by name: those that weight decay acts on, and those that it spares."""
    decayed: dict[str, nn.Parameter] = {}
    spared: dict[str, nn.Parameter] = {}
    for prefix, part in module.named_modules():
        for name, parameter in part.named_parameters(prefix=prefix, recurse=False):
            keep = isinstance(part, _NormBase) or name.endswith("bias")
            (spared if keep else decayed)[name] = parameter
    return decayed, spared


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
