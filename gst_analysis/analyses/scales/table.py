"""What is read off checkpoints."""

from __future__ import annotations

from collections.abc import Mapping

from gst_analysis.tables.schema import Column, Schema, real, text, whole

TESTS: Mapping[str, Column] = {
    "wasserstein": real("mean distance that scales would have to move; missing if undefined", optional=True),
    "ks": real("largest distance between the two cumulative shares", optional=True),
    "ks_p": real("p of the two-sample Kolmogorov-Smirnov test", optional=True),
    "ks_p_holm": real("the same after Holm's correction", optional=True),
    "auc": real("chance that a scale of the first is above one of the second; 0.5 if alike", optional=True),
    "auc_p": real("p of the Mann-Whitney test that it is 0.5", optional=True),
    "auc_p_holm": real("the same after Holm's correction", optional=True),
    "undefined": text("what is not defined, and why; empty where everything is"),
}

BN_SCALES = Schema(
    "BN_SCALES",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator, such as layer1.0.bn2"),
        "group": text("whose channel it is", "spatial", "temporal", "all"),
        "channel": whole("position in the batch norm, from 0"),
        "gamma": real("the batch norm's scale, as stored"),
        "beta": real("the batch norm's offset, as stored"),
        "running_mean": real("the batch norm's running mean"),
        "running_var": real("the batch norm's running variance"),
        "share": real("the part of the scale this group owns: 1, but for sth"),
        "importance": real("|gamma| * share, the paper's reading of importance"),
    },
)

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
        **TESTS,
    },
)
