"""Class by class: how often a network is right, what it takes for what, which clips it fails on."""

from __future__ import annotations

import streamlit as st

from app import class_views, components
from app.checks import choose_column
from app.clips_to_try import choose_clips
from app.columns import gather_columns
from app.listed_clips import follow
from app.wording import CHECKS_UNTRAINED
from gst_analysis.errors import GstError

INTRO = (
    "How often the network is right, class by class; what it takes for what; which classes need the order of "
    "frames; and every clip, with a way into its trace."
)
VIEWS = {"classes": "Accuracy", "confusion": "Taken for what", "order": "Order", "clips": "Clips"}
SHOW = {
    "classes": class_views.show_classes,
    "confusion": class_views.show_confusion,
    "order": class_views.show_order,
    "clips": class_views.show_clips,
}
MOST_CLIPS = 20_000


def show() -> None:
    follow()
    st.title("Classes and clips", anchor=False)
    st.markdown(INTRO)
    columns = gather_columns()
    if not columns:
        return
    if columns[0].untrained is not None:
        st.info(CHECKS_UNTRAINED, icon=":material/add_circle:")
        return
    column = choose_column(columns)
    try:
        clips = choose_clips(column, most=MOST_CLIPS)
        if clips is None:
            return
        view = components.choose_one("View", VIEWS, key="view")
        SHOW[view](column, clips)
    except GstError as error:
        components.show_error(error, names={str(c.path): c.shown for c in columns})


show()
