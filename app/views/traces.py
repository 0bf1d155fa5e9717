"""Figure 5: what a network says over the course of a clip, and which frames that is evidence of."""

from __future__ import annotations

import streamlit as st

from app import cached, cached_clips, showing, tracing
from app.choosing import choose_checkpoints
from app.clips import choose_clip
from app.downloads import offer_downloads
from app.trace_commands import write_trace
from gst_analysis.errors import GstError


def show() -> None:
    st.title("Traces", anchor=False)
    st.markdown(tracing.INTRO)
    choices = choose_checkpoints()
    if not choices:
        st.info(tracing.EMPTY, icon=":material/info:")
        return
    choice = tracing.choose_checkpoint(choices)
    try:
        reading = cached.read_checkpoint(choice.path)
    except GstError as error:
        showing.show_error(error, names={str(choice.path): choice.shown})
        return
    clip = choose_clip(reading.world)
    if clip is None:
        return
    mode = showing.choose_one("A point is", tracing.MODES, key="mode", help=tracing.MODES_HELP)
    names = {str(choice.path): choice.shown, str(clip.path): clip.name}
    try:
        subject, files = tracing.describe(choice, clip)
        with st.spinner("Tracing the clip", show_time=True):
            traces = cached_clips.trace(subject, files, mode=mode)
        tracing.show_verdict(traces, clip)
        tracing.show_timeline(subject, traces, mode=mode)
        offer_downloads("frame_traces", traces, traces.plot)
        class_id, predicted = tracing.choose_class(traces)
        player, matrix = st.columns([2, 3])
        with player:
            tracing.show_player(subject, files, traces, mode=mode)
    except GstError as error:
        showing.show_error(error, names=names)
        return
    large = reading.inspection.params > tracing.LARGE
    with matrix:
        influence = tracing.show_influence(subject, files, class_id=class_id, large=large)
    if influence is not None:
        tracing.show_methods(subject, influence, class_id=class_id)
    tracing.show_saliency(subject, files, class_id=class_id, large=large)
    showing.show_code(write_trace(choice.shown, clip, mode=mode, class_id=class_id, predicted=predicted))


show()
