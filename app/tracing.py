"""The parts of the page of traces, and what they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import cached, cached_clips, components
from app.cached_clips import Files, Subject, TraceMode
from app.choosing import Choice
from app.clips import Clip
from app.downloads import offer_downloads
from app.job_progress import await_result
from app.player_link import PLAYER, TIMELINE, link_player
from app.wording import literal, tell_apart
from gst_analysis.errors import GstError

if TYPE_CHECKING:
    from gst_analysis.analyses.influence import FrameInfluence
    from gst_analysis.analyses.saliency import SaliencyMaps
    from gst_analysis.analyses.traces import Traces
    from gst_analysis.progress import Progress

LONGEST_FILM = 1_500
"""Frames up to which a clip is shown with its running prediction; longer ones as they are."""
LARGE = 5_000_000
"""Parameters from which influence and saliency wait until they are asked for."""
MOST_WINDOWS = 48
"""Windows up to which a trace takes a moment; more, or a large network's, are traced beside the page."""
MANY_WINDOWS = 1_000
"""Windows from which a trace waits until it is asked for."""

INTRO = (
    "Figure 5 of the GST paper: what the network says of each frame of a clip, before the frames are "
    "averaged, and where its mind changes. A frame's prediction draws on its **neighbours** too: the matrix "
    "below says how much of it is that frame's own evidence."
)
EMPTY = (
    "**No checkpoint to trace with.** An untrained network says nothing worth tracing. Add a trained one on "
    "the left, or train a small one on the page **Train**: a minute is enough."
)
STRANGER = (
    "The network does not know this world: **{truth}** is none of the classes that it names. What it says is "
    "the nearest it knows."
)
NOT_ONE_WINDOW = (
    "What follows is about the frames that the network samples from the whole clip, not about one window."
)
MODES = {
    "frame": "Each frame",
    "prefix": "Up to here",
    "leave-one-out": "Without it",
    "window": "Sliding window",
}
MODES_HELP = (
    "What a point is: each frame's own logits before averaging; the prediction from the frames up to here "
    "alone; the clip's prediction without this frame; or, over the whole of a longer video, the prediction "
    "from a window around here."
)
WINDOW_HELP = "Frames of the video, of which the network samples {frames}. Empty: the grey number."
STEP_HELP = "Frames of the video from one window to the next. Empty: an eighth of the window."
ONE_WINDOW = (
    "**One window, one point.** This clip is no longer than a window, so there is nothing to slide over. "
    "Choose a longer video, a shorter window, or another kind of point."
)
OWN_SHARE = (
    "**{own:.0%} of what moves a frame's logit is that frame**, on average and by the gradient; the rest is "
    "other frames. By arithmetic a logit can reach {reach} frames back and forth."
)
SALIENCY_INTRO = (
    "Where in each frame the network finds evidence for a class (Grad-CAM), in the whole block and apart for "
    "its :blue[**spatial**] and :orange[**temporal**] channels."
)
STARTS = {
    "window": "Slide over the video",
    "influence": "Measure which frames count",
    "saliency": "Look for evidence",
}
ABOUT = {
    "influence": (
        "**Which frames a frame's logit is made of** takes a gradient for every frame and two runs for every "
        "frame left out: with a network of this size half a minute or more."
    ),
    "window": "Reads **{windows:,} windows** of the video, one after the other. Other pages stay usable.",
    "saliency": "One gradient for every group of channels: with a network of this size some seconds.",
}


def choose_checkpoint(choices: list[Choice]) -> Choice:
    """The one to trace with, where several are chosen."""
    if len(choices) == 1:
        return choices[0]
    known = {choice.ref: choice for choice in choices}
    titles = tell_apart({choice.ref: choice.name for choice in choices})
    ref = st.selectbox(
        "Trace with",
        list(known),
        key="trace_with",
        bind="query-params",
        format_func=titles.__getitem__,
        help="One of the checkpoints chosen on the left.",
    )
    return known[ref]


def describe(choice: Choice, clip: Clip) -> tuple[Subject, Files]:
    """What everything on the page follows from, and where its files are."""
    hashes = cached.hash_file(choice.path), cached_clips.hash_clip(clip.path)
    subject = Subject(hashes[0], choice.shown, hashes[1], clip.name, clip.truth)
    return subject, Files(choice.path, clip.path)


