"""Hooks: what leaves a network's modules is watched or changed for as long as a block of code runs.

A *unit* is one group of channels (spatial, temporal, or all where a family has no groups) of one batch norm
after a temporal operator: where space and time leave it. Changes are made at the batch norm's output. Zeroing
a channel there, or moving it to another clip or frame, is the same before and after the ReLU that follows; a
channel's mean is taken after the ReLU, because that is what the next convolution reads, and written before
it: the ReLU leaves it as it is. So one place serves every block, also the second operator of a basic block,
which no ReLU follows before the shortcut is added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.backbones import Block, Site
from gst_analysis.networks.families import Group
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.specs import ModelSpec

Change = Callable[[Tensor], Tensor]
"""A batch norm's output (N*T, C, H, W) -> what shall leave in its place."""


@dataclass(frozen=True)
class Unit:
    """One group of channels of one batch norm after a temporal operator."""

    stage: int
    block: str
    layer: str
    group: Group
    channels: slice

    @property
    def count(self) -> int:
        return int(self.channels.stop - self.channels.start)


def list_units(spec: ModelSpec) -> list[Unit]:
    """Every group of every batch norm after a temporal operator, in the order of the network."""
    return [
        Unit(block.stage, block.name, f"{block.name}.{site.norm}", group, channels)
        for block in spec.blocks()
        for site in block.sites
        for group, channels in spec.groups_at(site)
    ]


def list_activations(spec: ModelSpec) -> dict[str, Change]:
    """For each such batch norm, what stands between it and whatever reads it."""
    return {
        f"{block.name}.{site.norm}": _activation(block, site)
        for block in spec.blocks()
        for site in block.sites
    }


def _activation(block: Block, site: Site) -> Change:
    if block.kind == "inverted":
        return F.relu6
    return torch.clone if block.kind == "basic" and site is block.sites[-1] else F.relu


def zero_channels(channels: slice | list[int]) -> Change:
    """Nothing leaves: what zero scale and offset would give."""

    def change(output: Tensor) -> Tensor:
        changed = output.clone()
        changed[:, channels] = 0
        return changed

    return change


def fix_channels(channels: slice, values: Tensor) -> Change:
    """One number a channel of the batch norm leaves everywhere, whatever comes in."""

    def change(output: Tensor) -> Tensor:
        changed = output.clone()
        changed[:, channels] = values[channels].to(output)[:, None, None]
        return changed

    return change


def move_channels(channels: slice, sources: Tensor) -> Change:
    """The channels of other frames leave: frame i of the batch gets those of frame sources[i]."""

    def change(output: Tensor) -> Tensor:
        changed = output.clone()
        changed[:, channels] = output[sources.to(output.device), channels]
        return changed

    return change


@contextmanager
def changed_output(network: nn.Module, layer: str, change: Change) -> Iterator[None]:
    """Put a change at a batch norm's output for as long as the block runs."""
    handle = network.get_submodule(layer).register_forward_hook(lambda _, __, output: change(output))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def masked_channels(network: nn.Module, dropped: Mapping[str, Sequence[int]]) -> Iterator[None]:
    """Silence some channels of several batch norms for as long as the block runs."""
    with ExitStack() as stack:
        for layer, channels in dropped.items():
            stack.enter_context(changed_output(network, layer, zero_channels(list(channels))))
        yield


@contextmanager
def watched_outputs(
    network: nn.Module, layers: Sequence[str], *, attached: bool = False
) -> Iterator[dict[str, Tensor]]:
    """Keep the latest output of some batch norms; `attached` ones can be asked for gradients.

    Each forward pass replaces what is kept; nothing is kept afterwards.
    """
    kept: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[[nn.Module, object, Tensor], Tensor]:
        def hook(_: nn.Module, __: object, output: Tensor) -> Tensor:
            kept[name] = output if attached else output.detach()
            return output.clone()  # the ReLU after it works in place

        return hook

    handles = [network.get_submodule(layer).register_forward_hook(watch(layer)) for layer in layers]
    try:
        yield kept
    finally:
        for handle in handles:
            handle.remove()
        kept.clear()


@contextmanager
def listening(blocks: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """The outputs of modules, filled in by every forward pass inside the block."""
    outputs: dict[str, Tensor] = {}

    def keep(name: str, module: nn.Module, given: object, output: Tensor) -> None:
        # No copy, as there is of a norm's output: nothing works in place on what leaves a whole block.
        outputs[name] = output

    with ExitStack() as stack:
        for name, module in blocks.items():
            stack.callback(module.register_forward_hook(partial(keep, name)).remove)
        yield outputs


def finish_from(network: VideoNetwork, x: Tensor, frames: int, *, start: int) -> Tensor:
    """Block `start` and all after it, then the head: (N*T, C, H, W) -> a clip's logits (N, K)."""
    for _, block in list(network.stages())[start:]:
        x = block(x, frames)
    # The network's own forward has dropout in between, which does nothing in evaluation mode.
    logits: Tensor = network.fc(network.finish(x))
    return logits.reshape(-1, frames, logits.shape[1]).mean(1)
