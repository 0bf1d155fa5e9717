"""How pages start long work, show its progress, and get its result."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import cached
from app.cached_visitors import MOST_OPENED, find_visitor
from app.components import show_error
from app.jobs import BackgroundJob, Lane, Queued, Work
from app.wording import say_time
from gst_analysis.errors import GstError, NotDefinedError


def await_result(
    key: str,
    work: Work,
    *,
    start: str,
    about: str,
    names: dict[str, str],
    at_once: bool = False,
    lane: Lane = "minutes",
) -> Any:
    """The result, if there is one; else a button that starts the work, or how far it is.

    Args:
        key: all that the result follows from.
        work: what to do.
        start: what the button says.
        about: what will be done and how long it takes.
        names: paths on the server, by what the visitor knows them as, for errors.
        at_once: begin without being asked, unless the visitor has cancelled it before.
        lane: how long it takes; what takes seconds is not held up by what takes minutes.
    """
    job = cached.jobs().find(key)
    if job is not None and not job.ended.is_set():
        if job.is_for(find_visitor()):
            _show_progress(key, job)
            return None
        job = None  # somebody else's: whoever asks for the same joins it
    if job is not None and job.error is None:
        return job.result
    cancelled = key in _cancelled()
    if at_once and job is None and not cancelled:
        _begin(key, work, lane)
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
        _begin(key, work, lane)
    return None


def _begin(key: str, work: Work, lane: Lane) -> None:
    try:
        cached.jobs().start(key, work, find_visitor(), lane=lane)
    except GstError as error:
        show_error(error)
    else:
        _cancelled().pop(key, None)
        st.rerun()


def _cancelled() -> dict[str, None]:
    """What this visitor has cancelled, the last of it; a reload does not begin it anew."""
    found: dict[str, None] = find_visitor().things.setdefault("cancelled", {})
    for key in list(found)[:-MOST_OPENED]:
        found.pop(key, None)
    return found


@st.fragment(run_every=0.5)
def _show_progress(key: str, job: BackgroundJob) -> None:
    if job.ended.is_set():
        st.rerun()
    st.progress(job.share, _say_progress(job))
    if st.button("Cancel", icon=":material/stop:", key=f"cancel-{key}"):
        _cancelled()[key] = None
        job.leave(find_visitor())
        if job.stopping:
            job.ended.wait(5)
        st.rerun()


def _say_queue(queued: Queued) -> str:
    """How many come first, how long it has waited, and for how long it still will where that is known."""
    first = "1 other piece" if queued.ahead == 1 else f"{queued.ahead} other pieces"
    words = [f"Waiting for {first} of work on this server", f"for {say_time(queued.since_s)} now"]
    if queued.remaining_s is not None and round(queued.remaining_s):
        words.append(f"about {say_time(queued.remaining_s)} to go")
    return " · ".join(words)


def _say_progress(job: BackgroundJob) -> str:
    queued = cached.jobs().place(job)
    if queued is not None:
        return _say_queue(queued)
    words = [job.at or "Getting ready"]
    if job.total:
        words.append(f"{job.share:.0%}")
    if (left := job.remaining_s) is not None and round(left):
        words.append(f"about {say_time(left)} left")
    return " · ".join(words)
