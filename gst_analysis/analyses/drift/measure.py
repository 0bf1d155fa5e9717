"""How far γ has moved from where it started, and which channels still carry values of 2-D filters.

Enters the BN_SCALES tables of checkpoints and a start; leaves DRIFT (one row a channel) and DRIFT_LAYERS.

A network inflated from 2-D weights inherits batch norms whole: temporal channels start with the scales of
2-D filters that had nothing to do with them. A channel *carries* such a value if it was inherited and has
since moved by no more than a part of it (the tolerance). Where training moved all scales alike, as weight
decay does, values change but their order stays; the rank correlation with the start shows that.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from gst_analysis.analyses.drift.starts import Start
from gst_analysis.analyses.drift.table import DRIFT, DRIFT_LAYERS
from gst_analysis.tables.schema import check

TOLERANCE = 0.05
"""The part of its start within which a scale counts as unmoved."""


@dataclass(frozen=True)
class GroupDrift:
    """One group over all layers of a checkpoint."""

    n: int
    inherited: int
    carried: int
    unmoved: int
    mean_change: float
    rank_correlation: float | None
    """Median over layers; None where every start or every scale is the same."""


@dataclass(frozen=True)
class DriftSummary:
    """Where it started, by which tolerance, and what became of each group."""

    origin: str
    tolerance: float
    axis: str
    """What the positions are: epoch, or checkpoint (the place in the series)."""
    checkpoints: dict[str, dict[str, GroupDrift]]


def tabulate_drift(
    scales: pd.DataFrame, start: Start, *, position: float, tolerance: float = TOLERANCE
) -> pd.DataFrame:
    """Every channel of one checkpoint's BN_SCALES beside its start."""
    shared = scales.duplicated(["layer", "channel"], keep=False)  # sth: one scale, two owners
    owned = scales.assign(group=scales["group"].where(~shared, "all"))
    rows = owned.drop_duplicates(["layer", "channel"]).reset_index(drop=True)
    places = list(zip(rows["layer"], rows["channel"], strict=True))
    began = np.array([start.gammas[layer][channel] for layer, channel in places])
    change = rows["gamma"].to_numpy() - began
    table = rows.assign(
        position=float(position),
        start=began,
        change=change,
        inherited=np.array([bool(start.inherited[layer][channel]) for layer, channel in places]),
        unmoved=np.abs(change) <= tolerance * np.abs(began),
    )
    return check(table[list(DRIFT.columns)], DRIFT)


def summarise_layers(table: pd.DataFrame) -> pd.DataFrame:
    """One row a layer and group of every checkpoint: a DRIFT_LAYERS table."""
    where = ["checkpoint", "position", "stage", "block", "layer", "group"]
    rows = [
        {**dict(zip(where, place, strict=True)), **_describe(part)}
        for place, part in table.groupby(where, sort=False)
    ]
    return check(pd.DataFrame(rows, columns=list(DRIFT_LAYERS.columns)), DRIFT_LAYERS)


def summarise_drift(
    layers: pd.DataFrame, *, origin: str, axis: str, tolerance: float = TOLERANCE
) -> DriftSummary:
    """What became of each group of every checkpoint, over all layers."""
    checkpoints: dict[str, dict[str, GroupDrift]] = {}
    for (name, group), rows in layers.groupby(["checkpoint", "group"], sort=False):
        known = rows["rank_correlation"].dropna()
        counts = {column: int(rows[column].sum()) for column in ("n", "inherited", "carried", "unmoved")}
        checkpoints.setdefault(str(name), {})[str(group)] = GroupDrift(
            **counts,
            mean_change=float(np.average(rows["change"], weights=rows["n"])),
            rank_correlation=float(known.median()) if len(known) else None,
        )
    return DriftSummary(origin, tolerance, axis, checkpoints)


def choose_positions(epochs: Sequence[object]) -> tuple[str, list[float]]:
    """What a series is laid out by: epochs where all are known and rise, else the order given."""
    known = [float(e) for e in epochs if isinstance(e, int) and not isinstance(e, bool)]
    if len(known) == len(epochs) and all(b > a for a, b in itertools.pairwise(known)):
        return "epoch", known
    return "checkpoint", [float(place) for place in range(len(epochs))]


def _describe(rows: pd.DataFrame) -> dict[str, Any]:
    gamma, start = rows["gamma"].to_numpy(), rows["start"].to_numpy()
    low, median, high = np.quantile(gamma, [0.25, 0.5, 0.75])
    varied = np.ptp(gamma) > 0 and np.ptp(start) > 0
    return {
        "n": len(rows),
        "start_median": float(np.median(start)),
        "low": low,
        "median": median,
        "high": high,
        "change": float(rows["change"].abs().mean()),
        "inherited": int(rows["inherited"].sum()),
        "carried": int((rows["inherited"] & rows["unmoved"]).sum()),
        "unmoved": int(rows["unmoved"].sum()),
        "rank_correlation": float(spearmanr(gamma, start).statistic) if varied else float("nan"),
    }
