"""What networks say of clips."""

from __future__ import annotations

from gst_analysis.tables.schema import Schema, real, text, whole

PREDICTIONS = Schema(
    "PREDICTIONS",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "rank": whole("place of the class among all, from 1"),
        "class_id": whole("the class's number, from 0"),
        "label": text("the class's name, or its number where names are unknown"),
        "probability": real("softmax of the clip's logits"),
        "logit": real("mean over the clip's frames and views"),
    },
)

FRAME_PREDICTIONS = Schema(
    "FRAME_PREDICTIONS",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "frame": whole("which of the frames that were sampled, from 0"),
        "seconds": real("when the frame is shown; missing where the clip does not say", optional=True),
        "rank": whole("place of the class among all, from 1"),
        "class_id": whole("the class's number, from 0"),
        "label": text("the class's name, or its number where names are unknown"),
        "probability": real("softmax of the frame's logits"),
        "logit": real("mean over the clip's views"),
    },
)

CLASS_ACCURACY = Schema(
    "CLASS_ACCURACY",
    {
        "checkpoint": text("the checkpoint's name"),
        "class_id": whole("the class's number, from 0"),
        "label": text("the class's name, or its number where names are unknown"),
        "clips": whole("clips of this class that could be read"),
        "predicted": whole("clips that were taken for it"),
        "correct": whole("clips of this class that were taken for it"),
        "accuracy": real("correct / clips; missing where there are no clips", optional=True),
        "top5": real("share of its clips where it was among the first five", optional=True),
    },
)

CONFUSION = Schema(
    "CONFUSION",
    {
        "checkpoint": text("the checkpoint's name"),
        "true_id": whole("the number of the clips' own class, from 0"),
        "true_label": text("its name, or its number where names are unknown"),
        "predicted_id": whole("the number of the class that came first"),
        "predicted_label": text("its name, or its number where names are unknown"),
        "clips": whole("clips of the one that were taken for the other; 0 for most pairs"),
        "share": real("of the clips of the true class; missing where there are none", optional=True),
    },
)
