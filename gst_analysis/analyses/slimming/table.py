"""Networks made smaller: which widths are left, and what that costs in accuracy."""

from __future__ import annotations

from gst_analysis.tables.schema import Schema, real, text, whole

SLIM_METHODS = ("score", "uniform", "random")

SLIM_CURVE = Schema(
    "SLIM_CURVE",
    {
        "checkpoint": text("the checkpoint's name"),
        "method": text(
            "which channels go first: the lowest scores anywhere, as many of every group, or any",
            *SLIM_METHODS,
        ),
        "draw": whole("which random order; 0 for the others"),
        "removed": whole("channels taken out"),
        "params": whole("parameters left"),
        "macs": whole("multiply-adds of a clip left"),
        "macs_share": real("of the whole network's multiply-adds"),
        "clips": whole("clips it was measured on"),
        "accuracy": real("top-1 accuracy, before any fine-tuning"),
        "accuracy_low": real("lower end of its confidence interval"),
        "accuracy_high": real("upper end"),
        "loss": real("mean cross entropy in nats"),
    },
)

SLIM_TUNED = Schema(
    "SLIM_TUNED",
    {
        "checkpoint": text("the checkpoint's name"),
        "method": text(
            "the whole network, the one that is written, or how its channels were chosen",
            "whole",
            "chosen",
            *SLIM_METHODS,
        ),
        "draw": whole("which random order; 0 for the others"),
        "removed": whole("channels taken out"),
        "params": whole("parameters left"),
        "macs": whole("multiply-adds of a clip left"),
        "macs_share": real("of the whole network's multiply-adds"),
        "epochs": whole("epochs of fine-tuning"),
        "clips": whole("clips it was measured on, none of which it was trained on"),
        "accuracy_before": real("top-1 accuracy before fine-tuning"),
        "accuracy_before_low": real("lower end of its confidence interval"),
        "accuracy_before_high": real("upper end"),
        "accuracy_after": real("top-1 accuracy after it"),
        "accuracy_after_low": real("lower end of its confidence interval"),
        "accuracy_after_high": real("upper end"),
        "loss": real("mean cross entropy in nats after it"),
    },
)

SLIM_WIDTHS = Schema(
    "SLIM_WIDTHS",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator"),
        "group": text("whose channels they are", "spatial", "temporal", "all"),
        "before": whole("channels in the whole network"),
        "after": whole("channels left"),
    },
)
