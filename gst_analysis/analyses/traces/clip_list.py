"""The clips of an evaluated data set, a row each: how sure, how right, and how often its mind changes.

What a list or a wall of clips is sorted and filtered by, and a small picture of each. No network runs here.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping

import numpy as np
import pandas as pd
from PIL import Image

from gst_analysis.analyses.evaluation import ModelEvaluation
from gst_analysis.analyses.order.table import IN_ORDER, SHUFFLED
from gst_analysis.analyses.traces.state_changes import find_label_changes
from gst_analysis.analyses.traces.table import EVALUATED_CLIPS
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.pictures import load_thumbnails
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.spans import find_span
from gst_analysis.inference.classes import order_classes
from gst_analysis.inference.logits import FrameLogits, softmax
from gst_analysis.inference.measuring import name_apart
from gst_analysis.tables.schema import check

SORTS: Mapping[str, tuple[str, bool]] = {
    "worst": ("true_probability", True),
    "unsure": ("probability", True),
    "sure": ("probability", False),
    "changes": ("changes", False),
    "order": ("order_loss", False),
    "name": ("clip", True),
}
"""Orders in which clips may stand: the column, and whether its least comes first."""
ONLY = ("all", "wrong", "right")


def tabulate_evaluated_clips(found: ModelEvaluation) -> pd.DataFrame:
    """An EVALUATED_CLIPS table of what `evaluate` measured; order is not known yet."""
    logits = found.logits
    said, clips = softmax(logits.clip_logits), np.arange(len(logits.clips))
    order = order_classes(logits.clip_logits)
    first = order[:, 0]
    names = np.array([logits.name_class(number) for number in range(logits.num_classes)], dtype=object)
    table = pd.DataFrame(
        {
            "checkpoint": logits.checkpoint,
            "clip": list(logits.clips),
            "true_id": logits.labels,
            "true_label": names[logits.labels],
            "predicted_id": first,
            "predicted_label": names[first],
            "correct": first == logits.labels,
            "probability": said[clips, first],
            "true_probability": said[clips, logits.labels],
            "true_rank": (order == logits.labels[:, None]).argmax(axis=1) + 1,
            "changes": _count_changes(logits, first),
            "order_loss": np.nan,
        }
    )
    return check(table, EVALUATED_CLIPS)


def _count_changes(logits: FrameLogits, verdicts: np.ndarray) -> list[int]:
    """Changes of state of every clip, as in a trace of its frames."""
    return [
        len(find_label_changes(softmax(rows), verdict=int(verdict)))
        for rows, verdict in zip(logits.logits, verdicts, strict=True)
    ]


def add_order_loss(table: pd.DataFrame, shown: pd.DataFrame) -> pd.DataFrame:
    """What each clip's true class loses in probability when frames are shuffled, the mean over shuffles.

    Args:
        table: EVALUATED_CLIPS.
        shown: ORDER_CLIPS of the same clips; those that it lacks keep none.
    """
    means = shown.groupby(["condition", "clip"])["probability"].mean()
    kept = means.index.get_level_values("condition")
    if not {IN_ORDER, SHUFFLED} <= set(kept):
        return table
    loss = means[IN_ORDER] - means[SHUFFLED]
    return check(table.assign(order_loss=table["clip"].map(loss).astype(float)), EVALUATED_CLIPS)


def drop_logits(found: ModelEvaluation) -> ModelEvaluation:
    """The result without what the network said of every frame, which is most of its size."""
    logits, none = found.logits, found.logits.labels[:0]
    empty = dataclasses.replace(
        logits, clips=(), labels=none, logits=logits.logits[:0], seconds=logits.seconds[:0], videos=()
    )
    return dataclasses.replace(found, logits=empty)


def name_records(records: RecordList) -> Mapping[str, ClipRecord]:
    """Where each clip lies, by the name that tables give it."""
    return dict(zip(name_apart([record.clip for record in records]), records, strict=True))


def draw_thumbnail(record: ClipRecord, *, side: int) -> bytes:
    """A clip's middle frame as JPEG, none of its sides longer than so many pixels.

    Raises:
        DataError: the clip cannot be read.
    """
    at_hand, buffer = OpenedClips(), io.BytesIO()
    span = find_span(record, at_hand.open(record.path))
    (picture,) = load_thumbnails(record.path, [span[len(span) // 2]], side=side, at_hand=at_hand)
    Image.fromarray(picture).save(buffer, format="JPEG", quality=82)
    return buffer.getvalue()


def draw_strip(record: ClipRecord, *, side: int, frames: int) -> bytes:
    """Frames of a clip beside each other as JPEG, the first at its start and the last at its end.

    Args:
        record: the clip.
        side: pixels of the longer side of each.
        frames: how many; fewer of a clip that has fewer.

    Raises:
        DataError: the clip cannot be read.
    """
    at_hand, buffer = OpenedClips(), io.BytesIO()
    span = find_span(record, at_hand.open(record.path))
    places = sorted({span[round(step * (len(span) - 1) / max(1, frames - 1))] for step in range(frames)})
    pictures = load_thumbnails(record.path, places, side=side, at_hand=at_hand)
    Image.fromarray(np.hstack(pictures)).save(buffer, format="JPEG", quality=82)
    return buffer.getvalue()


def choose_rows(
    table: pd.DataFrame,
    *,
    by: str = "worst",
    only: str = "all",
    true_id: int | None = None,
    predicted_id: int | None = None,
) -> pd.DataFrame:
    """Some rows of EVALUATED_CLIPS in an order; of equal ones, those that came first.

    Args:
        table: EVALUATED_CLIPS.
        by: one of SORTS.
        only: all, those taken for a wrong class, or those taken for their own.
        true_id: their own class; any if None.
        predicted_id: the class that they were taken for; any if None.
    """
    kept = table if only == "all" else table[table["correct"] == (only == "right")]
    if true_id is not None:
        kept = kept[kept["true_id"] == true_id]
    if predicted_id is not None:
        kept = kept[kept["predicted_id"] == predicted_id]
    column, ascending = SORTS[by]
    return kept.sort_values(column, ascending=ascending, kind="stable")
