"""The parts of the page of traces, and what they say."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import cached, cached_clips, components, links
from app.cached_clips import PairFiles, TracedPair
from app.clips import ChosenClip
from app.job_progress import await_result
from app.named_files import Choice
from app.player_link import PLAYER, TIMELINE, link_player
from app.wording import literal, say_time, tell_apart
from gst_analysis.analyses.traces.state_changes import ChangeSettings
from gst_analysis.analyses.traces.table import BARE
from gst_analysis.errors import GstError

if TYPE_CHECKING:
    from gst_analysis.analyses.traces import TraceOptions, Traces

LONGEST_FILM = 1_500
"""Frames up to which a clip is shown with its running prediction; longer ones as they are."""
LARGE = 5_000_000
"""Parameters from which evidence waits until it is asked for."""
MOST_WINDOWS = 48
"""Windows up to which a trace takes a moment; more, or a large network's, are traced beside the page."""
MANY_WINDOWS = 1_000
"""Windows from which a trace waits until it is asked for."""

INTRO = (
    "Figure 5 of the GST paper: what the network says of each frame of a clip, before the frames are "
    "averaged, and where its mind changes."
)
READING = (
    "A frame's prediction draws on its **neighbours** too: the matrix below says how much of it is that "
    "frame's own evidence. The thin line, **standing still**, shows each frame without any time: a change "
    "that is there, too, was recognised in a picture, not followed."
)
STILL_ABOUT = (
    "The thin line that smaller networks have at once: runs the network over {points} clips, each of one "
    "frame that stands still."
)
MOST_RANKS = 3
POINTS = {
    "frame": "Point",
    "seconds": "Seconds",
    "rank": "Place",
    "label": "Class",
    "probability": "Probability",
}
REMEMBERED_S = 0.2
"""Seconds within which nothing of a large network was measured: it was known."""
EMPTY = (
    "**No checkpoint to trace with.** An untrained network says nothing worth tracing. Add a trained one on "
    "the left, or train a small one on the page **Train**: a minute is enough."
)
STRANGER = (
    "The network does not know this world: **{truth}** is none of the classes that it names. What it says is "
    "the nearest it knows."
)
MODES = {
    "frame": "Each frame",
    "prefix": "Up to here",
    "leave-one-out": "Without it",
    "still": "Standing still",
    "window": "Sliding window",
}
MODES_HELP = (
    "What a point is: each frame's own logits before averaging; the prediction from the frames up to here "
    "alone; the clip's prediction without this frame; the prediction from this frame alone, standing still, "
    "in which there is no time at all; or, over the whole of a longer video, the prediction from a window "
    "around here."
)
WINDOW_HELP = "Frames of the video, of which the network samples {frames}. Empty: the grey number."
STEP_HELP = "Frames of the video from one window to the next. Empty: an eighth of the window."
ONE_WINDOW = (
    "**One window, one point.** This clip is no longer than a window, so there is nothing to slide over. "
    "Choose a longer video, a shorter window, or another kind of point."
)
SPARSE_S = 2.0
"""Seconds between two points from which a trace leaves out much of what happens."""
SPARSE = (
    "**{points} points, {gap:.0f} s apart.** What happens between them is not seen; *Sliding window* reads "
    "the whole video."
)
SURE = 0.5
"""Probability below which a prediction is called unclear; more than all other classes together have."""
UNNAMED = (
    "The names of this network's classes are not known. Give a list of them under *What weights "
    "do not tell*; frames and preprocessing, too, where they were assumed."
)
SLIDE = "Slide over the video"
SLIDE_ABOUT = "Reads **{windows:,} windows** of the video, one after the other. Other pages stay usable."


def choose_checkpoint(choices: list[Choice]) -> Choice:
    """The one to trace with, where several are chosen."""
    if len(choices) == 1:
        return choices[0]
    known = {choice.ref: choice for choice in choices}
    titles = tell_apart({choice.ref: choice.name for choice in choices})
    links.check_choice("trace_with", titles)
    ref = st.selectbox(
        "Trace with",
        list(known),
        key="trace_with",
        bind="query-params",
        format_func=titles.__getitem__,
        help="One of the checkpoints that you chose.",
    )
    return known[ref]


def describe(choice: Choice, clip: ChosenClip) -> tuple[TracedPair, PairFiles]:
    """What everything on the page follows from, and where its files are."""
    hashes = cached.hash_file(choice.path), cached_clips.hash_clip(clip.path)
    pair = TracedPair(hashes[0], choice.shown, hashes[1], clip.name, clip.truth)
    return pair, PairFiles(choice.path, clip.path)


