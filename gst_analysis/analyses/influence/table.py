"""Which frames a frame's logit is made of, and how far every block sees."""

from __future__ import annotations

from gst_analysis.tables.schema import Column, Schema, real, text, whole

INFLUENCE = Schema(
    "INFLUENCE",
    {
        "checkpoint": text("the checkpoint's name"),
        "method": text(
            "how it was measured: the norm of the gradient, or the change of the logit when the input frame "
            "is replaced by the clip's mean frame or by its neighbour",
            "gradient",
            "occlusion-mean",
            "occlusion-neighbour",
        ),
        "output_frame": whole("whose logit, from 0"),
        "input_frame": whole("which frame it depends on, from 0"),
        "influence": real("gradient norm or change of the logit, mean over clips"),
        "share": real("influence over its row's sum in each clip, mean over clips; 0 where nothing moves"),
        "reachable": Column("flag", meaning="whether the network's arithmetic lets it depend on it at all"),
    },
)

RECEPTIVE_FIELDS = Schema(
    "RECEPTIVE_FIELDS",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1"),
        "block": text("residual block, such as layer1.0"),
        "half_width": whole("frames that its output reaches back and forth, by arithmetic"),
        "output_frame": whole("the frame of its output that was looked at, from 0"),
        "input_frame": whole("which frame it depends on, from 0"),
        "reachable": Column("flag", meaning="whether it lies within the half-width"),
        "share": real("part of the gradient's norm that lies on this input frame, mean over clips"),
    },
)
