"""A network and clips in, the classes it thinks most likely out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gst_analysis.checkpoints.loading import LoadedModel
from gst_analysis.clips.finding import find_clips
from gst_analysis.clips.records import AnyPath, RecordList
from gst_analysis.errors import DataError, SpecError, name_some
from gst_analysis.inference.logits import FrameLogits, softmax
from gst_analysis.inference.measuring import Progress, measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.table import FRAME_PREDICTIONS, PREDICTIONS
from gst_analysis.results import LegacyResult as Result
from gst_analysis.tables.schema import check


@dataclass(frozen=True)
class PredictionSummary:
    """How many clips were predicted, which could not be read and why, and what was assumed."""

    clips: int
    failures: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Predictions(Result[PredictionSummary]):
    """A PREDICTIONS table, and the logits behind it."""

    logits: FrameLogits = field(repr=False)


def predict(
    model: LoadedModel,
    clips: AnyPath | Sequence[AnyPath] | RecordList,
    *,
    top_k: int = 5,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> Predictions:
    """The most likely classes of clips.

    Args:
        model: what load_model returned.
        clips: video files, frame folders, folders of either, globs; or records.
        top_k: how many classes to tell of each clip; all if there are fewer.
        settings: views, batch, device and so on.
        progress: called with how many clips are done and how many there are.

    Raises:
        DataError: a name that stands for no clip, or not one clip that could be read.
    """
    check_top_k(top_k)
    records = clips if isinstance(clips, RecordList) else find_clips(clips)
    logits = measure_frame_logits(model, records, settings=settings, progress=progress)
    require_some(logits)
    summary = PredictionSummary(len(logits.clips), dict(logits.failures), logits.notes)
    return Predictions(tabulate_predictions(logits, top_k=top_k), summary, logits.provenance, logits)


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


def check_top_k(top_k: int) -> int:
    """Refuse to tell of no class at all."""
    if type(top_k) is not int or top_k < 1:
        raise SpecError(
            "top_k", expected="a whole number of at least 1", found=repr(top_k)[:60], todo="give a larger one"
        )
    return top_k


def require_some(logits: FrameLogits) -> None:
    """Refuse a result without a single clip.

    Raises:
        DataError: none could be read, or there were none.
    """
    if logits.clips:
        return
    reason = next(iter(logits.failures.values()), "no clips at all")
    names = name_some(list(logits.failures)) or "the list of clips"
    raise DataError(
        names,
        expected="at least one clip that can be read",
        found=reason,
        todo="check the files, for example with dataset-check",
    )


def order_classes(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Class numbers from the largest logit down, over the last axis; of equal ones the lower first."""
    return np.asarray(np.argsort(-values, axis=-1, kind="stable"))


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
