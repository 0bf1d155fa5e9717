"""Parameters and multiply-adds, ours and the published ones."""

from __future__ import annotations

from gst_analysis.tables.schema import Schema, real, text, whole

COMPLEXITY = Schema(
    "COMPLEXITY",
    {
        "spec": text("the network's name"),
        "alpha": text("its fraction of temporal channels, such as 1/4; empty where it has none"),
        "frames": whole("frames in the clip"),
        "size": whole("height and width of a frame in pixels"),
        "module": text(
            "the module that does the work, such as layer1.0.conv2.temporal; an activation or a pooling, "
            "which has none, goes by the module whose output it reads"
        ),
        "stage": whole("stage of the backbone; 0 for the stem, the last plus one for the head"),
        "op": text("kind of work", "conv", "linear", "norm", "relu", "relu6", "pool"),
        "group": text("whose cost it is", "spatial", "temporal", "shared"),
        "params": whole("learned numbers"),
        "macs": whole("multiply-adds for one clip; 0 for what is neither convolution nor linear"),
        "elements": whole("numbers that a norm, an activation or a pooling reads, or biases are added to"),
    },
)

PAPER_AUDIT = Schema(
    "PAPER_AUDIT",
    {
        "table": whole("the paper's table"),
        "dataset": text("the dataset of the table's row or column"),
        "method": text("the method as the paper names it"),
        "backbone": text("the backbone as the paper names it"),
        "frames": whole("frames in a clip"),
        "clips": whole("clips averaged for a prediction; the costs are of one"),
        "spec": text("the network as we name it"),
        "quantity": text("what is compared", "params_m", "gmacs"),
        "printed": real("the paper's number, in millions of parameters or in GMACs"),
        "computed": real("ours"),
        "difference": real("ours minus the paper's"),
        "tolerance": real("the largest difference, either way, that still agrees"),
        "verdict": text("agrees, or contradicts the paper's own formulas", "agrees", "contradicts"),
    },
)

PUBLISHED_COSTS = Schema(
    "PUBLISHED_COSTS",
    {
        "table": whole("the paper's table"),
        "dataset": text("what the accuracy was measured on"),
        "split": text("which part of it"),
        "method": text("the method as the paper names it"),
        "backbone": text("the backbone as the paper names it"),
        "frames": whole("frames in a clip"),
        "clips": whole("clips averaged for a prediction"),
        "crops": whole("crops of each clip averaged for a prediction"),
        "spec": text("the network as we name it; empty if we do not have it"),
        "top1": real("published top-1 accuracy in percent"),
        "params_m": real("millions of parameters", optional=True),
        "gmacs": real("GMACs of a prediction, all clips and crops together", optional=True),
        "source": text("whether we computed the cost or the paper printed it", "computed", "printed"),
    },
)
