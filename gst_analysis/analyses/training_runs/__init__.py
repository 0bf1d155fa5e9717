"""How is a run getting on?

A run's folder, finished or still going on: its log as tables and curves, how far it is, and γ over its kept
epochs. It is read while training writes it, so there is no command: a page watches it.

It cannot tell how good the network is: its scores are of validation clips, as the run's recipe cuts them (see
evaluation).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.analyses.drift import Drift, measure_drift
from gst_analysis.analyses.training_runs.table import RenderedSoFar, RunSummary, TrainingRun
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses.training_runs import measure
    from gst_analysis.planted import files as planted_files
else:
    measure = Door(f"{__name__}.measure")
    planted_files = Door("gst_analysis.planted.files")

__all__ = ["RenderedSoFar", "RunSummary", "TrainingRun", "follow_gamma", "read_run", "watch_rendering"]

MOST_CHECKPOINTS = 12
"""Of a long run so many are read for γ, spread evenly."""


def read_run(folder: str | os.PathLike[str]) -> TrainingRun:
    """Read the log of a run, which may be writing it.

    Raises:
        DataError: a folder without a run, or a log that cannot be read.
        SpecError: settings that cannot be.
    """
    return measure.read_logs(folder)


def follow_gamma(checkpoints: Sequence[str | os.PathLike[str]]) -> Drift | None:
    """γ of a run's kept epochs, measured from the first; None while there are fewer than two."""
    count, most = len(checkpoints), MOST_CHECKPOINTS
    if count < 2:
        return None
    places = range(count) if count <= most else [round(n * (count - 1) / (most - 1)) for n in range(most)]
    return measure_drift(*(checkpoints[place] for place in places))


def watch_rendering(root: str | os.PathLike[str], clips: int) -> RenderedSoFar | None:
    """A world of so many clips while another process renders it into `root`; None if none does."""
    found = planted_files.watch_draft(Path(root))
    if found is None or clips < 1:
        return None
    done, spent_s = min(found[0], clips), found[1]
    return RenderedSoFar(done, clips, spent_s / done * (clips - done) if done else None)
