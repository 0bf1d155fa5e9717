"""Labelled clips in; accuracies of every class, and what was taken for what, out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from gst_analysis.analyses.evaluation.table import (
    CLASS_ACCURACY,
    CONFUSION,
    EvaluationSummary,
    ModelEvaluation,
)
from gst_analysis.checkpoints.loading import LoadedModel
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import DataError, name_some
from gst_analysis.inference.classes import check_classes, order_classes, require_some
from gst_analysis.inference.logits import UNLABELLED, FrameLogits
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.progress import Progress
from gst_analysis.tables.schema import check


def measure_accuracy(
    model: LoadedModel,
    records: RecordList,
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> ModelEvaluation:
    """Run a network over labelled clips and compare.

    Args:
        model: what load_model returned.
        records: what load_records returned; every clip must have a label.
        settings: views, batch, device and so on.
        progress: called after every clip.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
    """
    check_classes(model, records)
    logits = measure_frame_logits(model, records, settings=settings, progress=progress)
    return summarise_accuracy(logits)


def summarise_accuracy(logits: FrameLogits) -> ModelEvaluation:
    """Accuracies and confusions of logits that were measured, or loaded from a file.

    Raises:
        DataError: clips without labels, or no clips.
    """
    require_some(logits)
    unlabelled = [
        clip for clip, label in zip(logits.clips, logits.labels, strict=True) if label == UNLABELLED
    ]
    if unlabelled:
        raise DataError(
            "labels",
            expected="one for every clip",
            found=f"none for {name_some(unlabelled)}",
            todo="evaluate clips whose classes are known",
        )
    ranks = rank_truth(logits)
    table = _tabulate_classes(logits, ranks)
    summary = EvaluationSummary(
        clips=len(ranks),
        top1=float((ranks == 0).mean()),
        top5=float((ranks < 5).mean()),
        mean_class_accuracy=float(table["accuracy"].mean()),
        classes=logits.num_classes,
        classes_seen=int((table["clips"] > 0).sum()),
    )
    return ModelEvaluation(
        table,
        summary,
        logits.provenance,
        notes=logits.notes,
        failures=logits.failures,
        confusion=_tabulate_confusion(logits),
        logits=logits,
    )


def rank_truth(logits: FrameLogits) -> npt.NDArray[np.int64]:
    """The place of each clip's true class among all, from 0."""
    order = order_classes(logits.clip_logits)
    return np.asarray((order == logits.labels[:, None]).argmax(axis=1))


def _tabulate_classes(logits: FrameLogits, ranks: npt.NDArray[np.int64]) -> pd.DataFrame:
    classes = logits.num_classes
    predicted = order_classes(logits.clip_logits)[:, 0]
    clips = np.bincount(logits.labels, minlength=classes)
    correct, among5 = (np.bincount(logits.labels[ranks < k], minlength=classes) for k in (1, 5))
    seen = np.where(clips > 0, clips, np.nan)  # a class without clips has no accuracy
    table = pd.DataFrame(
        {
            "checkpoint": logits.checkpoint,
            "class_id": np.arange(classes),
            "label": [logits.name_class(number) for number in range(classes)],
            "clips": clips,
            "predicted": np.bincount(predicted, minlength=classes),
            "correct": correct,
            "accuracy": correct / seen,
            "top5": among5 / seen,
        }
    )
    return check(table, CLASS_ACCURACY)


def _tabulate_confusion(logits: FrameLogits) -> pd.DataFrame:
    """All pairs of classes, also those that never met."""
    classes = logits.num_classes
    predicted = order_classes(logits.clip_logits)[:, 0]
    counts = np.bincount(logits.labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(totals > 0, totals, np.nan)
    true_id, predicted_id = (axis.ravel() for axis in np.indices(counts.shape))
    names = np.array([logits.name_class(number) for number in range(classes)], dtype=object)
    table = pd.DataFrame(
        {
            "checkpoint": logits.checkpoint,
            "true_id": true_id,
            "true_label": names[true_id],
            "predicted_id": predicted_id,
            "predicted_label": names[predicted_id],
            "clips": counts.ravel(),
            "share": shares.ravel(),
        }
    )
    return check(table, CONFUSION)
