"""The lower parts of the page of traces: which frames a prediction is made of, and where in them it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from app import cached, cached_clips, components, links
from app.cached_clips import PairFiles, TracedPair
from app.downloads import offer_downloads
from app.job_progress import await_result
from app.wording import literal, tell_apart
from gst_analysis.analyses.influence.spoken import say_blocks, say_influence
from gst_analysis.errors import GstError
from gst_analysis.progress import Progress, no_progress
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses.influence import FrameInfluence
    from gst_analysis.analyses.influence import interactive as pages
    from gst_analysis.analyses.traces import Traces
else:
    pages = Door("gst_analysis.analyses.influence.interactive")

NOT_ONE_WINDOW = (
    "What follows is about the frames that the network samples from the whole clip, not about one window."
)
OWN_SHARE = (
    "**{own:.0%} of what moves a frame's logit is that frame**, on average and by the gradient; the rest is "
    "other frames. By arithmetic a logit can reach {reach} frames back and forth."
)
SALIENCY_INTRO = (
    "Where in each frame the network finds evidence for a class (Grad-CAM), in the whole block and apart for "
    "its :blue[**spatial**] and :orange[**temporal**] channels."
)
STARTS = {"influence": "Measure which frames count", "saliency": "Look for evidence"}
ABOUT = {
    "influence": (
        "**Which frames a frame's logit is made of** takes a gradient for every frame and two runs for every "
        "frame left out: with a network of this size half a minute or more."
    ),
    "saliency": "One gradient for every group of channels: with a network of this size some seconds.",
}


def choose_class(pair: TracedPair, traces: Traces) -> tuple[int, bool]:
    """Whose evidence to look for, the predicted class at first; and whether it is that one."""
    _forget_class(pair)
    (said,) = traces.traced
    predicted = int(said["video"]["class_id"])
    labels = traces.kept_classes
    titles = tell_apart(labels, lambda number: f"{labels[number]} (class {number})")
    offered = [predicted, *(number for number in titles if number != predicted)]
    linked = st.query_params.get("class", "")
    known = linked.isdecimal() and len(linked) < 10 and int(linked) in offered
    first = offered.index(int(linked)) if known else 0
    if linked and not known and links.is_linked("class", linked):
        numbers = f"the number of a class that the trace keeps, of {len(offered)}"
        links.complain("class", links.Fault(numbers, linked, shown=titles[predicted], watched="class_of"))
    chosen = st.selectbox(
        "Evidence for",
        offered,
        index=first,
        key=f"class-{predicted}-{_name_content(pair)}",
        format_func=titles.__getitem__,
        help="The class that the matrix and the maps below are about: the predicted one first.",
    )
    if chosen != predicted:
        st.query_params["class"] = str(chosen)
    else:
        st.query_params.pop("class", None)
    return int(chosen), chosen == predicted


def _forget_class(pair: TracedPair) -> None:
    """Another clip or another network: what was chosen before was not for it."""
    content = _name_content(pair)
    if st.session_state.get("class_of", content) != content:
        st.query_params.pop("class", None)
    st.session_state.class_of = content


def _name_content(pair: TracedPair) -> str:
    """A network and a clip by their content."""
    return f"{pair.checkpoint}-{pair.clip}"


def show_evidence(
    pair: TracedPair, files: PairFiles, traces: Traces, *, mode: str, large: bool
) -> tuple[int, bool]:
    """Which frames, and where in them; returns for which class, and whether it is the predicted one."""
    st.header("Which frames it is made of", anchor=False)
    if mode == "window":
        st.caption(NOT_ONE_WINDOW)
    class_id, predicted = choose_class(pair, traces)
    influence = show_influence(pair, files, class_id=class_id, large=large)
    if influence is not None:
        show_methods(pair, influence, class_id=class_id)
    show_saliency(pair, files, class_id=class_id, large=large)
    return class_id, predicted


def show_influence(
    pair: TracedPair, files: PairFiles, *, class_id: int, large: bool
) -> FrameInfluence | None:
    """The gradient's matrix, and in words how much of what moves a logit is its own frame."""
    found: FrameInfluence | None = _look("influence", pair, files, class_id=class_id, large=large)
    if found is None:
        return None
    dark, key = components.is_dark(), f"matrix {pair} {class_id}"
    figure = cached.draw_page(
        key, dark=dark, _figure=lambda: pages.draw_evidence_interactive(found.table, dark=dark)
    )
    own = found.summary.own_share.get("gradient")
    matrix, words = st.columns([3, 2], gap="medium", vertical_alignment="center")
    with matrix:
        alt = say_influence(found.table[found.table["method"] == "gradient"])
        components.show_figure(figure, key="evidence", alt=alt)
    if own is not None:
        words.markdown(OWN_SHARE.format(own=own, reach=found.summary.half_width))
    for note in found.notes:
        words.caption(literal(note))
    return found


def show_methods(pair: TracedPair, found: FrameInfluence, *, class_id: int) -> None:
    """All three ways to measure influence, and how far every block sees."""
    title = "All three ways to measure it, and every block"
    box = st.expander(title, icon=":material/grid_on:", key="methods", on_change="rerun")
    if box.open:  # drawn once it is looked at
        with box:
            _show_panels(f"influence {pair} {class_id}", found)
            offer_downloads("influence", found, found.plot)


def _show_panels(key: str, found: FrameInfluence) -> None:
    """Every method's matrix, beside each other where the page is wide enough, and the blocks below."""
    dark = components.is_dark()
    figures = cached.draw_pages(
        key, dark=dark, _figures=lambda: pages.draw_apart(found.table, found.receptive_fields, dark=dark)
    )
    blocks = figures.get("blocks")
    methods = [name for name in figures if name != "blocks"]
    for method, column in zip(methods, st.columns(len(methods)), strict=True):
        alt = say_influence(found.table[found.table["method"] == method])
        with column:
            components.show_figure(figures[method], key=f"influence_{method}", alt=alt)
    if blocks is not None:
        components.show_figure(blocks, key="influence_blocks", alt=say_blocks(found.receptive_fields))


def show_saliency(pair: TracedPair, files: PairFiles, *, class_id: int, large: bool) -> None:
    """Overlays of every frame, a row for every group."""
    st.header("Where it looks", anchor=False)
    st.markdown(SALIENCY_INTRO)
    found = _look("saliency", pair, files, class_id=class_id, large=large)
    if found is not None:
        dark, alt = components.is_dark(), found.say_figures()[found.stem]
        page = cached_clips.draw_saliency(pair, found, class_id, alt=alt, dark=dark)
        st.html(page)
        offer_downloads("saliency", found, found.plot)


def _look(room: str, pair: TracedPair, files: PairFiles, *, class_id: int, large: bool) -> Any:
    """At once where it takes a moment; with a large network once the visitor asks, beside the page."""

    def measure(progress: Progress) -> Any:
        return cached_clips.measure_evidence(room, pair, files, class_id=class_id, _progress=progress)

    names = cached_clips.name_files(pair, files)
    if large:
        return await_result(
            f"{room} {pair} {class_id}",
            measure,
            start=STARTS[room],
            about=ABOUT[room],
            names=names,
            lane="seconds",
        )
    try:
        with st.spinner(STARTS[room], show_time=True):
            return measure(no_progress)
    except GstError as error:
        components.show_error(error, names=names)
        return None
