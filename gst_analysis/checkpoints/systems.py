"""Whose weights are these, among the published systems: a state dict -> its spec and weights."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.matching import unwrap
from gst_analysis.networks.systems.recognised import Recognised


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
    stripped = unwrap(state)
    if len(stripped) < len(state):
        return None  # two tensors of one name: whoever reads on says so
    for module in dict.fromkeys(system.module for system in SYSTEMS.values()):
        found = importlib.import_module(f"gst_analysis.networks.systems.{module}").recognise(stripped)
        if found is not None:
            return found if num_frames is None else _with_frames(found, num_frames)
    return None


def _with_frames(found: Recognised, num_frames: int) -> Recognised:
    return replace(found, spec=replace(found.spec, num_frames=num_frames))
