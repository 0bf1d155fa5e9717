"""Whose weights are these, among the published systems: a state dict -> its spec and weights."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from gst_analysis.checkpoints.detective import check_finite
from gst_analysis.errors import BrokenCheckpoint, name_some
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.recognised import Recognised

_PREFIXES = re.compile(r"^(?:(?:module|_orig_mod)\.)+")


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
    stripped = {_PREFIXES.sub("", name): tensor for name, tensor in state.items()}
    if len(stripped) < len(state):
        return None  # two tensors of one name: whoever reads on says so
    for module in dict.fromkeys(system.module for system in SYSTEMS.values()):
        found = importlib.import_module(f"gst_analysis.networks.systems.{module}").recognise(stripped)
        if found is not None:
            return found if num_frames is None else _with_frames(found, num_frames)
    return None


def _with_frames(found: Recognised, num_frames: int) -> Recognised:
    return replace(found, spec=replace(found.spec, num_frames=num_frames))


def check_system_state(found: Recognised, path: Path) -> None:
    """Compare every name and shape with what would be built; look for NaN and infinities.

    Raises:
        BrokenCheckpoint: something is missing, surplus, misshapen or no number.
    """
    with torch.device("meta"):
        wanted = {name: tuple(tensor.shape) for name, tensor in build_model(found.spec).state_dict().items()}
    given = {name: tuple(tensor.shape) for name, tensor in found.state.items()}
    optional = {name for name in wanted if name.endswith("num_batches_tracked")}
    missing = sorted(set(wanted) - set(given) - optional)
    unexpected = sorted(set(given) - set(wanted))
    odd = [
        f"{n} {given[n]} not {wanted[n]}" for n in sorted(set(wanted) & set(given)) if given[n] != wanted[n]
    ]
    parts = (("missing", missing), ("unexpected", unexpected), ("misshapen", odd))
    said = [f"{len(names)} {kind}: {name_some(names, limit=3)}" for kind, names in parts if names]
    if said:
        raise BrokenCheckpoint(
            str(path),
            expected=f"the weights of {found.spec.label}",
            found="; ".join(said),
            todo="check that the file is complete and of this network",
        )
    check_finite(found.state, path)
