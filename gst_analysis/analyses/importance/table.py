"""How much each channel after a temporal operator matters, by several scores."""

from __future__ import annotations

from gst_analysis.tables.schema import Schema, real, text, whole

SCORES = ("gamma", "abs_gamma", "invariant", "invariant_spread", "invariant_output")
"""The columns of IMPORTANCE that rank channels; the first two are the paper's."""

WHICH_TO_TRUST = (
    "Trust the invariant score, not raw γ: multiply a channel's γ and β and divide the weights that read it, "
    "and the network computes the same, the invariant score stays, but raw γ moves as far as you like."
)
"""One sentence for figures, pages and the terminal."""

IMPORTANCE = Schema(
    "IMPORTANCE",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator, such as layer1.0.bn2"),
        "group": text("whose channel it is", "spatial", "temporal", "all"),
        "channel": whole("position in the batch norm, from 0"),
        "share": real("the part of the channel this group owns: 1, but for sth"),
        "gamma": real("the batch norm's scale, as stored"),
        "abs_gamma": real("|gamma| * share, the paper's reading of importance"),
        "activation": real("mean of the channel after its ReLU; missing if undefined", optional=True),
        "activation_std": real("its standard deviation; missing if undefined", optional=True),
        "column_norm": real("norm of the next convolution's weights that read it", optional=True),
        "invariant": real("activation * column_norm * share; missing if undefined", optional=True),
        "invariant_spread": real("activation_std * column_norm * share", optional=True),
        "invariant_output": real(
            "invariant, with the norm after the next convolution applied", optional=True
        ),
        "source": text("where the activation comes from", "closed form", "measured"),
        "undefined": text("why there is no invariant score; empty where there is one"),
    },
)

GROUP_IMPORTANCE = Schema(
    "GROUP_IMPORTANCE",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block"),
        "layer": text("the batch norm after the temporal operator"),
        "score": text("which score", *SCORES),
        "source": text("where the activation comes from", "closed form", "measured"),
        "spatial": real("median of the spatial channels; missing if undefined", optional=True),
        "temporal": real("median of the temporal channels; missing if undefined", optional=True),
        "log2_ratio": real(
            "log2 of temporal over spatial; missing where either is not above 0", optional=True
        ),
        "undefined": text("why there is none; empty where there is one"),
    },
)

DATA_SCORES = Schema(
    "DATA_SCORES",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator, such as layer1.0.bn2"),
        "group": text("whose channel it is", "spatial", "temporal", "all"),
        "channel": whole("position in the batch norm, from 0"),
        "activation_mean": real("mean over clips, frames and places of what leaves the activation"),
        "activation_norm": real("root mean square of the same"),
        "taylor": real("mean over clips of |sum over frames and places of output x gradient of the loss|"),
    },
)
