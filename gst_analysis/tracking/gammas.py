"""Scales of a network that is being trained, by group, without a table and without a copy of its weights.

Figure 4 (analyses.scales) says more of a finished checkpoint; a test holds that both read the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import torch
from torch import Tensor

from gst_analysis.errors import SpecError
from gst_analysis.groups import find_pair
from gst_analysis.networks.anatomy import Anatomy, Unit
from gst_analysis.tracking.trackers import Tracker

SHARED = "shared"
"""Channels whose filters own a spatial and a temporal kernel, as in STH: γ alone does not tell them apart."""


_LARGEST = 1e20
"""Beyond it TensorBoard has no bins, and takes no histogram at all."""


def gather_scales(module: torch.nn.Module, anatomy: Anatomy) -> dict[str, Tensor]:
    """Scales of a module by the names of its state, also of a layer that is pruned or parametrised.

    Raises:
        SpecError: a layer has none any more, or of another shape.
    """
    return {f"{unit.layer}.weight": _find_scale(module, unit) for unit in anatomy.scaled}


def _find_scale(module: torch.nn.Module, unit: Unit) -> Tensor:
    held = None
    with suppress(AttributeError):
        held = module.get_submodule(unit.layer).weight
    if isinstance(held, Tensor) and _can_be_read(held) and len(held) >= unit.channels.stop:
        return held
    raise SpecError(
        f"{unit.layer}.weight",
        expected=f"{unit.channels.stop} or more scales, as when the network was given",
        found=_describe(held) if isinstance(held, Tensor) else "none",
        todo="give GammaLogger the network as it is trained",
    )


def read_gammas(state: Mapping[str, Tensor], anatomy: Anatomy) -> dict[str, dict[str, np.ndarray]]:
    """γ of every norm after a temporal operator: by block, then by group."""
    found: dict[str, dict[str, list[np.ndarray]]] = {}
    for unit in anatomy.scaled:
        values = state[f"{unit.layer}.weight"][unit.channels].detach().double().cpu().numpy()
        found.setdefault(unit.block, {}).setdefault(_name_group(unit), []).append(values)
    return {
        block: {group: np.concatenate(parts) for group, parts in groups.items()}
        for block, groups in found.items()
    }


def join_blocks(gammas: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """γ of the whole network, by group."""
    joined: dict[str, list[np.ndarray]] = {}
    for groups in gammas.values():
        for group, values in groups.items():
            joined.setdefault(group, []).append(values)
    return {group: np.concatenate(parts) for group, parts in joined.items()}


def measure_gaps(gammas: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, float]:
    """Median γ of time less that of space (or of one pathway less the other's), where a block has both."""
    pair = find_pair(tuple(join_blocks(gammas)))
    if pair is None:
        return {}
    space, time = pair
    with np.errstate(invalid="ignore"):  # one infinity less another: the gap is no number, as it should be
        return {
            block: float(np.median(groups[time]) - np.median(groups[space]))
            for block, groups in gammas.items()
            if space in groups and time in groups
        }


def measure_shares(gammas: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, float]:
    """Time's share of |γ| in every block that has both groups: the profile's line of scales."""
    pair = find_pair(tuple(join_blocks(gammas)))
    if pair is None:
        return {}
    sums = {
        block: [float(np.abs(groups[group]).sum()) for group in pair]
        for block, groups in gammas.items()
        if set(pair) <= set(groups)
    }
    with np.errstate(invalid="ignore", divide="ignore"):  # no scale at all has no share
        return {block: float(np.float64(time) / (space + time)) for block, (space, time) in sums.items()}


def track_gammas(tracker: Tracker, state: Mapping[str, Tensor], anatomy: Anatomy, step: int) -> None:
    """Tell the scales of a step, of the network and of every block by group, and how far time lies above.

    Beside the gap of medians stands time's share of |γ|, which is the line of scales in a profile.
    """
    if not anatomy.scaled:
        return
    gammas = read_gammas(state, anatomy)
    whole, gaps = join_blocks(gammas), measure_gaps(gammas)
    blocks = {f"{block}/{group}": v for block, groups in gammas.items() for group, v in groups.items()}
    for name, values in {**whole, **blocks}.items():
        # A training that diverged goes on being told: its medians say that there are no numbers left.
        if len(shown := values[np.abs(values) < _LARGEST]):
            tracker.add_histogram(f"gamma/{name}", shown, step)
    medians = {f"gamma_median/{group}": float(np.median(values)) for group, values in whole.items()}
    by_block = {"gamma_gap": gaps, "profile_gamma": measure_shares(gammas)}
    told = {f"{name}/{block}": one for name, found in by_block.items() for block, one in found.items()}
    tracker.add_scalars({**medians, **told}, step)


def _can_be_read(held: Tensor) -> bool:
    plain = held.layout == torch.strided and not held.is_meta
    return plain and held.ndim == 1 and held.is_floating_point()


def _describe(held: Tensor) -> str:
    return f"{held.dtype} of shape {tuple(held.shape)} ({held.layout}, {held.device})".replace("torch.", "")


def _name_group(unit: Unit) -> str:
    return SHARED if unit.owners else unit.group
