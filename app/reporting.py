"""The report of one checkpoint: written beside the pages, shown and handed out."""

from __future__ import annotations

from html import escape

import streamlit as st

from app.clips_to_try import Clips
from app.columns import NetworkColumn, open_network
from app.job_progress import await_result
from app.wording import REPORT_ABOUT, literal, people, rename
from gst_analysis.clips.records import RecordList
from gst_analysis.progress import Progress
from gst_analysis.reporting import making
from gst_analysis.reporting.making import Report
from gst_analysis.reporting.walking import name_section
from gst_analysis.sections.options import ReportOptions

PREVIEW_HEIGHT = 900


def show_report(column: NetworkColumn, clips: Clips | None) -> None:
    """Write it, when asked to; then offer the file, and show it."""
    names = {str(column.path): column.shown} | (clips.names if clips else {})
    result: Report | None = await_result(
        f"report {column.source.key} {clips and clips.key}",
        lambda progress: _write(column, clips, progress),
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
    said = [
        f"**{name_section(name)}**: not for this checkpoint, since {literal(rename(why, names))}."
        for name, why in result.missing.items()
    ]
    if said:  # one box, however many
        st.info("\n\n".join(said), icon=":material/info:")
    for what, why in (*result.left_out.items(), *result.failures.items()):
        st.warning(f"{literal(what)}: {literal(rename(why, names))}", icon=":material/warning:")
    if st.toggle("Show it here", key="preview"):
        st.iframe(shut_in(page), height=PREVIEW_HEIGHT)


def shut_in(page: str) -> str:
    """A page within a frame of an origin of its own, which can reach neither the explorer nor its cookies.

    Streamlit's own frame shares the explorer's origin, so what runs in it could act as the visitor.
    """
    style = "position:fixed;inset:0;width:100%;height:100%;border:0"
    frame = f'sandbox="allow-scripts" title="The report" style="{style}"'
    return f'<iframe {frame} srcdoc="{escape(page)}"></iframe>'


def _write(column: NetworkColumn, clips: Clips | None, progress: Progress) -> Report:
    dataset = None if clips is None else clips.prepare(progress)
    if clips is not None and clips.sent is not None and isinstance(dataset, RecordList):
        dataset = clips.sent.name_records(dataset)
    options = ReportOptions(limit=None if clips is None else clips.limit)
    return making.report(open_network(column), dataset, options=options, progress=progress)
