"""Other people's names for the same weights: rename them, and hold them against the module they must fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.undrawn import shapes_alone

Rule = tuple[str, str | Callable[[re.Match[str]], str]]
"""A regular expression and what stands in its place."""

WRAPPERS = re.compile(r"^(?:module\.|_orig_mod\.|model\.)+")
"""What data parallelism, the compiler and trainers put before every name."""


def unwrap(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights without what wraps every name."""
    return {WRAPPERS.sub("", key): tensor for key, tensor in state.items()}


def rename(state: Mapping[str, Tensor], rules: Sequence[Rule]) -> dict[str, Tensor]:
    """The weights under new names: every rule in turn, on every name."""
    renamed = {}
    for key, tensor in state.items():
        for pattern, replacement in rules:
            key = re.sub(pattern, replacement, key)
        renamed[key] = tensor
    return renamed


def shape_of(state: Mapping[str, Tensor], key: str) -> tuple[int, ...]:
    """The shape of a weight; empty where there is none of that name."""
    return tuple(state[key].shape) if key in state else ()


def match(
    spec: SystemSpec,
    build: Callable[[SystemSpec], nn.Module],
    state: Mapping[str, Tensor],
    *,
    layout: str,
    notes: tuple[str, ...] = (),
) -> Recognised | None:
    """What a state dict is, if its names and shapes are exactly those of the module that the spec builds.

    A checkpoint that only resembles a system (another depth, a detector's head) is not claimed: loaded by
    force it would answer wrongly.
    """
    with shapes_alone():
        module = build(spec)
    if _shapes(state) != _shapes(module.state_dict()):
        return None
    return Recognised(spec, layout, dict(state), notes)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Shapes by name, without the counters of batches, which old files lack."""
    return {k: tuple(v.shape) for k, v in state.items() if not k.endswith("num_batches_tracked")}
