"""What a network says over the course of a clip."""

from __future__ import annotations

from gst_analysis.tables.schema import Column, Schema, real, text, whole

TRACE_MODES = ("frame", "prefix", "leave-one-out", "window")
CHANGE_KINDS = ("label", "curve")

FRAME_TRACES = Schema(
    "FRAME_TRACES",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "mode": text(
            "what a row is: the logits of a frame; the prediction from the frames up to it; the prediction "
            "without it; the prediction of a window around it",
            *TRACE_MODES,
        ),
        "frame": whole("which of the frames that were sampled, from 0; in window mode, which window"),
        "source_frame": whole("the frame's place in its video, from 0; in window mode, the window's middle"),
        "seconds": real("when the frame is shown; missing where the clip does not say", optional=True),
        "class_id": whole("the class's number, from 0"),
        "label": text("the class's name, or its number where names are unknown"),
        "logit": real("the class's logit in this row"),
        "probability": real("softmax of the row's logits"),
        "rank": whole("place of the class among all classes of the row, from 1"),
    },
)

TRACED_CLIPS = Schema(
    "TRACED_CLIPS",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "mode": text("as in FRAME_TRACES", *TRACE_MODES),
        "frames": whole("rows of the clip's trace"),
        "class_id": whole("the class of the clip's own prediction"),
        "label": text("its name, or its number where names are unknown"),
        "probability": real("softmax of the clip's logits"),
        "true_id": whole("the clip's own class; missing where unknown", optional=True),
        "true_label": text("its name; empty where unknown"),
        "changes": whole("changes of the predicted label"),
    },
)

STATE_CHANGES = Schema(
    "STATE_CHANGES",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "mode": text("as in FRAME_TRACES", *TRACE_MODES),
        "kind": text(
            "a change of the predicted label, or a step in the curves of probability", *CHANGE_KINDS
        ),
        "frame": whole("the first frame of the new state, as in FRAME_TRACES"),
        "source_frame": whole("its place in its video, from 0"),
        "seconds": real("when it is shown; missing where the clip does not say", optional=True),
        "from_id": whole("the class before"),
        "from_label": text("its name, or its number where names are unknown"),
        "to_id": whole("the class after"),
        "to_label": text("its name, or its number where names are unknown"),
        "confidence": real(
            "from 0 to 1; of a label: how far the two classes part, before and after; of a curve: how much "
            "probability moved"
        ),
    },
)

TRACE_INFLUENCE = Schema(
    "TRACE_INFLUENCE",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "mode": text("as in FRAME_TRACES; what is measured in each is in docs/traces.md", *TRACE_MODES),
        "output_frame": whole("whose logit, from 0; in window mode, which frame of a window"),
        "input_frame": whole("which frame it depends on, from 0"),
        "class_id": whole("the class whose logit it is"),
        "label": text("its name, or its number where names are unknown"),
        "influence": real("norm of the logit's exact gradient over the input frame's pixels"),
        "share": real("influence over its row's sum; 0 where nothing moves"),
        "reachable": Column("flag", meaning="whether it can depend on it at all"),
    },
)
