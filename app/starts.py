"""Where a network's training began, as the visitor names it: a path on the server, or a file sent here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from app import links
from app.cached_visitors import find_uploads, make_uploads
from app.choosing import LARGEST_MB
from app.components import show_error
from app.named_files import Choice, resolve_path
from app.waiting_uploads import let_go
from app.wording import plain_name, rename, rename_result
from gst_analysis.analyses.drift import Drift
from gst_analysis.checkpoints.naming import CHECKPOINT_ENDINGS
from gst_analysis.errors import GstError, UnreadableCheckpoint

_UPLOADED, _UPLOADS = "upload:", "starts"


def choose_start() -> Choice | None:
    """The field for a path and the uploader; None where the file of the network shall say it.

    Raises:
        UnreadableCheckpoint: what is named is no checkpoint that may be read.
    """
    links.check_text("start")
    turn = st.session_state.setdefault("start_turn", 0)
    typed = st.text_input(
        "Start",
        key="start",
        bind="query-params",
        placeholder="what the file says of its start",
        help="Leave it empty, or give the path of the 2-D or earlier checkpoint that training began with.",
    )
    with st.expander("Or send the file", icon=":material/upload:"):
        st.file_uploader(
            f"A checkpoint ({', '.join(CHECKPOINT_ENDINGS)}), up to {LARGEST_MB} MB",
            key=f"start-{turn}",
            max_upload_size=LARGEST_MB,
            on_change=_keep,
            help="Read as data only, never executed. It takes the place of the start that was sent before.",
        )
    problem = st.session_state.pop("start_problem", None)
    if problem is not None:
        show_error(problem)
    text = typed.strip()
    return None if not text else _find_sent(text) if text.startswith(_UPLOADED) else resolve_path(text)


def list_names(start: Choice | None) -> dict[str, str]:
    """What a start is called, by its path and by the made-up name that a file sent here is kept under."""
    if start is None:
        return {}
    path = Path(str(start.path))
    return {str(path): start.shown, path.name: Path(start.shown).name}


def name_start(result: Drift, start: Choice | None) -> Drift:
    """The result with its start called as the visitor knows it."""
    names = list_names(start)
    named = rename_result(result, names)
    summary = replace(named.summary, origin=rename(named.summary.origin, names))
    return replace(named, summary=summary, notes=tuple(rename(note, names) for note in named.notes))


def _keep() -> None:
    turn = st.session_state.start_turn
    sent = st.session_state.get(f"start-{turn}")
    if sent is None:
        return
    st.session_state.start_turn = turn + 1  # an empty uploader next time
    uploads = make_uploads(_UPLOADS, CHECKPOINT_ENDINGS)
    uploads.clear()
    try:
        st.session_state.start = _UPLOADED + uploads.keep(sent.name, sent, sent.size)
    except GstError as error:
        st.session_state.start_problem = error
    finally:
        let_go(sent)


def _find_sent(text: str) -> Choice:
    name, uploads = text.removeprefix(_UPLOADED), find_uploads(_UPLOADS)
    if uploads is None or name not in uploads.files:
        raise UnreadableCheckpoint(
            plain_name(name),
            expected="a start that you sent",
            found="one of another visitor, or gone",
            todo="send it again, or leave the field empty",
        )
    return Choice(text, Path(name).stem, uploads.files[name], name)
