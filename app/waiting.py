"""How pages start long work, show its progress, and get its result."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import cached
from app.jobs import Job, Work
from app.showing import show_error
from gst_analysis.errors import GstError


def await_result(key: str, work: Work, *, start: str, about: str, names: dict[str, str]) -> Any:
    """The result, if there is one; else a button that starts the work, or how far it is.

    Args:
        key: all that the result follows from.
        work: what to do.
        start: what the button says.
        about: what will be done and how long it takes.
        names: paths on the server, by what the visitor knows them as, for errors.
    """
    job = cached.jobs().find(key)
    if job is not None and job.ended.is_set() and job.error is None:
        return job.result
    if job is not None and not job.ended.is_set():
        _show_progress(key, job)
        return None
    if job is not None and job.error is not None:
        show_error(job.error, names=names)
    else:
        st.info(about, icon=":material/info:")
    if st.button(
        "Try again" if job else start, type="primary", icon=":material/play_arrow:", key=f"start-{key}"
    ):
        _begin(key, work)
    return None


def _begin(key: str, work: Work) -> None:
    try:
        cached.jobs().start(key, work)
    except GstError as error:
        show_error(error)
    else:
        st.rerun()


@st.fragment(run_every=0.5)
def _show_progress(key: str, job: Job) -> None:
    if job.ended.is_set():
        st.rerun()
    waits = "Waiting for other work on this server" if not job.running else job.at or "Getting ready"
    st.progress(job.share, f"{waits} · {job.share:.0%}" if job.total else waits)
    if st.button("Cancel", icon=":material/stop:", key=f"cancel-{key}"):
        job.cancel()
        job.ended.wait(5)
        st.rerun()
