"""How deep in its network a weight lies: in the order in which modules are run, whatever they are called.

Enters a network and the name of a stage, of a place or of any module; leaves which weights come up to there,
and how many places lie before each weight. A copy without values is run once to see the order.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gst_analysis.checkpoints.transfer import list_head
from gst_analysis.errors import SpecError, name_some
from gst_analysis.networks.adopted import ClipNetwork
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import anatomy_of, build_without_values
from gst_analysis.networks.trial_runs import untouched

ALL = "all"
"""In place of a stage: everything but the head."""


@dataclass(frozen=True)
class RunOrder:
    """When modules were done, counted in modules: the first time and the last, as some are run again."""

    first: dict[str, int]
    last: dict[str, int]

    def when(self, module: str) -> int:
        """When a module was done; one that is not run itself, when what holds it was."""
        while module not in self.first:
            module = module.rpartition(".")[0]
        return self.first[module]

    def end_of(self, name: str) -> int | None:
        """When the last of what lies in a module was done; None if nothing of that name was run."""
        inside = [at for one, at in self.last.items() if one == name or one.startswith(f"{name}.")]
        return max(inside, default=None)


def bare(network: VideoNetwork | ClipNetwork) -> nn.Module:
    """The module whose parameters have the names that checkpoints have."""
    return network.inner if isinstance(network, ClipNetwork) else network


def find_order(spec: NetworkSpec, *, frames: int, size: int) -> RunOrder:
    """Run a network without values once, and write down when each module was done."""
    network = build_without_values(spec)
    order, done = RunOrder({}, {}), 0

    def listen(name: str) -> None:
        nonlocal done
        done += 1
        order.first.setdefault(name, done)
        order.last[name] = done

    for name, module in bare(network).named_modules():
        module.register_forward_hook(lambda *_, name=name: listen(name))
    with untouched(network):
        network(torch.zeros(1, frames, 3, size, size, device="meta"))
    return order


def freeze(network: VideoNetwork | ClipNetwork, up_to: str, order: RunOrder) -> int:
    """Keep all weights up to a stage as they are; their batch norms keep their statistics and use them.

    Args:
        network: in training mode; frozen norms are left in evaluation mode.
        up_to: a stage's number as in stage2, a module such as layer2 or layer2.0, or `all` but the head.
        order: of the network.

    Returns:
        How many tensors were frozen.

    Raises:
        SpecError: there is nothing of that name, or nothing would be left to train.
    """
    head = {name.rpartition(".")[0] for name in list_head(network.spec)}
    end = max(order.last.values()) if up_to == ALL else _find_end(network.spec, up_to, order)
    if up_to != ALL and any(order.when(module) <= end for module in head):
        raise _unknown(network.spec, "a stage before the head", up_to)
    count = 0
    for name, module in bare(network).named_modules():
        if name in head or (up_to != ALL and order.when(name) > end):
            continue
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(False)
            count += 1
        if isinstance(module, _BatchNorm):
            module.eval()
    return count


def _find_end(spec: NetworkSpec, name: str, order: RunOrder) -> int:
    """When all of a stage is done."""
    stage = re.fullmatch(r"stage(\d{1,4})", name)
    places = anatomy_of(spec).places
    named = [place.name for place in places if stage and place.stage == int(stage[1])] or [name]
    ends = [end for one in named if one and (end := order.end_of(one)) is not None]
    if not ends:
        raise _unknown(spec, "a stage, a place or another module of the network", name)
    return max(ends)


def _unknown(spec: NetworkSpec, expected: str, name: str) -> SpecError:
    places = anatomy_of(spec).places
    stages = dict.fromkeys(f"stage{place.stage}" for place in places)
    known = name_some([*stages, *(place.name for place in places[:3])], limit=12)
    return SpecError(
        "model.freeze",
        expected=f"{expected} ({spec.label})",
        found=repr(name)[:60],
        todo=f"such as {known}, or {ALL} for everything but the head",
    )


def list_depths(spec: NetworkSpec, order: RunOrder) -> tuple[dict[str, int], int]:
    """How many places lie before each module, itself counted, and how many there are with the head.

    The stem is at 0, the first place and what lies in it at 1, the head behind the last place.

    Raises:
        SpecError: the network's places are not known.
    """
    places = {place.name: order.end_of(place.name) or 0 for place in anatomy_of(spec).places}
    if not places:
        raise SpecError(
            "optimiser.layer_decay",
            expected="a network whose places are known",
            found=spec.label,
            todo="leave it out, or set optimiser.rates by modules",
        )
    ends = sorted(places.values())
    rank = {name: ends.index(end) + 1 for name, end in places.items()}
    head = {name.rpartition(".")[0] for name in list_head(spec)}
    modules = [name for name, _ in bare(build_without_values(spec)).named_modules()]
    depths = {
        name: next((rank[one] for one in _list_holders(name) if one in rank), None)
        or bisect_left(ends, order.when(name))
        for name in modules
    }
    return {**depths, **dict.fromkeys(head, len(ends) + 1)}, len(ends) + 1


def _list_holders(name: str) -> Iterator[str]:
    """A module and all that it lies in, from the inside."""
    while name:
        yield name
        name = name.rpartition(".")[0]
