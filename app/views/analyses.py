"""Every analysis of the house: its question, its command, and where it is answered."""

from __future__ import annotations

import streamlit as st

from app import any_analysis, components
from app.columns import gather_columns
from app.commands_alone import show_commands
from app.navigation import list_pages
from app.wording import ANALYSES_INTRO, CHECKS_UNTRAINED
from gst_analysis.analyses import list_analyses
from gst_analysis.errors import GstError


def show() -> None:
    st.title("All analyses", anchor=False)
    st.markdown(ANALYSES_INTRO)
    analyses = list_analyses()
    runnable = any_analysis.list_runnable(analyses)
    titles = {page.script: page.title for page in list_pages()}
    st.table(
        {
            "Analysis": [about.title for about in analyses],
            "Question": [about.question for about in analyses],
            "Command": [f"`{about.command}`" for about in analyses],
            "Page": [
                any_analysis.name_page(about, titles, runnable=about.command in runnable)
                for about in analyses
            ],
        },
        border="horizontal",
        hide_index=True,
    )
    columns = gather_columns(CHECKS_UNTRAINED)
    if not columns or columns[0].untrained is not None:
        return
    if not runnable:
        return
    chosen = components.choose_one("Run", {name: about.title for name, about in runnable.items()}, key="run")
    try:
        any_analysis.show_analysis(runnable[chosen], columns)
    except GstError as error:
        components.show_error(error, names={str(c.path): c.shown for c in columns})
    show_commands(analyses, columns)


show()
