"""How weights are moved: SGD or AdamW, whose decay leaves batch norm and biases alone, and the learning rate.

Groups of weights may learn at a share of the rate, which is a function of time alone: there is no scheduler
whose state could be lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import SGD, AdamW, Optimizer

from gst_analysis.checkpoints.transfer import list_head
from gst_analysis.errors import SpecError, name_some
from gst_analysis.networks.adopted import ClipNetwork
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.training.config import OptimiserConfig, ScheduleConfig
from gst_analysis.training.depth import RunOrder, list_depths


def build_optimiser(
    module: nn.Module, config: OptimiserConfig, shares: Mapping[str, float] | None = None
) -> Optimizer:
    """SGD or AdamW over two groups: convolution and linear weights, which decay, and all others.

    Decaying a batch norm's scale would pull towards zero the very numbers that Figure 4 reads; decaying
    a bias, of which there is only the head's, regularises nothing. What is frozen is in no group.

    Args:
        module: the network.
        config: kind, rate, momentum and decay.
        shares: of the rate, by the name of a parameter; 1 where nothing is said. Two groups for each.
    """
    shares = shares or {}
    decayed, spared = (
        {name: one for name, one in part.items() if one.requires_grad} for part in split_parameters(module)
    )
    # Those at the full rate first: a run's log shows the rate of the first group.
    groups: list[dict[str, Any]] = [
        {"params": [one for name, one in part.items() if shares.get(name, 1.0) == share], **rest}
        for share in sorted({1.0, *shares.values()}, key=lambda share: (share != 1.0, -share))
        for part, rest in (
            (decayed, {"weight_decay": config.weight_decay, "share": share}),
            (spared, {"weight_decay": 0.0, "share": share}),
        )
    ]
    if config.kind == "adamw":
        return AdamW(groups, lr=config.lr, betas=(config.momentum, 0.999))
    return SGD(groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov)


def set_rate(optimiser: Optimizer, rate: float) -> None:
    """Give every group its share of a rate; in a state of before there were shares, all of it."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("share", 1.0)


def rate_shares(
    network: VideoNetwork | ClipNetwork, config: OptimiserConfig, order: Callable[[], RunOrder]
) -> dict[str, float]:
    """The share of the learning rate of every parameter, by its name, where it is another than 1.

    What is said of a module by name counts more than the decay from place to place.

    Raises:
        SpecError: a module that there is not, or places that are not known.
    """
    prefix = "inner." if isinstance(network, ClipNetwork) else ""
    names = [name.removeprefix(prefix) for name, _ in network.named_parameters()]
    shares: dict[str, float] = {}
    if config.layer_decay is not None:
        depths, last = list_depths(network.spec, order())
        shares = {name: config.layer_decay ** (last - depths[name.rpartition(".")[0]]) for name in names}
    told = config.rate_of()
    for module in sorted(told, key=len):
        inside = [name for name in names if name.startswith(f"{module}.")]
        if not inside:
            raise SpecError(
                "optimiser.rates",
                expected=f"modules of {network.spec.label} with weights",
                found=repr(module)[:60],
                todo=f"such as {name_some(list(dict.fromkeys(n.partition('.')[0] for n in names)))}",
            )
        shares |= dict.fromkeys(inside, told[module] / config.lr)
    if config.head_lr is not None:
        shares |= dict.fromkeys(list_head(network.spec), config.head_lr / config.lr)
    return {prefix + name: share for name, share in shares.items() if share != 1}


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