def choose_way(subject: Subject, files: Files, *, frames: int) -> TraceMode:
    """What a point is; for windows, how long they are and how far apart."""
    mode = components.choose_one("A point is", MODES, key="mode", help=MODES_HELP)
    if mode != "window":
        return TraceMode(mode)
    with st.container(horizontal=True, gap="medium"):
        usual = cached_clips.find_windows(subject, files, TraceMode(mode))
        window = _choose_frames("Window", usual.length, help=WINDOW_HELP.format(frames=frames))
        usual = cached_clips.find_windows(subject, files, TraceMode(mode, window))
        step = _choose_frames("Step", usual.step or 1, help=STEP_HELP)
    return TraceMode(mode, window, step)


def _choose_frames(label: str, usual: int, *, help: str) -> int | None:
    return st.number_input(
        label,
        1,
        None,
        None,
        1,
        key=label.lower(),
        bind="query-params",
        placeholder=f"{usual}",
        help=help,
        width=160,
    )


def trace(subject: Subject, files: Files, way: TraceMode, *, large: bool) -> Traces | None:
    """What the network says over the clip; None while a long video is still being read."""
    windows = cached_clips.find_windows(subject, files, way).count if way.mode == "window" else 0
    if windows > MOST_WINDOWS or (windows > 1 and large):
        found: Traces | None = await_result(
            f"windows {subject} {way}",
            lambda tell: cached_clips.trace(subject, files, way, progress=tell),
            start=STARTS["window"],
            about=ABOUT["window"].format(windows=windows),
            names=name_files(subject, files),
            at_once=windows < MANY_WINDOWS,
        )
        return found
    with st.spinner("Tracing the clip", show_time=True):
        return cached_clips.trace(subject, files, way)


def show_verdict(traces: Traces, clip: Clip) -> None:
    """The prediction for the clip in words."""
    (said,) = traces.traced
    if clip.truth is not None and said["truth"] is None:
        st.info(STRANGER.format(truth=literal(clip.truth)), icon=":material/info:")
    told = (
        f"Prediction for the clip: **{literal(said['video']['label'])}** ({said['video']['probability']:.0%})"
    )
    if said["truth"] is not None:
        right = said["truth"] == said["video"]["label"]
        told += ". :green[**Right.**]" if right else f". :red[**Wrong:**] it is **{literal(said['truth'])}**."
    if clip.changes_s is not None:
        told += f" The change of state is complete at {clip.changes_s:.2f} s."
    st.markdown(told)
    for note in dict.fromkeys((*traces.notes, *said["notes"])):
        st.caption(literal(note))
    if traces.table["frame"].nunique() == 1:
        st.info(ONE_WINDOW, icon=":material/info:")


def choose_class(subject: Subject, traces: Traces) -> tuple[int, bool]:
    """Whose evidence to look for, the predicted class at first; and whether it is that one."""
    _forget_class(subject)
    (said,) = traces.traced
    predicted = int(said["video"]["class_id"])
    kept = traces.table.drop_duplicates("class_id")
    labels = dict(zip(kept["class_id"].tolist(), kept["label"].tolist(), strict=True))
    titles = tell_apart(labels, lambda number: f"{labels[number]} (class {number})")
    offered = [predicted, *(number for number in titles if number != predicted)]
    linked = st.query_params.get("class", "")
    first = offered.index(int(linked)) if linked.isdecimal() and int(linked) in offered else 0
    chosen = st.selectbox(
        "Evidence for",
        offered,
        index=first,
        key=f"class-{predicted}-{_name_pair(subject)}",
        format_func=titles.__getitem__,
        help="The class that the matrix and the maps below are about: the predicted one first.",
    )
    if chosen != predicted:
        st.query_params["class"] = str(chosen)
    else:
        st.query_params.pop("class", None)
    return int(chosen), chosen == predicted


def _forget_class(subject: Subject) -> None:
    """Another clip or another network: what was chosen before was not for it."""
    pair = _name_pair(subject)
    if st.session_state.get("class_of", pair) != pair:
        st.query_params.pop("class", None)
    st.session_state.class_of = pair


def _name_pair(subject: Subject) -> str:
    """A network and a clip by their content."""
    return f"{subject.checkpoint}-{subject.clip}"


def show_timeline(subject: Subject, traces: Traces, way: TraceMode) -> None:
    """Curves above the frames."""
    figure = cached_clips.draw_timeline(subject, traces, way, dark=components.is_dark())
    figure.update_layout(title=None, height=510, margin_t=30)  # the page has said who and what
    with st.container(key=TIMELINE):
        components.show_figure(
            figure, key="trace", alt=f"Probabilities over the frames of {subject.clip_name}"
        )


