"""Scores of channels and a budget -> which channels stay, so the width of every group of every block.

Enters one number a channel of the batch norms after temporal operators (whatever the score); leaves a
Proposal. Arithmetic alone: no network is built and no torch is imported. Channels go in the order of their
scores, the lowest first, wherever they are, until the budget is met; every group keeps its best channel.

One channel less at a block saves its filter in the operator, its entries in the batch norm and its column in
the 1x1 convolution that reads it. That is the same for every channel of a group, so costs add up exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from gst_analysis.analyses.cost.counting import summarise_cost
from gst_analysis.analyses.cost.table import CostSummary
from gst_analysis.analyses.slimming.table import SLIM_WIDTHS
from gst_analysis.errors import SpecError
from gst_analysis.groups import Group
from gst_analysis.networks.anatomy import require_arithmetic
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.widths import Widths, why_not_slimmed
from gst_analysis.tables.schema import check

QUANTITIES = ("macs", "params")


@dataclass(frozen=True)
class Budget:
    """At most this share of the whole network's multiply-adds or parameters."""

    quantity: str
    share: float

    def __post_init__(self) -> None:
        if self.quantity not in QUANTITIES or not 0 < self.share < 1:
            raise SpecError(
                "budget",
                expected=f"a share of {' or '.join(QUANTITIES)} between 0 and 1",
                found=f"{self.share} of {self.quantity}",
                todo="such as 0.7",
            )


@dataclass(frozen=True)
class Proposal:
    """A smaller network: its spec, which channels of each batch norm stay, and what it costs."""

    spec: ModelSpec
    kept: Mapping[str, tuple[int, ...]] = field(repr=False)
    dropped: Mapping[str, tuple[int, ...]] = field(repr=False)
    params: int
    macs: int

    @property
    def removed(self) -> int:
        """How many channels are taken out."""
        return sum(map(len, self.dropped.values()))


class SlimmingOrder:
    """All channels of a network in the order in which they go, with what is left after each.

    Args:
        spec: a whole network.
        channels: columns layer, group, channel and value: the lowest value goes first.
        size: height and width of a frame in pixels, for multiply-adds.

    Raises:
        SpecError: a network that cannot be slimmed, or has been.
    """

    def __init__(self, spec: ModelSpec, channels: pd.DataFrame, *, size: int) -> None:
        check_slimmable(spec)
        self.spec, self.size = spec, size
        self.whole = summarise_cost(spec, size=size)
        best = channels.groupby(["layer", "group"], sort=False)["value"].idxmax()
        self.order = channels[~channels.index.isin(best)].sort_values("value", kind="stable")
        saved = _saved_by_one(spec, self.whole, size)
        each = [saved[unit] for unit in zip(self.order["layer"], self.order["group"], strict=True)]
        table = np.array(each, dtype=np.int64).reshape(-1, 2)
        self.left = {
            name: getattr(self.whole, name) - np.concatenate([[0], table[:, place].cumsum()])
            for place, name in enumerate(QUANTITIES)
        }

    @property
    def smallest_share(self) -> Mapping[str, float]:
        """What is left of each quantity when every group is down to one channel."""
        return {name: float(left[-1] / left[0]) for name, left in self.left.items()}

    def propose(self, budget: Budget) -> Proposal:
        """Take out as few channels as meet the budget.

        Raises:
            SpecError: a budget that cannot be met.
        """
        left = self.left[budget.quantity]
        met = np.flatnonzero(left <= budget.share * left[0])
        if not len(met):
            raise SpecError(
                f"budget of {budget.quantity}",
                expected=f"a share of at least {np.ceil(1000 * left[-1] / left[0]) / 1000:.3f}, "
                "which one channel in every group still takes",
                found=str(budget.share),
                todo="keep a larger share, or start from a wider network",
            )
        return self.take(int(met[0]))

    def spread(self, levels: int) -> list[Proposal]:
        """The whole network, the smallest, and others at even steps of multiply-adds between them."""
        left = self.left["macs"]
        steps = np.linspace(left[0], left[-1], levels)
        return [self.take(int(np.flatnonzero(left <= step)[0])) for step in steps]

    def take(self, count: int) -> Proposal:
        """Take out the first so many channels."""
        gone = self.order.iloc[:count]
        dropped = {
            str(layer): tuple(sorted(map(int, rows))) for layer, rows in gone.groupby("layer")["channel"]
        }
        kept: dict[str, tuple[int, ...]] = {}
        widths: list[tuple[int, ...]] = []
        for block in self.spec.blocks():
            (site,) = block.sites
            layer = f"{block.name}.{site.norm}"
            out = set(dropped.get(layer, ()))
            kept[layer] = tuple(channel for channel in range(site.c_out) if channel not in out)
            groups = self.spec.groups_at(site)
            widths.append(tuple(sum(c in range(s.start, s.stop) for c in kept[layer]) for _, s in groups))
        spec = replace(self.spec, widths=tuple(widths), beta=None)
        params, macs = (int(self.left[name][count]) for name in ("params", "macs"))
        return Proposal(spec, kept, dropped, params, macs)


