"""What is read off checkpoints."""

from __future__ import annotations

from gst_analysis.tables.schema import Schema, real, text, whole

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
