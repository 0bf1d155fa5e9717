"""The schema of every table, and the check that a table keeps it. No torch here.

Column names exist once, in this package. A table is a tidy pandas frame: one row per observation.
"""

from __future__ import annotations

from gst_analysis.tables.checkpoints import BN_SCALES
from gst_analysis.tables.costs import COMPLEXITY, PAPER_AUDIT, PUBLISHED_COSTS
from gst_analysis.tables.datasets import DATASET_CHECK
from gst_analysis.tables.inference import CLASS_ACCURACY, CONFUSION, FRAME_PREDICTIONS, PREDICTIONS
from gst_analysis.tables.schema import Column, Schema, check, check_choices
from gst_analysis.tables.training import TRAINING_EPOCHS, TRAINING_STEPS

SCHEMAS: dict[str, Schema] = {
    schema.name: schema
    for schema in (
        BN_SCALES,
        COMPLEXITY,
        PAPER_AUDIT,
        PUBLISHED_COSTS,
        DATASET_CHECK,
        TRAINING_STEPS,
        TRAINING_EPOCHS,
        PREDICTIONS,
        FRAME_PREDICTIONS,
        CLASS_ACCURACY,
        CONFUSION,
    )
}

__all__ = [
    "BN_SCALES",
    "CLASS_ACCURACY",
    "COMPLEXITY",
    "CONFUSION",
    "DATASET_CHECK",
    "FRAME_PREDICTIONS",
    "PAPER_AUDIT",
    "PREDICTIONS",
    "PUBLISHED_COSTS",
    "SCHEMAS",
    "TRAINING_EPOCHS",
    "TRAINING_STEPS",
    "Column",
    "Schema",
    "check",
    "check_choices",
]
