"""What the videos of a planted world look like, for who has not trained on one yet."""

from __future__ import annotations

import streamlit as st

from app import cached_datasets, components
from app.clips import list_planted
from app.wording import literal
from gst_analysis.analyses.traces.single_clips import PLANTED_WORLDS
from gst_analysis.errors import GstError

FRAMES = 4
STRIP_WIDTH = 320
"""Pixels: one strip beside another on a tablet, one on a telephone."""
ABOUT = (
    "A clip of every class, from its first frame to its last. In *Order in time* two classes hold the same "
    "frames in opposite order: no single frame tells them apart."
)


def show_worlds() -> None:
    """A strip of frames for every class of the world that is chosen."""
    st.header("What there is to learn", anchor=False)
    world = components.choose_one("Videos of", PLANTED_WORLDS, key="videos_of", first="temporal")
    st.markdown(ABOUT)
    try:
        with st.spinner("Rendering a few clips"):
            clips = list_planted(world)
            strips = [
                cached_datasets.draw_strip(str(clip.path), clip.path.stat().st_mtime_ns, frames=FRAMES)
                for clip in clips
            ]
    except GstError as error:
        components.show_error(error)
        return
    with st.container(horizontal=True, gap="medium", key="wall"):
        for clip, strip in zip(clips, strips, strict=True):
            with st.container(width=STRIP_WIDTH, gap="xxsmall"):
                st.image(strip, width=STRIP_WIDTH, alt=f"{FRAMES} frames of {clip.truth}, in their order")
                st.caption(literal(clip.truth or ""))