def show_player(subject: Subject, files: Files, traces: Traces, way: TraceMode) -> None:
    """The clip with its running prediction, linked with the timeline."""
    long = traces.table["source_frame"].max() > LONGEST_FILM
    with st.container(key=PLAYER):
        if not long:
            st.video(cached_clips.film_trace(subject, traces, way), loop=True, muted=True, autoplay=True)
        elif files.clip.is_file():
            st.video(files.clip, muted=True)
    st.caption("Click a point of the curves to go there; the line shows where the player is.")
    link_player()


def show_evidence(
    subject: Subject, files: Files, traces: Traces, *, mode: str, large: bool
) -> tuple[int, bool]:
    """Which frames, and where in them; returns for which class, and whether it is the predicted one."""
    st.subheader("Which frames it is made of", anchor=False)
    if mode == "window":
        st.caption(NOT_ONE_WINDOW)
    class_id, predicted = choose_class(subject, traces)
    influence = show_influence(subject, files, class_id=class_id, large=large)
    if influence is not None:
        show_methods(subject, influence, class_id=class_id)
    show_saliency(subject, files, class_id=class_id, large=large)
    return class_id, predicted


def show_influence(subject: Subject, files: Files, *, class_id: int, large: bool) -> FrameInfluence | None:
    """The gradient's matrix, and in words how much of what moves a logit is its own frame."""
    found: FrameInfluence | None = _look(
        "influence",
        lambda tell: cached_clips.measure_influence(subject, files, class_id=class_id, _progress=tell),
        subject,
        files,
        class_id=class_id,
        large=large,
    )
    if found is None:
        return None
    figure = cached_clips.draw_matrix(subject, found, class_id=class_id, dark=components.is_dark())
    matrix, words = st.columns([3, 2], gap="medium", vertical_alignment="center")
    with matrix:
        components.show_figure(figure, key="evidence", alt="Shares of input frames in every frame's logit")
    own = found.summary.own_share["gradient"]
    words.markdown(OWN_SHARE.format(own=own, reach=found.summary.half_width))
    return found


def show_methods(subject: Subject, found: FrameInfluence, *, class_id: int) -> None:
    """All three ways to measure influence, and how far every block sees."""
    title = "All three ways to measure it, and every block"
    box = st.expander(title, icon=":material/grid_on:", key="methods", on_change="rerun")
    if box.open:  # drawn once it is looked at
        with box:
            _draw(f"influence {subject} {class_id}", found, alt="Influence by three methods, and by block")
            offer_downloads("influence", found, found.plot)


def show_saliency(subject: Subject, files: Files, *, class_id: int, large: bool) -> None:
    """Overlays of every frame, a row for every group."""
    st.subheader("Where it looks", anchor=False)
    st.markdown(SALIENCY_INTRO)
    found = _look(
        "saliency",
        lambda _: cached_clips.map_saliency(subject, files, class_id=class_id),
        subject,
        files,
        class_id=class_id,
        large=large,
    )
    if found is not None:
        alt = f"Evidence for {found.summary.label} in every frame, by group"
        _draw(f"saliency {subject} {class_id}", found, alt=alt)
        offer_downloads("saliency", found, found.plot)


def _look(
    what: str,
    measure: Callable[[Progress | None], Any],
    subject: Subject,
    files: Files,
    *,
    class_id: int,
    large: bool,
) -> Any:
    """At once where it takes a moment; with a large network once the visitor asks, beside the page."""
    names = name_files(subject, files)
    if large:
        return await_result(
            f"{what} {subject} {class_id}", measure, start=STARTS[what], about=ABOUT[what], names=names
        )
    try:
        with st.spinner(STARTS[what], show_time=True):
            return measure(None)
    except GstError as error:
        components.show_error(error, names=names)
        return None


def _draw(key: str, found: FrameInfluence | SaliencyMaps, *, alt: str) -> None:
    dark = components.is_dark()
    components.show_drawing(cached.draw(key, dark=dark, _figure=lambda: found.plot(dark=dark)), alt=alt)


def name_files(subject: Subject, files: Files) -> dict[str, str]:
    """What the visitor knows the files as, by their paths."""
    return {str(files.checkpoint): subject.checkpoint_name, str(files.clip): subject.clip_name}
