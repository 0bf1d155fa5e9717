"""Is Figure 4 true? What weights say at once; channels taken away, scales' start, networks made smaller."""

from __future__ import annotations

import streamlit as st

from app import checks, components, slimming_check
from app.columns import gather_columns
from app.findings import show_findings
from app.wording import CHECKS_INTRO, CHECKS_UNTRAINED
from gst_analysis.errors import GstError

CHECKS = {"ablation": "Take channels away", "drift": "Look at the start", "slimming": "Make it smaller"}
SHOW = {
    "ablation": checks.show_ablation,
    "drift": checks.show_drift,
    "slimming": slimming_check.show_slimming,
}


def show() -> None:
    st.title("Is it true?", anchor=False)
    st.markdown(CHECKS_INTRO)
    columns = gather_columns()
    if not columns:
        return
    if columns[0].untrained is not None:
        st.info(CHECKS_UNTRAINED, icon=":material/add_circle:")
        return
    column = checks.choose_column(columns)
    answers = st.container()  # told last: what is measured below is among them
    check = components.choose_one("Check", CHECKS, key="check")
    try:
        SHOW[check](column)
    except GstError as error:
        components.show_error(error, names={str(c.path): c.shown for c in columns})
    with answers:
        show_findings(column)


show()
