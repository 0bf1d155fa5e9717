"""The views of the page of classes: each class's accuracy, what is taken for what, and what needs order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app import cached, commands, components, links
from app.checks import name_inputs
from app.clip_wall import CONTROLS, show_wall, show_worst
from app.clips_to_try import Clips
from app.columns import NetworkColumn
from app.downloads import offer_downloads
from app.evaluating import Evaluated, await_evaluation, await_order, list_orders, say_right
from app.wording import literal
from gst_analysis.analyses import evaluation, order
from gst_analysis.analyses.evaluation import EvaluationOptions
from gst_analysis.analyses.evaluation.classes_interactive import draw_classes_interactive
from gst_analysis.analyses.evaluation.interactive import draw_confusion_interactive
from gst_analysis.analyses.evaluation.pairs import pair_classes
from gst_analysis.analyses.evaluation.spoken import say_classes
from gst_analysis.analyses.order import FrameOrder
from gst_analysis.analyses.order.interactive import draw_order_interactive, draw_temporality_interactive
from gst_analysis.analyses.order.spoken import say_classes as say_needs

MOST_PAIRS = 30
PAIRS = "Tick a row to see its clips on the wall."
NO_PAIRS = "**No clip was taken for another class.**"
NO_REVERSALS = (
    "No two of these classes are each other's reversal: neither by their names nor by what clips in reverse "
    "are taken for."
)
TEMPORALITY = (
    "**How much of a class's accuracy needs order:** what shuffling its frames loses of what it has right "
    "beyond chance. Told only of classes that are right more often than chance."
)
CLASSES = {
    "label": "Class",
    "clips": "Clips",
    "correct": "Right",
    "accuracy": "Share right",
    "accuracy_low": "95% from",
    "accuracy_high": "to",
    "top5": "Among the first five",
    "predicted": "Clips taken for it",
}
ORDERS = {
    "label": "Class",
    "clips": "Clips",
    "in_order": "Right in order",
    "shuffled": "Shuffled",
    "reversed": "In reverse",
    "temporality": "Needs order",
    "withheld": "Why not told",
}
REVERSALS = {
    "label": "Class",
    "partner": "Its reversal",
    "clips": "Clips",
    "taken": "In reverse, taken for the reversal",
    "share": "Share",
    "share_low": "95% from",
    "share_high": "to",
    "share_in_order": "Share in order",
}


def show_classes(column: NetworkColumn, clips: Clips) -> None:
    """Accuracy by class with intervals, and the clips that it is worst at."""
    found = _show_head(column, clips)
    if found is None:
        return
    dark, key = components.is_dark(), f"{column.source.key} {clips.key}"
    figure = cached.draw_page(
        f"classes {key}", dark=dark, _figure=lambda: draw_classes_interactive(found.result.table, dark=dark)
    )
    said = say_classes(found.result.table)
    st.markdown(literal(said))
    components.show_figure(figure, key="classes", alt=said)
    offer_downloads("accuracy", found.result, found.result.plot)
    components.show_table("Numbers", found.result.table, CLASSES)
    components.show_remarks(found.result, name_inputs(column, clips))
    show_worst(column, clips, found.clips)
    _show_code(column, clips)


def show_confusion(column: NetworkColumn, clips: Clips) -> None:
    """The matrix, and the pairs that are confused most."""
    found = _show_head(column, clips)
    if found is None:
        return
    pairs = pair_classes(found.result.confusion)
    confused = pairs.list_confused(MOST_PAIRS)
    st.header("Most often confused", anchor=False)
    if not confused:
        st.markdown(NO_PAIRS)
    else:
        st.caption(PAIRS)
        st.dataframe(
            [
                {
                    "Class": pairs.labels[pair.true_id],
                    "Taken for": pairs.labels[pair.predicted_id],
                    "Clips": pair.clips,
                    "Of": int(pairs.totals[pair.true_id]),
                    "Share": pair.share,
                }
                for pair in confused
            ],
            hide_index=True,
            height=min(320, 38 + 35 * len(confused)),
            key="pairs",
            on_select=partial(
                _open_pair, [(pairs.labels[p.true_id], pairs.labels[p.predicted_id]) for p in confused]
            ),
            selection_mode="single-row",
            column_config={"Share": st.column_config.NumberColumn(format="percent")},
        )
    st.header("What is taken for what", anchor=False)
    dark, key = components.is_dark(), f"{column.source.key} {clips.key}"
    figure = cached.draw_page(
        f"confusion {key}",
        dark=dark,
        _figure=lambda: draw_confusion_interactive(found.result.confusion, dark=dark),
    )
    components.show_figure(figure, key="confusion", alt=found.result.say_figures()["confusion"])
    offer_downloads("confusion", found.result, found.result.plot)
    _show_code(column, clips)


def _open_pair(named: Sequence[tuple[str, str]]) -> None:
    """Show the clips of the pair whose row was ticked; for callbacks."""
    for place in st.session_state["pairs"]["selection"]["rows"][:1]:
        st.session_state["truth"], st.session_state["taken"] = named[place]
        st.session_state["only"], st.session_state["view"] = "wrong", "clips"


def show_order(column: NetworkColumn, clips: Clips) -> None:
    """What becomes of the answers when frames stand in another order, class by class."""
    result = await_order(column, clips)
    if result is not None:
        _show_order(result, column, clips)
    components.show_code(
        commands.write_analysis(order.ABOUT, [column.shown], list_orders(clips), clips=clips.to_write)
    )


def _show_order(result: FrameOrder, column: NetworkColumn, clips: Clips) -> None:
    dark, key = components.is_dark(), f"{column.source.key} {clips.key}"
    chance = result.summary.chance
    figure = cached.draw_page(
        f"order {key}",
        dark=dark,
        _figure=lambda: draw_order_interactive(result.table, chance=chance, dark=dark),
    )
    said = result.say_figures()
    st.markdown(literal(said[result.stem]))
    components.show_figure(figure, key="order", alt=said[result.stem])
    offer_downloads("order", result, result.plot)
    st.header("Which classes need order", anchor=False)
    if result.classes["temporality"].notna().any():
        st.markdown(literal(said["order_classes"]))
        st.caption(TEMPORALITY)
        by_class = cached.draw_page(
            f"order classes {key}",
            dark=dark,
            _figure=lambda: draw_temporality_interactive(result.classes, dark=dark),
        )
        components.show_figure(by_class, key="order-classes", alt=said["order_classes"])
    else:
        st.markdown(say_needs(result.classes))
    components.show_table("Numbers of every class", result.classes, ORDERS)
    st.header("Classes that are each other's reversal", anchor=False)
    if len(result.reversals):
        components.show_table("What clips in reverse are taken for", result.reversals, REVERSALS)
    else:
        st.markdown(NO_REVERSALS)
    components.show_remarks(result, name_inputs(column, clips))


def show_clips(column: NetworkColumn, clips: Clips) -> None:
    """Every clip, sorted and filtered, as pictures and as a table."""
    for key in CONTROLS:  # they are drawn once there is something to sort
        links.check_text(key)
    found = await_evaluation(column, clips)
    if found is not None:
        show_wall(column, clips, found.clips)
    _show_code(column, clips)


def _show_head(column: NetworkColumn, clips: Clips) -> Evaluated | None:
    found = await_evaluation(column, clips)
    if found is None:
        _show_code(column, clips)
        return None
    say_right(found.result)
    return found


def _show_code(column: NetworkColumn, clips: Clips) -> None:
    options = EvaluationOptions(limit=clips.limit)
    then = ["figure, classes, pairs = result.plot(), result.table, result.confusion"]
    components.show_code(
        commands.write_analysis(evaluation.ABOUT, [column.shown], options, clips=clips.to_write, then=then)
    )
