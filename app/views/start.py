"""What this is, where the chosen networks keep time, their scales, and where to go on."""

from __future__ import annotations

import streamlit as st

from app import components
from app.choosing import FIRST_SHOWN
from app.columns import NetworkColumn, gather_columns
from app.downloads import offer_downloads
from app.listed_clips import follow
from app.navigation import list_pages
from app.profile_views import show_profiles
from app.scale_views import draw_histograms, join_columns, list_defined, show_scale_code
from app.wording import CAUTION, PAIR_NOTE, START_INTRO, START_TITLE
from gst_analysis.analyses.scales import ScaleOptions


def show() -> None:
    follow()
    st.title(START_TITLE, anchor=False)
    st.markdown(START_INTRO)
    columns = gather_columns()
    if [column.name for column in columns] == list(FIRST_SHOWN):
        st.markdown(PAIR_NOTE)
    show_profiles(columns)
    defined = list_defined(columns)
    if defined:
        show_scales(defined)
    if columns:
        show_recognised(columns)
    st.header("Where to go on", anchor=False)
    show_pages()
    if defined:
        show_scale_code(defined, ScaleOptions(by="stage"))


def show_scales(columns: list[NetworkColumn]) -> None:
    """Figure 4 by stage."""
    st.header("The scales behind γ", anchor=False)
    result = join_columns(columns)
    draw_histograms(result, by="stage")
    st.caption(CAUTION)
    offer_downloads("bn_scales", result, lambda: result.plot(by="stage"))


def show_recognised(columns: list[NetworkColumn]) -> None:
    """What the files were recognised as."""
    st.header("What was recognised", anchor=False)
    components.show_inspections([c.name for c in columns], [c.reading.inspection for c in columns])


def show_pages() -> None:
    """A card for every other page, with the question it answers."""
    pages = [page for page in list_pages() if page.question]
    for row in (pages[start : start + 3] for start in range(0, len(pages), 3)):
        for place, page in zip(st.columns(3), row, strict=False):
            with place.container(border=True, height="stretch"):
                st.page_link(page.file, label=f"**{page.title}**", icon=page.icon)
                st.caption(page.question)


show()
