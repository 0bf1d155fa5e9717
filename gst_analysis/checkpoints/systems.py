"""Whose weights are these, among the published systems: a state dict -> its spec and weights."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from torch import Tensor

    from gst_analysis.networks.systems import matching
else:
    matching = Door("gst_analysis.networks.systems.matching")

_SHARED = {"net", "network", "encoder", "backbone"}


def find_system_of(
    state: Mapping[str, Tensor], embedded: NetworkSpec | None, num_frames: int | None
) -> Recognised | None:
    """What a state dict is if it belongs to a published system; None for every other.

    Args:
        state: names and weights as somebody saved them.
        embedded: what the file says it is, if it says so.
        num_frames: overrides the number of frames.
    """
    if embedded is not None:
        return Recognised(embedded, "gst-analysis", state) if isinstance(embedded, SystemSpec) else None
    for stripped in _peel(state):
        found = _ask_each(stripped)
        if found is not None:
            return found if num_frames is None else _with_frames(found, num_frames)
    return None


def _peel(state: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The weights without wrappers; then, where all names begin alike, without those that are also modules.

    `encoder.` and the like may be a system's own, so they are left where something else is beside them.
    """
    stripped = matching.unwrap(state)
    if len(stripped) < len(state):
        return  # two tensors of one name: whoever reads on says so
    yield stripped
    while stripped and len(heads := {name.partition(".")[0] for name in stripped}) == 1:
        if not heads <= _SHARED:
            return
        stripped = matching.unwrap({name.partition(".")[2]: tensor for name, tensor in stripped.items()})
        yield stripped


def _ask_each(stripped: Mapping[str, Tensor]) -> Recognised | None:
    for module in dict.fromkeys(system.module for system in SYSTEMS.values()):
        found = importlib.import_module(f"gst_analysis.networks.systems.{module}").recognise(stripped)
        if found is not None:
            return cast(Recognised, found)
    return None


def _with_frames(found: Recognised, num_frames: int) -> Recognised:
    return replace(found, spec=replace(found.spec, num_frames=num_frames))
