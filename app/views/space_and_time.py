"""Figure 4: the batch-norm scales of spatial and temporal channels, block by block, in five views."""

from __future__ import annotations

import streamlit as st

from app import components, scale_views
from app.columns import gather_columns
from app.wording import SCALES_INTRO
from gst_analysis.errors import GstError

VIEWS = {
    "histograms": "Histograms",
    "overlay": "Overlay",
    "statistics": "Statistics",
    "importance": "Importance",
    "training": "Over training",
}
SHOW = {
    "histograms": scale_views.show_histograms,
    "overlay": scale_views.show_overlay,
    "statistics": scale_views.show_statistics,
    "importance": scale_views.show_importance,
    "training": scale_views.show_training,
}


def show() -> None:
    st.title("Space and time", anchor=False)
    st.markdown(SCALES_INTRO)
    columns = gather_columns()
    view = components.choose_one("View", VIEWS, key="view")
    if view != "training" and not (columns := scale_views.list_defined(columns)):
        return
    try:
        SHOW[view](columns)
    except GstError as error:
        components.show_error(error, names={str(c.path): c.shown for c in columns})


show()
