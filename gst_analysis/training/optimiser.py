"""A network in, an SGD optimiser out whose weight decay leaves batch norm and biases alone."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.optim import SGD

from gst_analysis.training.config import OptimiserConfig


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
