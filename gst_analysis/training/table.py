"""How a run went."""

from __future__ import annotations

from gst_analysis.tables.schema import Schema, real, whole

TRAINING_STEPS = Schema(
    "TRAINING_STEPS",
    {
        "epoch": whole("epoch, from 1"),
        "step": whole("steps since training began"),
        "loss": real("mean training loss since the row before"),
        "top1": real("share of these clips, as augmented, that were right"),
        "lr": real("the last step's learning rate"),
        "clips_per_s": real("clips a second, reading and logging included"),
        "seconds": real("time since training began, pauses left out"),
    },
)

TRAINING_EPOCHS = Schema(
    "TRAINING_EPOCHS",
    {
        "epoch": whole("epoch, from 1"),
        "step": whole("steps since training began"),
        "lr": real("the last step's learning rate"),
        "loss": real("mean training loss of the epoch"),
        "top1": real("share of the training clips, as augmented, that were right"),
        "val_loss": real("mean loss of the validation clips; missing if they were not run", optional=True),
        "val_top1": real("share of the validation clips whose class came first", optional=True),
        "val_top5": real("share of the validation clips whose class was among the first five", optional=True),
        "clips": whole("training clips seen in the epoch"),
        "skipped": whole("clips of both sets found unreadable so far"),
        "seconds": real("time since training began, pauses left out"),
    },
)
