"""How pages start long work, show its progress, and get its result."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import cached
from app.components import show_error
from app.jobs import BackgroundJob, Work, find_visitor
from app.wording import NOT_YOURS, say_time
from gst_analysis.errors import GstError, NotDefinedError


def await_result(
    key: str, work: Work, *, start: str, about: str, names: dict[str, str], at_once: bool = False
) -> Any:
    """The result, if there is one; else a button that starts the work, or how far it is.

    Args:
        key: all that the result follows from.
        work: what to do.
        start: what the button says.
        about: what will be done and how long it takes.
        names: paths on the server, by what the visitor knows them as, for errors.
        at_once: begin without being asked, unless the visitor has cancelled it before.
    """
    job = cached.jobs().find(key)
    if job is not None and not job.ended.is_set():
        _show_progress(key, job)
        return None
    if job is not None and job.error is None:
        return job.result
    cancelled = key in _cancelled()
    if at_once and job is None and not cancelled:
        _begin(key, work)
        return None
    if job is not None and job.error is not None:
        show_error(job.error, names=names)
        if isinstance(job.error, NotDefinedError):
            return None  # to try again would tell the same
    elif cancelled:
        st.info("**Cancelled.** " + about, icon=":material/stop:")
    else:
        st.info(about, icon=":material/info:")
    words = "Try again" if job else start
    if st.button(words, type="primary", icon=":material/play_arrow:", key=f"start-{key}"):
        _begin(key, work)
    return None


def _begin(key: str, work: Work) -> None:
    try:
        cached.jobs().start(key, work, find_visitor())
    except GstError as error:
        show_error(error)
    else:
        _cancelled().discard(key)
        st.rerun()


def _cancelled() -> set[str]:
    """What this visitor has cancelled."""
    found: set[str] = st.session_state.setdefault("cancelled", set())
    return found


@st.fragment(run_every=0.5)
def _show_progress(key: str, job: BackgroundJob) -> None:
    if job.ended.is_set():
        st.rerun()
    st.progress(job.share, _say_progress(job))
    if not job.owner.admits(find_visitor()):
        st.caption(NOT_YOURS)
    elif st.button("Cancel", icon=":material/stop:", key=f"cancel-{key}"):
        _cancelled().add(key)
        job.cancel()
        job.ended.wait(5)
        st.rerun()


def _say_progress(job: BackgroundJob) -> str:
    if not job.running:
        return "Waiting for other work on this server"
    words = [job.at or "Getting ready"]
    if job.total:
        words.append(f"{job.share:.0%}")
    if job.remaining_s is not None:
        words.append(f"about {say_time(job.remaining_s)} left")
    return " · ".join(words)
