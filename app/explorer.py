"""The script that runs for every visit: the frame around all pages, and the page asked for."""

from pathlib import Path

import streamlit as st

from app.navigation import list_pages
from app.page_style import STYLE, load_plots_early

LOGO = str(Path(__file__).with_name("logo.svg"))

st.set_page_config(page_title="gst-analysis", page_icon=LOGO, layout="wide", initial_sidebar_state=320)
st.html(STYLE)
st.html(load_plots_early(), unsafe_allow_javascript=True)
st.logo(LOGO, size="large")
# Not in a folder called pages: Streamlit would take that for its older kind of app, and run the page that
# a link names without this file.
pages = [
    st.Page(page.file, title=page.title, icon=page.icon, default=number == 0)
    for number, page in enumerate(list_pages())
]
st.navigation(pages, position="top").run()
