"""The schema of every table, and the check that a table keeps it. No torch here.

Column names exist once, in this package. A table is a tidy pandas frame: one row per observation.
"""

from __future__ import annotations

from gst_analysis.tables.ablation import (
    ABLATION,
    CAUSAL_MEASURES,
    DATA_SCORES,
    INTERVENTIONS,
    SCORE_AGREEMENT,
)
from gst_analysis.tables.checkpoints import BN_SCALES
from gst_analysis.tables.comparison import BLOCK_GAPS, NOT_COMPARED, SCALE_DIFFERENCES
from gst_analysis.tables.costs import COMPLEXITY, PAPER_AUDIT, PUBLISHED_COSTS
from gst_analysis.tables.datasets import DATASET_CHECK
from gst_analysis.tables.drift import DRIFT, DRIFT_LAYERS
from gst_analysis.tables.importance import GROUP_IMPORTANCE, IMPORTANCE, SCORES, WHICH_TO_TRUST
from gst_analysis.tables.inference import CLASS_ACCURACY, CONFUSION, FRAME_PREDICTIONS, PREDICTIONS
from gst_analysis.tables.influence import INFLUENCE, RECEPTIVE_FIELDS
from gst_analysis.tables.saliency import POINTING, SALIENCY
from gst_analysis.tables.schema import Column, Schema, check, check_choices
from gst_analysis.tables.slimming import SLIM_CURVE, SLIM_METHODS, SLIM_TUNED, SLIM_WIDTHS
from gst_analysis.tables.traces import FRAME_TRACES, STATE_CHANGES, TRACE_INFLUENCE, TRACED_CLIPS
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
        FRAME_TRACES,
        TRACED_CLIPS,
        STATE_CHANGES,
        TRACE_INFLUENCE,
        IMPORTANCE,
        GROUP_IMPORTANCE,
        BLOCK_GAPS,
        SCALE_DIFFERENCES,
        NOT_COMPARED,
        DRIFT,
        DRIFT_LAYERS,
        ABLATION,
        DATA_SCORES,
        SCORE_AGREEMENT,
        SLIM_CURVE,
        SLIM_TUNED,
        SLIM_WIDTHS,
        INFLUENCE,
        RECEPTIVE_FIELDS,
        SALIENCY,
        POINTING,
    )
}

__all__ = [
    "ABLATION",
    "BLOCK_GAPS",
    "BN_SCALES",
    "CAUSAL_MEASURES",
    "CLASS_ACCURACY",
    "COMPLEXITY",
    "CONFUSION",
    "DATASET_CHECK",
    "DATA_SCORES",
    "DRIFT",
    "DRIFT_LAYERS",
    "FRAME_PREDICTIONS",
    "FRAME_TRACES",
    "GROUP_IMPORTANCE",
    "IMPORTANCE",
    "INFLUENCE",
    "INTERVENTIONS",
    "NOT_COMPARED",
    "PAPER_AUDIT",
    "POINTING",
    "PREDICTIONS",
    "PUBLISHED_COSTS",
    "RECEPTIVE_FIELDS",
    "SALIENCY",
    "SCALE_DIFFERENCES",
    "SCHEMAS",
    "SCORES",
    "SCORE_AGREEMENT",
    "SLIM_CURVE",
    "SLIM_METHODS",
    "SLIM_TUNED",
    "SLIM_WIDTHS",
    "STATE_CHANGES",
    "TRACED_CLIPS",
    "TRACE_INFLUENCE",
    "TRAINING_EPOCHS",
    "TRAINING_STEPS",
    "WHICH_TO_TRUST",
    "Column",
    "Schema",
    "check",
    "check_choices",
]