def check_slimmable(network: NetworkSpec) -> ModelSpec:
    """The spec of a network whose operators' channels can be taken out one by one; others are refused.

    Raises:
        SpecError: such a network, or one that was slimmed before.
    """
    spec = require_arithmetic(network, "slimming")
    reason = why_not_slimmed(spec.operator, spec.plan, spec.alpha)
    if spec.widths is not None:
        reason = "a network that was slimmed before"
    if reason:
        raise SpecError(
            spec.label,
            expected="a network whose operators' channels can be taken out",
            found=reason,
            todo="use GST, GST-Large, C2D, TSM or C3D in a ResNet with bottlenecks, not slimmed yet",
        )
    return spec


def rank_within_groups(channels: pd.DataFrame) -> pd.DataFrame:
    """Values from 0 to 1 by place in the own group: in this order every group keeps the same share."""
    groups = channels.groupby(["layer", "group"], sort=False)["value"]
    return channels.assign(value=groups.rank(method="first") / groups.transform("size"))


def shuffle_values(channels: pd.DataFrame, *, seed: int | Sequence[int]) -> pd.DataFrame:
    """Random values: in this order any channel may go first."""
    return channels.assign(value=np.random.default_rng(seed).permutation(len(channels)).astype(float))


def tabulate_widths(spec: ModelSpec, slimmed: ModelSpec, *, name: str) -> pd.DataFrame:
    """The width of every group before and after."""
    rows = [
        {
            "checkpoint": name,
            "stage": block.stage,
            "block": block.name,
            "layer": f"{block.name}.{site.norm}",
            "group": group,
            "before": before.stop - before.start,
            "after": after.stop - after.start,
        }
        for block, other in zip(spec.blocks(), slimmed.blocks(), strict=True)
        for site, less in zip(block.sites, other.sites, strict=True)
        for (group, before), (_, after) in zip(spec.groups_at(site), slimmed.groups_at(less), strict=True)
    ]
    return check(pd.DataFrame(rows), SLIM_WIDTHS)


def _saved_by_one(spec: ModelSpec, whole: CostSummary, size: int) -> dict[tuple[str, Group], tuple[int, int]]:
    """What one channel less saves, by layer and group: (macs, params)."""
    saved: dict[tuple[str, Group], tuple[int, int]] = {}
    blocks = [(block, spec.groups_at(block.sites[0])) for block in spec.blocks()]
    full: Widths = tuple(tuple(s.stop - s.start for _, s in groups) for _, groups in blocks)
    for place, (block, groups) in enumerate(blocks):
        for number, (group, _) in enumerate(groups):
            narrowed = [list(widths) for widths in full]
            narrowed[place][number] -= 1
            if not narrowed[place][number]:
                saved[f"{block.name}.{block.sites[0].norm}", group] = (0, 0)  # its one channel always stays
                continue
            less = replace(spec, widths=tuple(map(tuple, narrowed)), beta=None)
            cost = summarise_cost(less, size=size)
            saved[f"{block.name}.{block.sites[0].norm}", group] = (
                whole.macs - cost.macs,
                whole.params - cost.params,
            )
    return saved
