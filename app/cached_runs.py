"""Caches of training runs, bounded as in app/cached_results.py."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from app.cached_results import kept
from app.runs import Runs
from gst_analysis.analyses import training_runs
from gst_analysis.analyses.drift import Drift
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from gst_analysis.analyses.drift import series
else:
    series = Door("gst_analysis.analyses.drift.series")


@functools.cache  # not Streamlit's: what empties those must not orphan a run
def runs() -> Runs:
    """The runs that this server started."""
    return Runs()


def follow_gamma(checkpoints: tuple[Path, ...]) -> Drift | None:
    """γ of a run's kept epochs; read again when there is one more."""
    if len(checkpoints) < 2:
        return None
    told = tuple((str(path), path.stat().st_mtime_ns) for path in checkpoints)
    return _follow(told)


@kept
def _follow(told: tuple[tuple[str, int], ...]) -> Drift | None:
    return training_runs.follow_gamma([path for path, _ in told])


@kept
def draw_gamma(key: tuple[str, ...], _drift: Drift, *, dark: bool) -> go.Figure:
    """γ of every block over the epochs; `key` holds the checkpoints' content hashes."""
    return series.draw_gamma_over_training_interactive(_drift.layers, axis=_drift.summary.axis, dark=dark)
