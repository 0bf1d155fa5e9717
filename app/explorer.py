"""The script that runs for every visit: the frame around all pages, and the page asked for."""

from pathlib import Path

import streamlit as st

from app.navigation import list_pages

LOGO = str(Path(__file__).with_name("logo.svg"))

st.set_page_config(page_title="gst-analysis", page_icon=LOGO, layout="wide")
st.html("<style>.stMainBlockContainer { padding: 4.5rem 3.5rem 4rem }</style>")  # less empty space
st.logo(LOGO, size="large")
# Not in a folder called pages: Streamlit would take that for its older kind of app, and run the page that
# a link names without this file.
pages = [
    st.Page(page.file, title=page.title, icon=page.icon, default=number == 0)
    for number, page in enumerate(list_pages())
]
st.navigation(pages, position="top").run()
