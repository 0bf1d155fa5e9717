"""A small network trained on a planted world, or any run watched while it goes on."""

from __future__ import annotations

import streamlit as st

from app import comparing_runs, training
from app.recipes import choose_plan
from app.world_pictures import show_worlds


def show() -> None:
    if st.session_state.pop("go_to_scales", False):
        st.switch_page("views/space_and_time.py")
    st.title("Train", anchor=False)
    st.markdown(training.INTRO)
    with st.sidebar:
        st.markdown("**New run**")  # no heading: those begin with the title of the page
        plan = choose_plan(training.home())
        with st.expander("Watch another run", icon=":material/visibility:"):
            training.offer_folder()
    if plan is not None:
        training.start_run(plan)
    folder = training.choose_run()
    if folder is None:
        st.info(training.EMPTY, icon=":material/info:")
        show_worlds()
        return
    training.show_run(folder)
    comparing_runs.show_comparison(folder, training.list_known())
    training.show_code(folder)


show()
