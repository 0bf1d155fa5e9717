"""Influence over many clips: running sums in; tables, rank agreements and spreads out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from gst_analysis.analyses.influence.table import (
    GRADIENT,
    INFLUENCE,
    MEAN,
    NEIGHBOUR,
    RECEPTIVE_FIELDS,
    Agreement,
    BlockSpread,
)
from gst_analysis.networks.anatomy import Place
from gst_analysis.probes.answers import reach_of
from gst_analysis.probes.gradients import Norms, share_rows
from gst_analysis.tables.schema import check

Marks = npt.NDArray[np.bool_]


@dataclass
class InfluenceMeans:
    """Running sums, so that memory does not grow with the number of clips."""

    clips: int = 0
    matrices: dict[str, Norms] = field(default_factory=dict)
    shares: dict[str, Norms] = field(default_factory=dict)
    profiles: dict[str, Norms] = field(default_factory=dict)
    ranks: dict[str, list[float]] = field(default_factory=dict)
    unmoved: Counter[str] = field(default_factory=Counter)

    def add(self, matrices: dict[str, Norms], profiles: dict[str, Norms], reachable: Marks) -> None:
        """Count one clip: its matrices by method, and its blocks' profiles."""
        self.clips += 1
        for method, matrix in matrices.items():
            self.matrices[method] = self.matrices.get(method, 0) + matrix
            self.shares[method] = self.shares.get(method, 0) + share_rows(matrix)
            self.unmoved[method] += not matrix.any()
            rank = rank_agreement(matrices[GRADIENT], matrix, reachable)
            if rank is not None:
                self.ranks.setdefault(method, []).append(rank)
        for block, profile in profiles.items():
            self.profiles[block] = self.profiles.get(block, 0) + share_rows(profile)


def rank_agreement(one: Norms, other: Norms, reachable: Marks) -> float | None:
    """Spearman's correlation over the reachable cells; None where there is nothing to rank."""
    first, second = one[reachable], other[reachable]
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(stats.spearmanr(first, second).statistic)


def tabulate_influence(name: str, means: InfluenceMeans, reachable: Marks) -> pd.DataFrame:
    """An INFLUENCE table of the means over clips."""
    output, given = (axis.ravel() for axis in np.indices(reachable.shape))
    tables = [
        pd.DataFrame(
            {
                "checkpoint": name,
                "method": method,
                "output_frame": output,
                "input_frame": given,
                "influence": matrix.ravel() / means.clips,
                "share": means.shares[method].ravel() / means.clips,
                "reachable": reachable.ravel(),
            }
        )
        for method, matrix in means.matrices.items()
    ]
    return check(pd.concat(tables, ignore_index=True), INFLUENCE)


def tabulate_receptive_fields(
    name: str, means: InfluenceMeans, places: Sequence[Place], frames: int
) -> pd.DataFrame:
    """A RECEPTIVE_FIELDS table of the blocks that were looked at."""
    middle = frames // 2
    tables = [
        pd.DataFrame(
            {
                "checkpoint": name,
                "stage": place.stage,
                "block": place.name,
                "half_width": reach_of(place.half_width, frames),
                "output_frame": middle,
                "input_frame": np.arange(frames),
                "reachable": abs(np.arange(frames) - middle) <= reach_of(place.half_width, frames),
                "share": means.profiles[place.name] / means.clips,
            }
        )
        for place in places
        if place.name in means.profiles
    ]
    empty = pd.DataFrame(columns=list(RECEPTIVE_FIELDS.columns))
    return check(pd.concat(tables, ignore_index=True) if tables else empty, RECEPTIVE_FIELDS)


def list_agreements(means: InfluenceMeans, reachable: Marks) -> dict[str, Agreement]:
    """How far each occlusion ranks the cells as the gradient does."""
    return {
        method: Agreement(
            rank_agreement(means.matrices[GRADIENT], means.matrices[method], reachable),
            float(np.mean(means.ranks[method])) if method in means.ranks else None,
        )
        for method in (MEAN, NEIGHBOUR)
    }


def list_spreads(fields: pd.DataFrame) -> list[BlockSpread]:
    """Every block's two widths out of a RECEPTIVE_FIELDS table."""
    return [
        BlockSpread(
            str(block),
            int(rows["half_width"].iloc[0]),
            float(np.sqrt((rows["share"] * (rows["input_frame"] - rows["output_frame"]) ** 2).sum())),
        )
        for block, rows in fields.groupby("block", sort=False)
    ]
