"""Accuracy over cost as channels go, by score and by plainer ways.

Beside the channels with the lowest scores, wherever they are, stand two plain ways to the same cost: as many
of every group (uniform, the lowest scores of each), and channels drawn at random. Accuracies are those before
any fine-tuning, measured with the channels silenced, which computes what taking them out does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gst_analysis.analyses.slimming.order import (
    Proposal,
    SlimmingOrder,
    check_slimmable,
    rank_within_groups,
    shuffle_values,
)
from gst_analysis.analyses.slimming.pruning import MaskedRuns, measure_masked
from gst_analysis.analyses.slimming.table import SLIM_CURVE
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import RecordList, note_videos
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.probes.resampling import Interval
from gst_analysis.probes.shares import summarise_share_differences, summarise_shares
from gst_analysis.progress import Progress
from gst_analysis.tables import check

LEVELS = 9
"""Costs at which the plain ways are measured, from the whole network to one channel in every group."""
RANDOM_ORDERS = 3


@dataclass(frozen=True)
class Point:
    """One smaller network, and how its channels were chosen."""

    method: str
    draw: int
    proposal: Proposal


@dataclass(frozen=True)
class SlimmingCurve:
    """A SLIM_CURVE table, the networks behind its rows, and the clips they were measured on."""

    table: pd.DataFrame = field(repr=False)
    points: tuple[Point, ...] = field(repr=False)
    records: RecordList = field(repr=False)
    failures: dict[str, str]
    notes: tuple[str, ...] = ()
    """What must be said of the intervals."""

    def choose(self, max_drop: float) -> Proposal:
        """The last network by score before accuracy falls by more than this, the whole one at the least."""
        rows = self.table[self.table["method"] == "score"]
        lost = rows["accuracy"].iloc[0] - rows["accuracy"]
        too_far = lost[lost > max_drop].index
        within = rows if not len(too_far) else rows.loc[: too_far[0]].iloc[:-1]
        return self.points[int(within.index[-1])].proposal


def measure_curve(
    model: LoadedModel,
    channels: pd.DataFrame,
    records: RecordList,
    *,
    seed: int = 0,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> SlimmingCurve:
    """Accuracy over cost for the scores' order, for equal shares, and for random orders.

    Args:
        model: what load_model returned; it stays as it is.
        channels: columns layer, group, channel and value, one row a channel.
        records: labelled clips.
        seed: of the random orders.
        settings: batch and device.
        progress: called now and then.
    """
    points = _list_points(model, channels, seed)
    masks = [point.proposal.dropped for point in points]
    runs = measure_masked(model, records, masks, settings=settings, progress=progress)
    table = _tabulate(points, runs).assign(checkpoint=model.checkpoint.name)
    table = check(table[list(SLIM_CURVE.columns)], SLIM_CURVE)
    return SlimmingCurve(table, tuple(points), records, runs.failures, note_videos(runs.videos.tolist()))


def _list_points(model: LoadedModel, channels: pd.DataFrame, seed: int) -> list[Point]:
    """The scores' order at twice as many steps, because a network may be chosen among its points."""
    orders: Mapping[tuple[str, int], tuple[pd.DataFrame, int]] = {
        ("score", 0): (channels, 2 * LEVELS - 1),
        ("uniform", 0): (rank_within_groups(channels), LEVELS),
        **{
            ("random", draw): (shuffle_values(channels, seed=[seed, draw]), LEVELS)
            for draw in range(RANDOM_ORDERS)
        },
    }
    size = model.clip_spec.crop
    return [
        Point(method, draw, proposal)
        for (method, draw), (values, levels) in orders.items()
        for proposal in SlimmingOrder(check_slimmable(model.spec), values, size=size).spread(levels)
    ]


def _tabulate(points: list[Point], runs: MaskedRuns) -> pd.DataFrame:
    whole = points[0].proposal.macs
    accuracies = summarise_shares(runs.right, units=runs.videos)
    ahead = [_find_ahead(point, place, points, runs) for place, point in enumerate(points)]
    rows = [
        {
            "method": point.method,
            "draw": point.draw,
            "removed": point.proposal.removed,
            "params": point.proposal.params,
            "macs": point.proposal.macs,
            "macs_share": point.proposal.macs / whole,
            "clips": runs.right.shape[1],
            "accuracy": accuracy.value,
            "accuracy_low": accuracy.low,
            "accuracy_high": accuracy.high,
            **describe_ahead("ahead", lead),
            "loss": float(loss),
        }
        for point, accuracy, lead, loss in zip(points, accuracies, ahead, runs.loss.mean(axis=1), strict=True)
    ]
    return pd.DataFrame(rows)


def _find_ahead(point: Point, place: int, points: list[Point], runs: MaskedRuns) -> Interval | None:
    """How much more the scores' own network has right at that cost; None for the scores' own."""
    if point.method == "score":
        return None
    level = sum((one.method, one.draw) == (point.method, point.draw) for one in points[:place])
    (lead,) = summarise_share_differences(
        runs.right[[2 * level]],  # the scores' order has twice as many steps, and stands first
        runs.right[[place]],
        units=runs.videos,
    )
    return lead


def describe_ahead(name: str, lead: Interval | None) -> dict[str, float]:
    """A lead and the ends of its interval as three columns; missing where there is none."""
    ends = (np.nan,) * 3 if lead is None else (lead.value, lead.low, lead.high)
    return dict(zip((name, f"{name}_low", f"{name}_high"), ends, strict=True))
