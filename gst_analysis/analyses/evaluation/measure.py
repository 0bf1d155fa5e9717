"""Labelled clips in; accuracies of every class, and what was taken for what, out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from gst_analysis.analyses.evaluation.table import (
    CLASS_ACCURACY,
    CONFUSION,
    EvaluationSummary,
    ModelEvaluation,
)
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import RecordList, note_videos
from gst_analysis.errors import DataError, name_some
from gst_analysis.inference.classes import check_classes, order_classes, require_some
from gst_analysis.inference.flow_stream import FlowStream, measure_streams
from gst_analysis.inference.logits import UNLABELLED, FrameLogits
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.probes.resampling import Interval, Units
from gst_analysis.probes.shares import average_shares, count_independent, summarise_shares
from gst_analysis.progress import Progress
from gst_analysis.tables.schema import check


def measure_accuracy(
    model: LoadedModel,
    records: RecordList,
    *,
    flow: FlowStream | None = None,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> ModelEvaluation:
    """Run a network over labelled clips and compare.

    Args:
        model: what load_model returned.
        records: what load_records returned; every clip must have a label.
        flow: a second network, of optical flow, whose scores are averaged with the first one's.
        settings: views, batch, device and so on.
        progress: called after every clip.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
    """
    check_classes(model, records)
    if flow is None:
        logits = measure_frame_logits(model, records, settings=settings, progress=progress)
    else:
        check_classes(flow.model, records)
        logits = measure_streams(model, flow, records, settings=settings, progress=progress)
    return replace(summarise_accuracy(logits), path=model.checkpoint.path)


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
    return ModelEvaluation(
        table,
        _summarise(logits, ranks),
        logits.provenance,
        notes=(*logits.notes, *note_videos(logits.videos)),
        failures=logits.failures,
        confusion=_tabulate_confusion(logits),
        logits=logits,
    )


def rank_truth(logits: FrameLogits) -> npt.NDArray[np.int64]:
    """The place of each clip's true class among all, from 0."""
    order = order_classes(logits.clip_logits)
    return np.asarray((order == logits.labels[:, None]).argmax(axis=1))


def _summarise(logits: FrameLogits, ranks: npt.NDArray[np.int64]) -> EvaluationSummary:
    videos = _videos_of(logits)
    right = np.stack([ranks == 0, ranks < 5]).astype(float)
    top1, top5 = summarise_shares(right, units=videos)
    if logits.num_classes <= 5:
        top5 = Interval(1.0, 1.0, 1.0)  # all classes are among the first five, on any clips
    seen = np.unique(logits.labels)
    own = [np.flatnonzero(logits.labels == number) for number in seen]
    counts = [count_independent(right[:1, clips], units=videos[clips])[0] for clips in own]
    shares = np.array([right[0, clips].mean() for clips in own])
    mean = average_shares(shares, np.array(counts))
    intervals = {"top1": top1, "top5": top5, "mean_class_accuracy": mean}
    return EvaluationSummary(
        clips=len(ranks),
        videos=len(np.unique(videos)),
        **{name: found.value for name, found in intervals.items()},
        intervals=intervals,
        classes=logits.num_classes,
        classes_seen=len(seen),
    )


def _videos_of(logits: FrameLogits) -> Units:
    """Which clips are cut out of one video; each is its own where that is not known."""
    return np.array(logits.videos or range(len(logits.clips)), dtype=np.int64)


def _tabulate_classes(logits: FrameLogits, ranks: npt.NDArray[np.int64]) -> pd.DataFrame:
    classes = logits.num_classes
    predicted = order_classes(logits.clip_logits)[:, 0]
    clips = np.bincount(logits.labels, minlength=classes)
    correct, among5 = (np.bincount(logits.labels[ranks < k], minlength=classes) for k in (1, 5))
    seen = np.where(clips > 0, clips, np.nan)  # a class without clips has no accuracy
    videos, ends = _videos_of(logits), np.full((2, classes), np.nan)
    for number in np.flatnonzero(clips):
        own = logits.labels == number
        (found,) = summarise_shares((ranks[None, own] == 0).astype(float), units=videos[own])
        ends[:, number] = found.low, found.high
    table = pd.DataFrame(
        {
            "checkpoint": logits.checkpoint,
            "class_id": np.arange(classes),
            "label": [logits.name_class(number) for number in range(classes)],
            "clips": clips,
            "predicted": np.bincount(predicted, minlength=classes),
            "correct": correct,
            "accuracy": correct / seen,
            "accuracy_low": ends[0],
            "accuracy_high": ends[1],
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