def choose_options(pair: TracedPair, files: PairFiles, *, frames: int) -> TraceOptions:
    """What a point is; for windows, how long they are and how far apart."""
    mode = components.choose_one("A point is", MODES, key="mode", first=BARE.mode, help=MODES_HELP)
    if mode != "window":
        return replace(BARE, mode=mode)
    with st.container(horizontal=True, gap="medium"):
        usual = cached_clips.find_windows(pair, files, replace(BARE, mode=mode))
        window = _choose_frames("Window", usual.length, help=WINDOW_HELP.format(frames=frames))
        usual = cached_clips.find_windows(pair, files, replace(BARE, mode=mode, window=window))
        step = _choose_frames("Step", usual.step or 1, help=STEP_HELP)
    return replace(BARE, mode=mode, window=window, step=step)


def _choose_frames(label: str, usual: int, *, help: str) -> int | None:
    links.check_number(label.lower(), 1, None, usual=str(usual))
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


def trace(pair: TracedPair, files: PairFiles, options: TraceOptions, *, large: bool) -> Traces | None:
    """What the network says over the clip; None while a long video is still being read."""
    windows = cached_clips.find_windows(pair, files, options).count if options.mode == "window" else 0
    if windows > MOST_WINDOWS or (windows > 1 and large):
        found: Traces | None = await_result(
            f"windows {pair} {options}",
            lambda progress: cached_clips.trace(pair, files, options, progress=progress),
            start=SLIDE,
            about=SLIDE_ABOUT.format(windows=windows),
            names=cached_clips.name_files(pair, files),
            at_once=windows < MANY_WINDOWS,
            lane="seconds" if windows < MANY_WINDOWS else "minutes",
        )
        return found
    begun = time.monotonic()
    with st.spinner("Tracing the clip", show_time=True):
        found = cached_clips.trace(pair, files, options)
    took = time.monotonic() - begun
    if took > REMEMBERED_S:  # else it was known before, and tells nothing
        _traced_s()[pair] = took
    return found


def show_verdict(traces: Traces, clip: ChosenClip, reading: cached.Reading) -> None:
    """The prediction for the clip in words."""
    (said,) = traces.traced
    if clip.truth is not None and said["truth"] is None and reading.labels:
        st.info(STRANGER.format(truth=literal(clip.truth)), icon=":material/info:")
    told = [say_prediction(said["video"], reading.inspection.num_classes)]
    if said["truth"] is not None:
        right = traces.summary.right_clips == 1
        told += [":green[**Right.**]" if right else f":red[**Wrong:**] it is **{literal(said['truth'])}**."]
    if traces.summary.mode != "leave-one-out" and traces.summary.frames > 1:
        told += [say_changes(said["change_points"], ChangeSettings())]
    if clip.changes_s is not None and said["truth"] is not None:
        told += [f"In truth it is complete at {clip.changes_s:.2f} s."]
    st.markdown(" ".join(told))
    gap = find_gap([frame["seconds"] for frame in said["frames"]])
    if traces.summary.mode != "window" and gap >= SPARSE_S:
        st.caption(":material/hourglass: " + SPARSE.format(points=len(said["frames"]), gap=gap))
    if traces.summary.frames == 1:
        st.info(ONE_WINDOW, icon=":material/info:")


def say_prediction(video: Mapping[str, Any], classes: int) -> str:
    """The clip's prediction; one that no class dominates is called unclear."""
    label, probability = literal(video["label"]), video["probability"]
    if probability >= SURE:
        return f"Prediction for the clip: **{label}** ({probability:.0%})."
    guess = f"guessing gives each of {classes:,} classes {1 / classes:.1%}"
    return f"**No clear prediction** for the clip: **{label}** comes first with {probability:.0%}; {guess}."


def say_changes(changes: Sequence[Mapping[str, Any]], settings: ChangeSettings) -> str:
    """Where the network's mind changes; where nowhere, how certain it would have to be."""
    if not changes:
        return f"No change of state: that takes {settings.needed}."
    words = [f"at {change['seconds']:.2f} s ({change['confidence']:.0%} sure)" for change in changes[:3]]
    more = f" and {len(changes) - 3} times more" if len(changes) > 3 else ""
    return f"Its mind changes {', '.join(words)}{more}."


