"""How two groups of scales differ: space from time within a checkpoint, and a checkpoint from another."""

from __future__ import annotations

from gst_analysis.analyses.scales.table import TESTS
from gst_analysis.tables.schema import Schema, real, text, whole

"""In `auc`, the temporal group is the first; p values are corrected over the layers of a checkpoint."""

SCALE_DIFFERENCES = Schema(
    "SCALE_DIFFERENCES",
    {
        "checkpoint": text("the checkpoint's name"),
        "reference": text("the checkpoint it is compared with"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block"),
        "layer": text("the batch norm after the temporal operator"),
        "group": text("whose channels", "spatial", "temporal", "all"),
        "n": whole("channels of the checkpoint"),
        "reference_n": whole("channels of the reference"),
        "shift": real("median of the checkpoint's scales minus that of the reference's"),
        "shift_low": real("lower end of the shift's bootstrap interval", optional=True),
        "shift_high": real("upper end of it", optional=True),
        **TESTS,
    },
)
"""In `auc`, the checkpoint is the first; p values are corrected over layers and groups of a checkpoint."""

NOT_COMPARED = Schema(
    "NOT_COMPARED",
    {
        "checkpoint": text("the checkpoint's name"),
        "what": text("what of it was not compared"),
        "why": text("why not"),
    },
)
