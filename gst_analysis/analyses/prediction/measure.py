"""Clips in, the classes that a network thinks most likely out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from gst_analysis.analyses.prediction.table import (
    FRAME_PREDICTIONS,
    PREDICTIONS,
    ClipPredictions,
    PredictionSummary,
)
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.inference.classes import check_top_k, order_classes, require_some
from gst_analysis.inference.flow_stream import FlowStream, measure_streams
from gst_analysis.inference.logits import FrameLogits, softmax
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.progress import Progress
from gst_analysis.tables.schema import check


def measure_predictions(
    model: LoadedModel,
    records: RecordList | Sequence[ClipRecord],
    *,
    flow: FlowStream | None = None,
    top_k: int = 5,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> ClipPredictions:
    """Run a network over clips and rank its classes.

    Args:
        model: what load_model returned.
        records: what load_records or find_clips returned.
        flow: a second network, of optical flow, whose scores are averaged with the first one's.
        top_k: how many classes to tell of each clip; all if there are fewer.
        settings: views, batch, device and so on.
        progress: called after every clip.

    Raises:
        DataError: not one clip could be read.
    """
    check_top_k(top_k)
    if flow is None:
        logits = measure_frame_logits(model, records, settings=settings, progress=progress)
    else:
        logits = measure_streams(model, flow, records, settings=settings, progress=progress)
    require_some(logits)
    return ClipPredictions(
        tabulate_predictions(logits, top_k=top_k),
        PredictionSummary(len(logits.clips)),
        logits.provenance,
        notes=logits.notes,
        failures=logits.failures,
        logits=logits,
        path=model.checkpoint.path,
    )


def tabulate_predictions(logits: FrameLogits, *, top_k: int = 5) -> pd.DataFrame:
    """A PREDICTIONS table: the first `top_k` classes of every clip, by the mean over its frames."""
    table = _rank(logits.clip_logits, logits, check_top_k(top_k))
    clips = np.repeat(np.array(logits.clips, dtype=object), min(top_k, logits.num_classes))
    table.insert(0, "checkpoint", logits.checkpoint)
    table.insert(1, "clip", clips)
    return check(table, PREDICTIONS)


def tabulate_frame_predictions(logits: FrameLogits, *, top_k: int = 5) -> pd.DataFrame:
    """A FRAME_PREDICTIONS table: the first `top_k` classes of every frame of every clip."""
    table = _rank(logits.logits, logits, check_top_k(top_k))
    kept, (count, frames) = min(top_k, logits.num_classes), logits.logits.shape[:2]
    clips = np.repeat(np.array(logits.clips, dtype=object), frames * kept)
    table.insert(0, "checkpoint", logits.checkpoint)
    table.insert(1, "clip", clips)
    table.insert(2, "frame", np.tile(np.repeat(np.arange(frames), kept), count))
    table.insert(3, "seconds", np.repeat(logits.seconds.ravel(), kept))
    return check(table, FRAME_PREDICTIONS)


def _rank(values: npt.NDArray[np.float32], logits: FrameLogits, top_k: int) -> pd.DataFrame:
    """Rank, class and scores of the first classes over the last axis; the other axes in a row."""
    order = order_classes(values)[..., :top_k]
    kept = order.shape[-1]
    names = np.array([logits.name_class(number) for number in range(logits.num_classes)], dtype=object)
    return pd.DataFrame(
        {
            "rank": np.tile(np.arange(1, kept + 1), order.size // kept),
            "class_id": order.ravel(),
            "label": names[order.ravel()],
            "probability": np.take_along_axis(softmax(values), order, -1).ravel(),
            "logit": np.take_along_axis(values, order, -1).ravel().astype(np.float64),
        }
    )
