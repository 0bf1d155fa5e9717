"""Everything about one checkpoint in a single file, to keep or to send."""

from __future__ import annotations

import streamlit as st

from app import components, reporting
from app.clips_to_try import choose_clips
from app.columns import choose_column, gather_columns
from app.commands import write_report
from app.wording import REPORT_EMPTY, REPORT_INTRO
from gst_analysis.errors import GstError

CONTENTS = {"weights": "Its weights", "clips": "Its weights, and how it does on clips"}


def show() -> None:
    st.title("Report", anchor=False)
    st.markdown(REPORT_INTRO)
    columns = gather_columns(REPORT_EMPTY)
    if not columns or columns[0].untrained is not None:
        return
    with st.container(horizontal=True, gap="large"):
        contents = components.choose_one("About", CONTENTS, key="about")
        column = choose_column(columns)
    try:
        clips = choose_clips(column) if contents == "clips" else None
        if clips is None and contents == "clips":
            return
        reporting.show_report(column, clips)
    except GstError as error:
        components.show_error(error, names={str(c.path): c.shown for c in columns})
    else:
        components.show_code(write_report(column.shown, clips.to_write if clips else None))


show()
