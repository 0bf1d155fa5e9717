"""A clip of a list: its picture that leads into its trace, what is shown there, and how a link names it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import cached_datasets
from app import clips as chosen_clips
from app.clips import ChosenClip
from app.clips_to_try import Clips
from app.columns import NetworkColumn
from app.wording import literal
from gst_analysis.errors import GstError

if TYPE_CHECKING:
    from gst_analysis.clips.records import ClipRecord

PICTURE_WIDTH = 168
"""Pixels: two pictures stand beside each other on a telephone."""
_GO = "go_to_traces"


def show_listed_clip(
    column: NetworkColumn, clips: Clips, name: str, record: ClipRecord | None, *, told: str, key: str
) -> None:
    """A clip's middle frame, and below it a button that opens its trace, as far as the clip is at hand.

    Args:
        column: the network that its trace is of.
        clips: what the clip is one of.
        name: how the clip is called there.
        record: where it lies; None if it is gone.
        told: what the button says.
        key: the button's.
    """
    picture = None if record is None else cached_datasets.draw_thumbnail(record)
    if picture is not None:
        st.image(picture, width=PICTURE_WIDTH, alt=f"The middle frame of {name}")
    st.button(
        told,
        key=key,
        type="tertiary",
        disabled=record is None,
        on_click=open_in_traces,
        args=(column, clips, name, record),
        help=f"{literal(name)}: open it in Traces",
    )


def open_in_traces(column: NetworkColumn, clips: Clips, name: str, record: ClipRecord | None) -> None:
    """Choose a clip and its network for the page of traces, and go there when the page is drawn next."""
    if record is None:
        return
    try:
        chosen_clips.choose_listed(_name_clip(clips, name, record))
    except GstError as error:  # it has gone, or a link now leads elsewhere: the page of traces says so
        chosen_clips.complain(error, {str(record.path): name})
    st.session_state.trace_with = column.ref
    st.session_state[_GO] = True


def follow() -> None:
    """Go to the page of traces if a clip was just pressed."""
    if st.session_state.pop(_GO, False):
        # Named, because Streamlit will not clear an address that controls of this page are written into.
        query = {"ckpt": st.session_state.chosen, "clip": st.session_state.get("clip") or ""}
        st.switch_page("views/traces.py", query_params=query)


def _name_clip(clips: Clips, name: str, record: ClipRecord) -> ChosenClip:
    path = Path(record.path)
    if clips.sent is not None:
        return chosen_clips.name_sent(clips.sent, name, record)
    if clips.world is not None:
        return chosen_clips.name_trial(clips.world, path, record.label_text)
    own = chosen_clips.resolve_clip(str(path))
    return ChosenClip(own.ref, own.name, own.path, own.shown, record.label_text)
