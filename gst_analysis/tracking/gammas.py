"""Scales of a network that is being trained, by group, without a table and without a copy of its weights.

Figure 4 (analyses.scales) says more of a finished checkpoint; a test holds that both read the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from gst_analysis.groups import find_pair
from gst_analysis.networks.anatomy import Anatomy, Unit
from gst_analysis.tracking.trackers import Tracker

SHARED = "shared"
"""Channels whose filters own a spatial and a temporal kernel, as in STH: γ alone does not tell them apart."""


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
    return {
        block: float(np.median(groups[time]) - np.median(groups[space]))
        for block, groups in gammas.items()
        if space in groups and time in groups
    }


def track_gammas(tracker: Tracker, state: Mapping[str, Tensor], anatomy: Anatomy, step: int) -> None:
    """Tell the scales of a step, of the network and of every block by group, and how far time lies above."""
    if not anatomy.scaled:
        return
    gammas = read_gammas(state, anatomy)
    whole, gaps = join_blocks(gammas), measure_gaps(gammas)
    for group, values in whole.items():
        tracker.add_histogram(f"gamma/{group}", values, step)
    for block, groups in gammas.items():
        for group, values in groups.items():
            tracker.add_histogram(f"gamma/{block}/{group}", values, step)
    medians = {f"gamma_median/{group}": float(np.median(values)) for group, values in whole.items()}
    tracker.add_scalars({**medians, **{f"gamma_gap/{block}": gap for block, gap in gaps.items()}}, step)


def _name_group(unit: Unit) -> str:
    return SHARED if unit.owners else unit.group
