"""Figure 5: what a network says over the course of a clip, and which frames that is evidence of."""

from __future__ import annotations

import streamlit as st

from app import cached, components, evidence, tracing
from app.choosing import choose_checkpoints
from app.clips import choose_clip
from app.columns import choose_second
from app.commands import NamedClip, write_trace
from app.downloads import offer_downloads
from gst_analysis.errors import GstError


def show() -> None:
    st.title("Traces", anchor=False)
    st.markdown(tracing.INTRO)
    choices = choose_checkpoints()
    if not choices:
        st.info(tracing.EMPTY, icon=":material/info:")
        return
    with st.container(horizontal=True, gap="medium"):
        choice = tracing.choose_checkpoint(choices)
        second = choose_second(choices, choice, "on the same clip")
    try:
        reading = cached.read_checkpoint(choice.path)
    except GstError as error:
        components.show_error(error, names={str(choice.path): choice.shown})
        return
    clip = choose_clip(reading.world)
    if clip is None:
        return
    names = {str(choice.path): choice.shown, str(clip.path): clip.name}
    large = reading.inspection.params > tracing.LARGE
    try:
        pair, files = tracing.describe(choice, clip)
        options = tracing.choose_options(pair, files, frames=reading.inspection.num_frames)
        traces = tracing.trace(pair, files, options, large=large)
        if traces is None:
            return
        tracing.show_verdict(traces, clip, reading)
        curves, player = st.columns([2, 1], gap="medium")
        with curves:
            tracing.show_timeline(pair, files, traces, options, large=large)
        with player:
            tracing.show_player(pair, files, traces, options)
        if second is not None:
            tracing.show_second(second, clip, options)
        offer_downloads("frame_traces", traces, traces.plot)
        tracing.show_notes(traces, reading)
    except GstError as error:
        components.show_error(error, names=names)
        return
    class_id, predicted = evidence.show_evidence(pair, files, traces, mode=options.mode, large=large)
    named = NamedClip(clip.shown, clip.name, clip.truth, clip.trial)
    components.show_code(write_trace(choice.shown, named, options, None if predicted else class_id))


show()
