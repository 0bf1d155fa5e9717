"""The report of one checkpoint: written beside the pages, shown and handed out."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.clips_to_try import Clips
from app.columns import Column, open_network
from app.job_progress import await_result
from app.wording import REPORT_ABOUT, literal, people, rename
from gst_analysis.reporting import making
from gst_analysis.reporting.making import Report
from gst_analysis.reporting.walking import name_section

PREVIEW_HEIGHT = 900


def show_report(column: Column, clips: Clips | None) -> None:
    """Write it, when asked to; then offer the file, and show it."""
    names = {str(column.path): column.shown} | (clips.names if clips else {})
    result: Report | None = await_result(
        f"report {column.source.key} {clips and clips.key}",
        lambda tell: _write(column, clips, tell),
        start="Write the report",
        about=REPORT_ABOUT,
        names=names,
    )
    if result is None:
        return
    page = rename(result.page, names)
    st.markdown(f"**{people(len(page.encode()), 'B')}**: {' · '.join(map(name_section, result.sections))}.")
    st.download_button(
        "Download the report",
        page,
        file_name=f"{column.name}-report.html",
        mime="text/html",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
        key="report-file",
    )
    for name, why in result.missing.items():
        said = f"**{name_section(name)}**: not for this checkpoint. {literal(rename(why, names))}."
        st.info(said, icon=":material/info:")
    for what, why in (*result.left_out.items(), *result.failures.items()):
        st.warning(f"{literal(what)}: {literal(rename(why, names))}", icon=":material/warning:")
    if st.toggle("Show it here", key="preview"):
        st.iframe(page, height=PREVIEW_HEIGHT)


def _write(column: Column, clips: Clips | None, tell: Callable[[int, int, str], object]) -> Report:
    dataset = None
    if clips is not None:
        dataset = clips.prepare(lambda done, total, _: tell(done, total, "Rendering clips"))
    return making.report(
        open_network(column),
        dataset,
        limit=None if clips is None else clips.limit,
        progress=lambda done, total, at: tell(done, total, at or "Writing"),
    )
