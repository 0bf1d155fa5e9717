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
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.anatomy import Unit, View
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import anatomy_of
from gst_analysis.networks.viewing import fold_frames, pick_tensor, replace_tensor, unfold_frames

Change = Callable[[Tensor], Tensor]
"""A norm's output as folded frames (N*T, C, H, W) -> what shall leave in its place."""
FOLDED = View("(NT)CHW")


def list_units(spec: NetworkSpec) -> list[Unit]:
    """Every group of every norm after what mixes space or time, in the order of the network."""
    return list(anatomy_of(spec).units)


def list_activations(spec: NetworkSpec) -> dict[str, Change]:
    """For each such norm, what stands between it and whatever reads it."""
    return {unit.layer: _ACTIVATIONS[unit.activation] for unit in anatomy_of(spec).units}


def list_views(spec: NetworkSpec) -> dict[str, View]:
    """For each such norm, how its output lies."""
    return {unit.layer: unit.view for unit in anatomy_of(spec).units}


_ACTIVATIONS: dict[str, Change] = {"relu": F.relu, "relu6": F.relu6, "none": torch.clone}


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


def change_some(change: Change, chosen: Tensor) -> Change:
    """A change of some clips of a batch, (N,) says which; the others' outputs leave as they are."""

    def change_chosen(output: Tensor) -> Tensor:
        # A network may have fewer frames inside than its clips have, so the output says how many.
        rows = chosen.to(output.device).repeat_interleave(len(output) // len(chosen))
        return torch.where(rows[:, None, None, None], change(output), output)

    return change_chosen


@contextmanager
def changed_output(network: nn.Module, layer: str, change: Change, view: View = FOLDED) -> Iterator[None]:
    """Put a change at a norm's output for as long as the block runs; `view` says how the output lies."""

    def hook(_: nn.Module, __: object, output: Tensor) -> Tensor:
        return unfold_frames(change(fold_frames(output, view)), view, output)

    handle = network.get_submodule(layer).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def changed_unit(network: nn.Module, unit: Unit, change: Change) -> Iterator[None]:
    """Put a change at a unit, where it leaves its module or enters it, for as long as the block runs."""
    if not unit.its_input:
        with changed_output(network, unit.layer, change, unit.view):
            yield
        return

    def hook(_: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        first, *others = given
        return unfold_frames(change(fold_frames(first, unit.view)), unit.view, first), *others

    handle = network.get_submodule(unit.layer).register_forward_pre_hook(hook)
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


@dataclass(frozen=True)
class Look:
    """What is looked at: what leaves a module, or what it is given; and how that lies."""

    module: str
    view: View
    its_input: bool = False


@contextmanager
def looking(network: nn.Module, looks: Mapping[str, Look]) -> Iterator[dict[str, Tensor]]:
    """What looks see in every forward pass inside the block, fit to be asked for gradients.

    What goes on is a copy, so that what works in place after it changes nothing that was seen.
    """
    seen: dict[str, Tensor] = {}

    def see(name: str, look: Look, output: Any) -> Any:
        seen[name] = pick_tensor(output, look.view)
        return replace_tensor(output, look.view, seen[name].clone())

    def see_input(name: str, _: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        seen[name] = given[0]
        return given[0].clone(), *given[1:]

    with ExitStack() as stack:
        for name, look in looks.items():
            module = network.get_submodule(look.module)
            if look.its_input:
                handle = module.register_forward_pre_hook(partial(see_input, name))
            else:
                handle = module.register_forward_hook(lambda _, __, out, n=name, one=look: see(n, one, out))
            stack.callback(handle.remove)
        yield seen


def finish_from(network: VideoNetwork, x: Tensor, frames: int, *, start: int) -> Tensor:
    """Block `start` and all after it, then the head: (N*T, C, H, W) -> a clip's logits (N, K)."""
    for _, block in list(network.stages())[start:]:
        x = block(x, frames)
    # The network's own forward has dropout in between, which does nothing in evaluation mode.
    logits: Tensor = network.fc(network.finish(x))
    return logits.reshape(-1, frames, logits.shape[1]).mean(1)
