"""How far batch-norm scales have moved from where they started."""

from __future__ import annotations

from gst_analysis.tables.schema import Column, Schema, real, text, whole

DRIFT = Schema(
    "DRIFT",
    {
        "checkpoint": text("the checkpoint's name"),
        "position": real("its epoch, or its place in the series from 0 where epochs are unknown"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator"),
        "group": text("whose channel it is", "spatial", "temporal", "all"),
        "channel": whole("position in the batch norm, from 0"),
        "start": real("gamma at the start"),
        "gamma": real("gamma now, as stored"),
        "change": real("gamma - start"),
        "inherited": Column("flag", meaning="whether the start's value came from 2-D weights"),
        "unmoved": Column("flag", meaning="whether |change| is within the tolerance times |start|"),
    },
)

DRIFT_LAYERS = Schema(
    "DRIFT_LAYERS",
    {
        "checkpoint": text("the checkpoint's name"),
        "position": real("its epoch, or its place in the series"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block"),
        "layer": text("the batch norm after the temporal operator"),
        "group": text("whose channels", "spatial", "temporal", "all"),
        "n": whole("channels of the group"),
        "start_median": real("median gamma at the start"),
        "low": real("lower quartile of gamma now"),
        "median": real("median of gamma now"),
        "high": real("upper quartile of gamma now"),
        "change": real("mean of |gamma - start|"),
        "inherited": whole("channels that started with a value from 2-D weights"),
        "carried": whole("of those, channels that still hold it within the tolerance"),
        "unmoved": whole("channels within the tolerance of their start, inherited or not"),
        "rank_correlation": real(
            "Spearman's, of gamma now with the start; missing if constant", optional=True
        ),
    },
)
