"""What removing channels does, and how well scores foretell it."""

from __future__ import annotations

from gst_analysis.tables.schema import Schema, real, text, whole

INTERVENTIONS = ("zero", "mean", "shuffle-batch", "shuffle-time")
CAUSAL_MEASURES = ("accuracy_drop", "logit_drop", "loss_rise")

ABLATION = Schema(
    "ABLATION",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator, such as layer1.0.bn2"),
        "group": text("whose channels were changed", "spatial", "temporal", "all"),
        "channels": whole("how many channels that is"),
        "intervention": text("what was done to them", *INTERVENTIONS),
        "clips": whole("clips it was measured on"),
        "accuracy": real("top-1 accuracy with the channels changed"),
        "accuracy_drop": real("accuracy of the untouched network minus that"),
        "accuracy_drop_low": real("lower end of its confidence interval"),
        "accuracy_drop_high": real("upper end"),
        "logit_drop": real("mean fall of the true class's logit"),
        "logit_drop_low": real("lower end of its confidence interval"),
        "logit_drop_high": real("upper end"),
        "loss_rise": real("mean rise of the cross entropy, in nats"),
        "loss_rise_low": real("lower end of its confidence interval"),
        "loss_rise_high": real("upper end"),
    },
)
