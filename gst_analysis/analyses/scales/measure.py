"""Figure 4: the scales of the batch norm after each temporal operator, split into space and time.

Enters a checkpoint (no network is built); leaves a BN_SCALES table. Section 4.6 of the paper reads the
scale of a channel as its importance; docs/bn-scales.md says how far that can be trusted.

Whose channel is it? In GST the operator writes spatial channels first and temporal ones after them.
Families without such groups have one group, `all`. In STH (our reading) every filter owns a spatial and
a temporal kernel, so a channel's scale is shared between its two owners by the energy of their weights:
share² is the kernel's part of the filter's squared norm, and the two squared shares add up to 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import Tensor

from gst_analysis.analyses.scales.table import BN_SCALES
from gst_analysis.checkpoints.loading import Checkpoint
from gst_analysis.networks.backbones import Block, Site
from gst_analysis.networks.families import Group
from gst_analysis.tables.schema import check


@dataclass(frozen=True)
class GroupStatistics:
    """The scales of one group of one batch norm; `std` is the population's."""

    n: int
    mean: float
    median: float
    std: float


@dataclass(frozen=True)
class LayerStatistics:
    """One batch norm after a temporal operator."""

    block: str
    layer: str
    groups: dict[str, GroupStatistics]


@dataclass(frozen=True)
class BnSummary:
    """Per checkpoint, the statistics of every such batch norm, of γ or of |γ|."""

    statistic: str
    checkpoints: dict[str, list[LayerStatistics]]


def tabulate_bn_scales(checkpoint: Checkpoint, *, name: str | None = None) -> pd.DataFrame:
    """One row for every channel (for STH: channel and owner) of the norms after temporal operators."""
    rows = [
        _tabulate_group(checkpoint, block, site, group, channels)
        for block in checkpoint.spec.blocks()
        for site in block.sites
        for group, channels in _groups_at(checkpoint, site)
    ]
    table = pd.concat(rows, ignore_index=True)
    table.insert(0, "checkpoint", name or checkpoint.name)
    return check(table, BN_SCALES)


def summarise_bn_scales(table: pd.DataFrame, *, absolute: bool = False) -> BnSummary:
    """Count, mean, median and standard deviation of each group's scales."""
    values = scale_values(table, absolute=absolute)
    frame = table.assign(value=values)
    checkpoints: dict[str, list[LayerStatistics]] = {}
    for (checkpoint, block, layer), part in frame.groupby(["checkpoint", "block", "layer"], sort=False):
        groups = {
            str(group): _statistics(rows["value"].to_numpy())
            for group, rows in part.groupby("group", sort=False)
        }
        checkpoints.setdefault(str(checkpoint), []).append(LayerStatistics(str(block), str(layer), groups))
    return BnSummary("|gamma|" if absolute else "gamma", checkpoints)


def note_equal_scales(table: pd.DataFrame) -> tuple[str, ...]:
    """A line for every checkpoint whose scales are all the same number, so that they tell nothing apart."""
    notes = []
    for name, gamma in table.groupby("checkpoint", sort=False)["gamma"]:
        if gamma.nunique() == 1:
            value = float(gamma.iloc[0])
            why = "nothing passes" if value == 0 else "untrained, or folded into the convolutions"
            notes.append(f"{name}: every scale is {value:g} ({why}), so scales tell nothing apart")
    return tuple(notes)


def scale_values(table: pd.DataFrame, *, absolute: bool) -> pd.Series:
    """The number a histogram shows: γ, or |γ|, times the share its group owns."""
    return table["importance"] if absolute else table["gamma"] * table["share"]


def _statistics(values: np.ndarray) -> GroupStatistics:
    return GroupStatistics(len(values), float(values.mean()), float(np.median(values)), float(values.std()))


def _groups_at(checkpoint: Checkpoint, site: Site) -> Iterator[tuple[Group, slice]]:
    spec = checkpoint.spec
    if spec.operator.owns_both and not site.depthwise:
        yield "spatial", slice(0, site.c_out)
        yield "temporal", slice(0, site.c_out)
    else:
        yield from spec.groups_at(site)


def _tabulate_group(
    checkpoint: Checkpoint, block: Block, site: Site, group: Group, channels: slice
) -> pd.DataFrame:
    layer = f"{block.name}.{site.norm}"
    read = {part: _column(checkpoint.state[f"{layer}.{part}"])[channels] for part in _PARTS}
    share = np.ones(len(read["weight"]))
    if checkpoint.spec.operator.owns_both and not site.depthwise:
        share = _owned_share(checkpoint, f"{block.name}.{site.conv}", group)
    return pd.DataFrame(
        {
            "stage": block.stage,
            "block": block.name,
            "layer": layer,
            "group": group,
            "channel": np.arange(channels.start, channels.stop),
            **{_PARTS[part]: values for part, values in read.items()},
            "share": share,
            "importance": np.abs(read["weight"]) * share,
        }
    )


_PARTS = {"weight": "gamma", "bias": "beta", "running_mean": "running_mean", "running_var": "running_var"}


def _owned_share(checkpoint: Checkpoint, conv: str, group: Group) -> np.ndarray:
    """The part of each filter's weight energy that its spatial or temporal kernel holds, as a scale."""
    energy = {
        owner: _column(checkpoint.state[f"{conv}.{owner}.weight"].double().flatten(1).square().sum(1))
        for owner in ("spatial", "temporal")
    }
    total = energy["spatial"] + energy["temporal"]
    equal = np.full_like(total, 0.5)  # a filter of zeros belongs to both alike
    share: np.ndarray = np.sqrt(np.divide(energy[group], total, out=equal, where=total > 0))
    return share


def _column(tensor: Tensor) -> np.ndarray:
    return tensor.double().numpy()
