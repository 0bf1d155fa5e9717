"""How two groups of scales differ: space from time within a checkpoint, and a checkpoint from another."""

from __future__ import annotations

from collections.abc import Mapping

from gst_analysis.tables.schema import Column, Schema, real, text, whole

_TESTS: Mapping[str, Column] = {
    "wasserstein": real("mean distance that scales would have to move; missing if undefined", optional=True),
    "ks": real("largest distance between the two cumulative shares", optional=True),
    "ks_p": real("p of the two-sample Kolmogorov-Smirnov test", optional=True),
    "ks_p_holm": real("the same after Holm's correction", optional=True),
    "auc": real("chance that a scale of the first is above one of the second; 0.5 if alike", optional=True),
    "auc_p": real("p of the Mann-Whitney test that it is 0.5", optional=True),
    "auc_p_holm": real("the same after Holm's correction", optional=True),
    "undefined": text("what is not defined, and why; empty where everything is"),
}

BLOCK_GAPS = Schema(
    "BLOCK_GAPS",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator"),
        "depth": real("place of the layer in its network, from 0 (first) to 1 (last)"),
        "spatial_n": whole("spatial channels"),
        "temporal_n": whole("temporal channels"),
        "gap": real("median of the temporal scales minus that of the spatial ones", optional=True),
        "gap_low": real("lower end of the gap's bootstrap interval", optional=True),
        "gap_high": real("upper end of it", optional=True),
        **_TESTS,
    },
)
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
        **_TESTS,
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
