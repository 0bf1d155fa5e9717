"""A network run over labelled clips, beside the page: how often it is right, and whether order matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from app.cached_measurements import Asked, memory, recall
from app.cached_visitors import Accuracy, keep_accuracy
from app.checks import MOST_PARAMS_AT_ONCE, name_inputs
from app.clips_to_try import Clips
from app.columns import NetworkColumn, open_network
from app.job_progress import await_result
from app.jobs import titled
from app.wording import rename_result
from gst_analysis.analyses import evaluation, order
from gst_analysis.analyses.evaluation import EvaluationOptions, ModelEvaluation
from gst_analysis.analyses.order import FrameOrder, OrderOptions
from gst_analysis.numbers import how_many
from gst_analysis.progress import Progress
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses.traces import clip_list
else:
    clip_list = Door("gst_analysis.analyses.traces.clip_list")

CONDITIONS = ("shuffled", "reversed", "frozen-middle")
"""What clips are shown as beside their own order: enough to tell which classes need it."""
EVALUATION_ABOUT = (
    "Runs the network over the clips once. That takes some seconds for sixty clips and a small network; for "
    "thousands of clips, minutes to hours. Other pages stay usable meanwhile, and what was measured is "
    "remembered."
)
ORDER_ABOUT = (
    "Shows the network the same clips shuffled (three times), in reverse, and with the middle frame held "
    "still: six times the work of an evaluation."
)


class Evaluated(NamedTuple):
    """What an evaluation found, without the logits of every frame, and a row for every clip."""

    result: ModelEvaluation
    clips: Any
    """EVALUATED_CLIPS, with what order has to do with it where that was measured."""


def await_evaluation(column: NetworkColumn, clips: Clips) -> Evaluated | None:
    """How often the network is right, from memory or measured now; None while it is not known."""
    found: Evaluated | None = recall(
        Asked("evaluation", column.source.key, clips.key),
        lambda: await_result(
            f"evaluation {column.source.key} {clips.key}",
            lambda progress: _evaluate(column, clips, progress),
            start="Run over the clips",
            about=EVALUATION_ABOUT,
            names=name_inputs(column, clips),
            at_once=_is_quick(column, clips),
            lane="seconds" if _is_quick(column, clips) else "minutes",
        ),
    )
    if found is None:
        return None
    if clips.world is None:  # a planted world is no data set that others published results of
        _note_accuracy(column, clips, found.result)
    shown = memory().find(_ask_order(column, clips))
    return (
        found if shown is None else found._replace(clips=clip_list.add_order_loss(found.clips, shown.clips))
    )


def _note_accuracy(column: NetworkColumn, clips: Clips, result: ModelEvaluation) -> None:
    """For the page of cost, which offers it beside published results."""
    found, name = result.summary, clips.sent.name if clips.sent is not None else clips.shown
    where = f"{how_many(found.clips, 'clip')} of {name}"
    keep_accuracy(str(column.source.key), Accuracy(round(100 * found.top1, 1), found.classes, where))


def await_order(column: NetworkColumn, clips: Clips) -> FrameOrder | None:
    """What becomes of answers in other orders, likewise."""
    found: FrameOrder | None = recall(
        _ask_order(column, clips),
        lambda: await_result(
            f"order {column.source.key} {clips.key}",
            lambda progress: _show_orders(column, clips, progress),
            start="Put frames in other orders",
            about=ORDER_ABOUT,
            names=name_inputs(column, clips),
        ),
    )
    return found


def list_orders(clips: Clips) -> OrderOptions:
    """How the page has clips shown."""
    return OrderOptions(conditions=CONDITIONS, limit=clips.limit)


def _ask_order(column: NetworkColumn, clips: Clips) -> Asked:
    return Asked("order", column.source.key, clips.key)


def _is_quick(column: NetworkColumn, clips: Clips) -> bool:
    return clips.world is not None and column.reading.inspection.params <= MOST_PARAMS_AT_ONCE


def _evaluate(column: NetworkColumn, clips: Clips, progress: Progress) -> Evaluated:
    dataset = clips.prepare(progress)
    options = EvaluationOptions(limit=clips.limit)
    told = titled(progress, "Looking at clips")
    found = evaluation.evaluate(open_network(column), dataset, options=options, progress=told)
    rows = clip_list.tabulate_evaluated_clips(found)
    return Evaluated(rename_result(clip_list.drop_logits(found), clips.as_told), rows)


def _show_orders(column: NetworkColumn, clips: Clips, progress: Progress) -> FrameOrder:
    dataset = clips.prepare(progress)
    told = titled(progress, "Putting frames in other orders")
    found = order.frame_order(open_network(column), dataset, options=list_orders(clips), progress=told)
    return rename_result(found, clips.as_told)


def say_right(result: ModelEvaluation) -> None:
    """The headline: three shares with their intervals."""
    summary = result.summary
    places = st.columns(4)
    titles = {"top1": "Right", "top5": "Among the first five", "mean_class_accuracy": "Mean over classes"}
    for place, (name, title) in zip(places, titles.items(), strict=False):
        share = summary.intervals[name]
        place.metric(
            title,
            f"{share.value:.0%}",
            help=f"Between {share.low:.0%} and {share.high:.0%} with 95% confidence.",
        )
    seen = f"{summary.classes_seen:,} of {summary.classes:,} classes have clips."
    places[3].metric("Clips", f"{summary.clips:,}", help=seen)
