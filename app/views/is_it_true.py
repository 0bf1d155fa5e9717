"""Is Figure 4 true? What weights say at once; channels taken away, scales' start, networks made smaller."""

from __future__ import annotations

import streamlit as st

from app import checks, components, slimming_check
from app.findings import show_findings
from app.wording import CHECKS_INTRO

CHECKS = {"ablation": "Take channels away", "drift": "Look at the start", "slimming": "Make it smaller"}
SHOW = {
    "ablation": checks.show_ablation,
    "drift": checks.show_drift,
    "slimming": slimming_check.show_slimming,
}


def show() -> None:
    with checks.open_page("Is it true?", CHECKS_INTRO) as column:
        if column is None:
            return
        answers = st.container()  # told last: what is measured below is among them
        check = components.choose_one("Check", CHECKS, key="check")
        try:
            SHOW[check](column)
        finally:
            with answers:
                show_findings(column)


show()
