"""Is Figure 4 true? Channels taken away, scales beside their start, networks made smaller."""

from __future__ import annotations

import streamlit as st

from app import checks, components
from app.columns import gather_columns
from app.wording import CHECKS_INTRO, CHECKS_UNTRAINED
from gst_analysis.errors import GstError

CHECKS = {"ablation": "Take channels away", "drift": "Look at the start", "slimming": "Make it smaller"}
SHOW = {"ablation": checks.show_ablation, "drift": checks.show_drift, "slimming": checks.show_slimming}


def show() -> None:
    st.title("Is it true?", anchor=False)
    st.markdown(CHECKS_INTRO)
    columns = gather_columns()
    if not columns:
        return
    if columns[0].untrained is not None:
        st.info(CHECKS_UNTRAINED, icon=":material/add_circle:")
        return
    with st.container(horizontal=True, gap="large"):
        check = components.choose_one("Check", CHECKS, key="check")
        column = checks.choose_column(columns)
    try:
        SHOW[check](column)
    except GstError as error:
        components.show_error(error, names={str(c.path): c.shown for c in columns})


show()