def find_gap(seconds: Sequence[float]) -> float:
    """Seconds from one point to the next, of the middle pair; 0 where the clip says nothing of time."""
    gaps = sorted(after - before for before, after in pairwise(seconds) if after > before)
    return gaps[len(gaps) // 2] if gaps else 0.0


def show_notes(traces: Traces, reading: cached.Reading) -> None:
    """How to read it, and what a reader should know before believing it."""
    (said,) = traces.traced
    shown = traces.table[traces.table["rank"] <= MOST_RANKS].sort_values(["frame", "rank"], kind="stable")
    components.show_table("Numbers: the likeliest classes of every frame", shown, POINTS)
    with st.expander("How to read this", icon=":material/info:"):
        st.markdown(READING)
        for note in dict.fromkeys((*traces.notes, *said["notes"])):
            st.markdown(f"- {literal(note)}")
    if not reading.labels:
        st.caption(UNNAMED)


def show_timeline(
    pair: TracedPair, files: PairFiles, traces: Traces, options: TraceOptions, *, large: bool, name: str = ""
) -> None:
    """Curves above the frames; a thin line says what is told of each frame standing still.

    Args:
        pair: a network and the clip.
        files: where they lie.
        traces: what the network says.
        options: what a point is.
        large: whether a second trace would take long.
        name: what tells a second timeline on the page from the first.
    """
    still = _stand_still(pair, files, options) if not large or _ask_still(pair, traces, options) else None
    figure = cached_clips.draw_timeline(
        pair, traces, options, dark=components.is_dark(), still=still is not None, _still=still
    )
    told = " ".join(traces.say_figures().values())
    figure.update_layout(title=None, height=470, margin_t=24, legend_y=-0.4)  # the page has said who and what
    with st.container(key=f"{TIMELINE}{name}"):
        components.show_figure(figure, key=f"trace{name}", alt=f"{pair.checkpoint_name}. {told}")


def _ask_still(pair: TracedPair, traces: Traces, options: TraceOptions) -> bool:
    """Whether a large network's control was asked for; a button asks, with how long it will take."""
    if options.mode not in ("frame", "prefix"):
        return False
    asked: set[TracedPair] = st.session_state.setdefault("still_asked", set())
    if pair in asked:
        return True
    points = len(traces.story().moments)
    took = _traced_s().get(pair)
    # One answer a frame costs one pass, one for the frames up to here as many as there are.
    told = None if took is None else say_time(max(1, took * (points if options.mode == "frame" else 1)))
    st.button(
        "Add each frame standing still" + (f" (at most {told})" if told else ""),
        key=f"still-{pair.checkpoint}-{pair.clip}",
        icon=":material/timer:",
        help=STILL_ABOUT.format(points=points),
        on_click=asked.add,
        args=(pair,),
    )
    return False


def _traced_s() -> dict[TracedPair, float]:
    """Seconds that traces took in this visit; nothing of those that were known before."""
    found: dict[TracedPair, float] = st.session_state.setdefault("traced_s", {})
    return found


def _stand_still(pair: TracedPair, files: PairFiles, options: TraceOptions) -> Traces | None:
    """The control beside a trace of a clip's own frames; None where there is none."""
    if options.mode not in ("frame", "prefix"):
        return None
    try:
        return cached_clips.trace(pair, files, replace(options, mode="still"))
    except GstError:  # a network that cannot be shown one frame many times has no such control
        return None


def show_second(choice: Choice, clip: ChosenClip, options: TraceOptions) -> None:
    """What another network says over the same clip, with points of the same kind."""
    try:
        reading = cached.read_checkpoint(choice.path)
        large = reading.inspection.params > LARGE
        pair, files = describe(choice, clip)
        traces = trace(pair, files, options, large=large)
        st.header(literal(choice.name), anchor=False)
        if traces is None:
            return
        show_verdict(traces, clip, reading)
        show_timeline(pair, files, traces, options, large=large, name="-2")
    except GstError as error:
        components.show_error(error, names={str(choice.path): choice.shown, str(clip.path): clip.name})


def show_player(pair: TracedPair, files: PairFiles, traces: Traces, options: TraceOptions) -> None:
    """The clip with its running prediction, linked with the timeline."""
    long = traces.last_frame > LONGEST_FILM
    with st.container(key=PLAYER):
        if not long:
            st.video(cached_clips.film_trace(pair, traces, options), loop=True, muted=True, autoplay=True)
        elif files.clip.is_file():
            st.video(files.clip, muted=True)
    st.caption(
        "Point at the curves, or at a row of the matrix below: the player follows; a click keeps it there. "
        "Space plays and stops, ← and → step from point to point."
    )
    what = "The clip" if long else "The clip with its running prediction"
    link_player(f"{what}: {pair.clip_name}", linked=options.mode != "window")
