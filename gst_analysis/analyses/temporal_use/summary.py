"""TEMPORAL_USE -> KERNEL_USE, and what is said of each kind of kernel.

Filters of a kernel count alike: the batch norm behind them undoes their size, so that a mean by energy would
move with numbers that mean nothing (`by_energy` stands beside it). Kernels of a stage or a network count
alike, too: by filters the last stage would be nearly all there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from gst_analysis.analyses.temporal_use.shares import expect_independent
from gst_analysis.analyses.temporal_use.table import (
    HEAD_USE,
    KERNEL_USE,
    CheckpointUse,
    KindUse,
    TemporalUseSummary,
)
from gst_analysis.tables import check

_KERNEL = ["checkpoint", "stage", "block", "layer", "group", "kind", "source", "taps"]
_SHARES = ("varying", "ordered", "off_frame", "even", "shift")


def summarise_kernels(table: pd.DataFrame) -> pd.DataFrame:
    """One row a kernel: a KERNEL_USE table."""
    rows = [
        {**dict(zip(_KERNEL, place, strict=True)), **_describe(part)}
        for place, part in table.groupby(_KERNEL, sort=False)
    ]
    return check(pd.DataFrame(rows, columns=list(KERNEL_USE.columns)), KERNEL_USE)


def _describe(rows: pd.DataFrame) -> dict[str, Any]:
    silent = int((rows["energy"] == 0).sum())
    known = rows["varying"].notna() & rows["energy"].notna()
    energy = float(rows.loc[known, "energy"].sum())
    return {
        "filters": len(rows) - silent,
        "silent": silent,
        **{name: float(rows[name].mean()) for name in _SHARES},
        "low": float(rows["varying"].quantile(0.25)),
        "high": float(rows["varying"].quantile(0.75)),
        "by_energy": float((rows["varying"] * rows["energy"]).sum()) / energy if energy else float("nan"),
        "moved": float(rows["shift"].abs().mean()),
        "independent": expect_independent(int(rows["taps"].iloc[0])) if energy else float("nan"),
        "start": float(rows["start"].mean()),
    }


def summarise_use(kernels: pd.DataFrame, origins: Mapping[str, str], *, clips: int = 0) -> TemporalUseSummary:
    """What each checkpoint does, kind by kind, over all of it and by stage.

    Args:
        kernels: KERNEL_USE.
        origins: what each checkpoint's start was; empty where it is not known.
        clips: how many were looked at.
    """
    checkpoints = {}
    for name, rows in kernels.groupby("checkpoint", sort=False):
        stages = {int(str(stage)): _list_kinds(part) for stage, part in rows.groupby("stage", sort=True)}
        checkpoints[str(name)] = CheckpointUse(origins[str(name)], _list_kinds(rows), stages)
    return TemporalUseSummary(checkpoints, clips)


def _list_kinds(kernels: pd.DataFrame) -> tuple[KindUse, ...]:
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
        for (group, kind, source), rows in kernels.groupby(["group", "kind", "source"], sort=False)
    )


def _mean(values: pd.Series) -> float | None:
    """The mean of what is defined; None of nothing."""
    return float(values.mean()) if values.notna().any() else None


def summarise_heads(table: pd.DataFrame) -> pd.DataFrame | None:
    """TEMPORAL_USE -> HEAD_USE, a row a head of attention; None where there is none."""
    heads = table[table["kind"] == "attention"]
    if heads.empty:
        return None
    named = heads.rename(columns={"channel": "head", "taps": "frames", "shift": "distance"})
    return check(named[list(HEAD_USE.columns)].reset_index(drop=True), HEAD_USE)
