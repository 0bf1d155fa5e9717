"""From a clip of a list into its trace: what the page of traces then shows, and how a link names it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import clips as chosen_clips
from app.clips import ChosenClip
from app.clips_to_try import Clips
from app.columns import NetworkColumn
from gst_analysis.errors import GstError

if TYPE_CHECKING:
    from gst_analysis.clips.records import ClipRecord

_GO = "go_to_traces"


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
