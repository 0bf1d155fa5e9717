"""A network and labelled clips in; accuracies of every class, and what was taken for what, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from gst_analysis.checkpoints.loading import LoadedModel
from gst_analysis.clips.dataset import check_labels
from gst_analysis.clips.entries import strip_template
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import DataError, name_some
from gst_analysis.inference.logits import UNLABELLED, FrameLogits
from gst_analysis.inference.measuring import Progress, measure_frame_logits
from gst_analysis.inference.prediction import order_classes, require_some
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.table import CLASS_ACCURACY, CONFUSION
from gst_analysis.results import LegacyResult as Result
from gst_analysis.tables.schema import check


@dataclass(frozen=True)
class EvaluationSummary:
    """Shares of the clips that could be read; `failures` are those that could not, and why."""

    clips: int
    top1: float
    top5: float
    mean_class_accuracy: float
    """The mean over classes that have clips, so that rare ones count as much as common ones."""
    classes: int
    classes_seen: int
    """Classes that have clips."""
    failures: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation(Result[EvaluationSummary]):
    """A CLASS_ACCURACY table, a CONFUSION table, and the logits behind both."""

    confusion: pd.DataFrame = field(repr=False)
    logits: FrameLogits = field(repr=False)


def evaluate(
    model: LoadedModel,
    records: RecordList,
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Run a network over labelled clips and compare.

    Args:
        model: what load_model returned.
        records: what load_records returned; every clip must have a label.
        settings: views, batch, device and so on.
        progress: called with how many clips are done and how many there are.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
    """
    check_classes(model, records)
    logits = measure_frame_logits(model, records, settings=settings, progress=progress)
    return summarise_accuracy(logits)


def summarise_accuracy(logits: FrameLogits) -> Evaluation:
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
        failures=dict(logits.failures),
        notes=logits.notes,
    )
    return Evaluation(table, summary, logits.provenance, _tabulate_confusion(logits), logits)


def check_classes(model: LoadedModel, records: RecordList) -> None:
    """Refuse records whose classes are not those of the network, in its order.

    Raises:
        DataError: another number of classes, other names, another order, or a clip without a class.
    """
    if not isinstance(records, RecordList):
        raise DataError(
            "labelled clips",
            expected="a RecordList",
            found=type(records).__name__,
            todo="read the data set with load_labelled_clips",
        )
    classes, theirs, ours = model.spec.num_classes, records.class_names, model.labels
    if theirs and len(theirs) != classes:
        raise _mismatch(f"{classes} classes, as {model.checkpoint.name} has", f"{len(theirs)}")
    if theirs and ours:
        _check_names(ours, theirs)
    check_labels(records)
    beyond = [record.clip for record in records if record.label is not None and record.label >= classes]
    if beyond:
        raise _mismatch(
            f"class numbers below {classes}, as many as {model.checkpoint.name} has",
            f"larger ones for {name_some(beyond)}",
        )


def rank_truth(logits: FrameLogits) -> npt.NDArray[np.int64]:
    """The place of each clip's true class among all, from 0."""
    order = order_classes(logits.clip_logits)
    return np.asarray((order == logits.labels[:, None]).argmax(axis=1))


def _check_names(ours: Sequence[str], theirs: Sequence[str]) -> None:
    one, other = [_plain(name) for name in ours], [_plain(name) for name in theirs]
    odd = [number for number, pair in enumerate(zip(one, other, strict=True)) if pair[0] != pair[1]]
    if not odd:
        return
    first = odd[0]
    same = sorted(one) == sorted(other)
    raise _mismatch(
        f"the checkpoint's class names{' in its order' if same else ''}",
        f"{len(odd)} others, the first of them class {first}: {theirs[first]!r} instead of {ours[first]!r}",
        "give the labels in the checkpoint's order" if same else "",
    )


def _plain(name: str) -> str:
    return strip_template(name).casefold()


def _mismatch(expected: str, found: str, todo: str = "") -> DataError:
    return DataError(
        "classes of the data",
        expected=expected,
        found=found,
        todo=todo or "give the label file that the network was trained with, or its own data",
    )


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
