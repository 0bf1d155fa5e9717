"""How far γ has moved from where it started, and which channels still carry values of 2-D filters.

Enters checkpoints and what says where they started; leaves DRIFT (one row a channel) and DRIFT_LAYERS.

A network inflated from 2-D weights inherits batch norms whole: temporal channels start with the scales of
2-D filters that had nothing to do with them. A channel *carries* such a value if it was inherited and has
since moved by no more than a part of it (the tolerance). Where training moved all scales alike, as weight
decay does, values change but their order stays; the rank correlation with the start shows that.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gst_analysis.analyses.drift.starts import Start, start_of_card, start_of_file, start_of_series
from gst_analysis.analyses.drift.table import (
    DRIFT,
    DRIFT_LAYERS,
    FROM_CARD,
    FROM_FIRST,
    TOLERANCE,
    Drift,
    DriftOptions,
    DriftSummary,
    GroupDrift,
)
from gst_analysis.analyses.scales.measure import ScaleRecord, name_origins, record_scales
from gst_analysis.checkpoints.several import read_each
from gst_analysis.checkpoints.sources import checkpoint_of, distinct_names, name_of, tell_each
from gst_analysis.progress import Progress
from gst_analysis.tables import check
from gst_analysis.tables.ranks import correlate_ranks

if TYPE_CHECKING:
    from gst_analysis.checkpoints.sources import Source


def compare_with_start(
    sources: Sequence[Source],
    *,
    names: Sequence[str] | None = None,
    options: DriftOptions,
    progress: Progress | None = None,
) -> Drift:
    """Read checkpoints of one network one by one, and compare their scales with where they started.

    Args:
        sources: one checkpoint, or those of a run in order.
        names: what to call them; their file names if not given.
        options: where they started, and what counts as unmoved.
        progress: called before every checkpoint is read.

    Raises:
        CheckpointError: not one of them could be read.
        SpecError: the start is unknown or does not fit.
    """
    labels = distinct_names(names or [name_of(source) for source in sources])
    told = tell_each(sources, options)
    read, failures = read_each(told, labels, record_scales, progress, glances=True)
    kind = options.start if options.start is not None else (FROM_FIRST if len(read) > 1 else FROM_CARD)
    fitting, odd = _keep_fitting(read)
    start = _find_start(fitting, kind)
    axis, table = _tabulate_series(fitting, start, options.tolerance)
    layers = summarise_layers(table)
    return Drift(
        table,
        summarise_drift(layers, origin=start.origin, axis=axis, tolerance=options.tolerance),
        name_origins(fitting, {"tolerance": options.tolerance, "start": str(kind)}),
        notes=start.notes,
        failures=failures | odd,
        layers=layers,
    )


def _keep_fitting(read: Mapping[str, ScaleRecord]) -> tuple[dict[str, ScaleRecord], dict[str, str]]:
    """Checkpoints of the network that the first one is, and why the others were left out."""
    first, *_ = read.values()
    fitting = {name: one for name, one in read.items() if one.is_of(first)}
    why = f"expected the layers of {first.spec.label}"
    odd = {n: f"{n}: {why}; found {one.spec.label}" for n, one in read.items() if n not in fitting}
    return fitting, odd


def _find_start(read: Mapping[str, ScaleRecord], kind: str | os.PathLike[str]) -> Start:
    records = list(read.values())
    if kind == FROM_CARD:
        return start_of_card(records[-1])
    if kind == FROM_FIRST:
        return start_of_series(records[0])
    return start_of_file(checkpoint_of(kind), records[-1])


def _tabulate_series(
    records: Mapping[str, ScaleRecord], start: Start, tolerance: float
) -> tuple[str, pd.DataFrame]:
    """What positions are, and DRIFT of every checkpoint."""
    axis, positions = choose_positions([one.provenance.get("epoch") for one in records.values()])
    tables = [
        tabulate_drift(one.table, start, position=at, tolerance=tolerance)
        for one, at in zip(records.values(), positions, strict=True)
    ]
    return axis, pd.concat(tables, ignore_index=True)


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
        "rank_correlation": correlate_ranks(gamma, start) if varied else float("nan"),
    }
