"""A checkpoint in, a count out."""

from __future__ import annotations

import pandas as pd

from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.results import Provenance
from gst_analysis.tables import check

from .table import COUNTS, Count, CountOptions, CountSummary


def measure_count(checkpoint: Checkpoint, options: CountOptions) -> Count:
    """Count tensors of running means, one a batch norm."""
    means = [t for name, t in checkpoint.state.items() if name.endswith("running_mean")]
    norms = sum(len(mean) >= options.least for mean in means)
    table = check(pd.DataFrame({"checkpoint": [checkpoint.name], "norms": [norms]}), COUNTS)
    origin = Provenance(
        {checkpoint.name: checkpoint.sha256}, {checkpoint.name: checkpoint.spec.to_json()}, {}
    )
    return Count(table, CountSummary(norms), origin, notes=("it is only a count",))
