"""TEMPORAL_USE -> KERNEL_USE, and what is said of each kind of kernel.

Filters of a kernel count alike: the batch norm behind them undoes their size, so that a mean by energy would
move with numbers that mean nothing (`by_energy` stands beside it). Kernels of a stage or a network count
alike, too: by filters the last stage would be nearly all there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gst_analysis.analyses.temporal_use.shares import expect_independent
from gst_analysis.analyses.temporal_use.table import (
    HEAD_USE,
    KERNEL_USE,
    CheckpointUse,
    KindUse,
    TemporalUseSummary,
)
from gst_analysis.tables import check
from gst_analysis.tables.columns import Array, Columns, Table
from gst_analysis.tables.quantiles import find_quantiles

if TYPE_CHECKING:
    import pandas as pd

_KERNEL = ["checkpoint", "stage", "block", "layer", "group", "kind", "source", "taps"]
_SHARES = ("varying", "ordered", "off_frame", "even", "shift")


def summarise_kernels(table: Table) -> Columns:
    """One row a kernel: a KERNEL_USE table."""
    rows = [
        {**dict(zip(_KERNEL, place, strict=True)), **_describe(part)}
        for place, part in Columns.of(table).split(*_KERNEL)
    ]
    return check(Columns.from_rows(rows, list(KERNEL_USE.columns)), KERNEL_USE)


def _describe(rows: Columns) -> dict[str, Any]:
    varying, energies = rows["varying"], rows["energy"]
    silent = int((energies == 0).sum())
    known = _known(varying)
    energy = float(energies[~np.isnan(varying) & ~np.isnan(energies)].sum())
    low, high = find_quantiles(known, [0.25, 0.75]) if len(known) else (np.nan, np.nan)
    return {
        "filters": len(rows) - silent,
        "silent": silent,
        **{name: _average(rows[name]) for name in _SHARES},
        "low": float(low),
        "high": float(high),
        "by_energy": float(np.nansum(varying * energies)) / energy if energy else float("nan"),
        "moved": _average(np.abs(rows["shift"])),
        "independent": expect_independent(int(rows["taps"][0])) if energy else float("nan"),
        "start": _average(rows["start"]),
    }


def _known(values: Array) -> Array:
    return values[~np.isnan(values)]


def _average(values: Array) -> float:
    """The mean of what is defined; NaN of nothing."""
    known = ~np.isnan(values)
    # Zeros in place of what is missing, so that whatever is missing, sums are taken in one order.
    return float(np.where(known, values, 0).sum() / known.sum()) if known.any() else float("nan")


def summarise_use(kernels: Table, origins: Mapping[str, str], *, clips: int = 0) -> TemporalUseSummary:
    """What each checkpoint does, kind by kind, over all of it and by stage.

    Args:
        kernels: KERNEL_USE.
        origins: what each checkpoint's start was; empty where it is not known.
        clips: how many were looked at.
    """
    checkpoints = {}
    for name, rows in Columns.of(kernels).split("checkpoint"):
        stages = {int(stage): _list_kinds(part) for stage, part in sorted(rows.split("stage"), key=_first)}
        checkpoints[str(name)] = CheckpointUse(origins[str(name)], _list_kinds(rows), stages)
    return TemporalUseSummary(checkpoints, clips)


def _first(pair: tuple[Any, Columns]) -> Any:
    return pair[0]


def _list_kinds(kernels: Columns) -> tuple[KindUse, ...]:
    return tuple(
        KindUse(
            group=str(group),
            kind=str(kind),
            source=str(source),
            kernels=len(rows),
            filters=int(rows["filters"].sum()),
            varying=_mean(rows["varying"]),
            ordered=_mean(rows["ordered"]),
            off_frame=_mean(rows["off_frame"]),
            even=_mean(rows["even"]),
            moved=_mean(rows["moved"]),
            independent=_mean(rows["independent"]),
            start=_mean(rows["start"]),
        )
        for (group, kind, source), rows in kernels.split("group", "kind", "source")
    )


def _mean(values: Array) -> float | None:
    """The mean of what is defined; None of nothing."""
    found = _average(values)
    return None if np.isnan(found) else found


def list_heads(table: Columns) -> Columns:
    """The rows of TEMPORAL_USE that are heads of attention."""
    return table.take(table["kind"] == "attention")


def summarise_heads(heads: Columns) -> pd.DataFrame | None:
    """Rows of heads -> HEAD_USE, a row a head; None where there is none."""
    if not len(heads):
        return None
    named = heads.assign(head=heads["channel"], frames=heads["taps"], distance=heads["shift"])
    return check(named.choose(list(HEAD_USE.columns)), HEAD_USE).to_frame()
