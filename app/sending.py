"""Where a visitor uploads labelled clips: an archive, or files with a list; and which set is looked at."""

from __future__ import annotations

import streamlit as st

from app import cached, components, links
from app.archives import MOST_BYTES
from app.cached_visitors import find_visitor
from app.labelled_uploads import LabelledUploads
from app.sent_clips import SentClips
from app.waiting_uploads import let_go
from app.wording import SENT_CLIPS
from gst_analysis.errors import GstError

LARGEST_MB = 200
_THINGS = "labelled clips"
_PROBLEMS = "labelled_problems"
_HELP = (
    "An archive (zip, tar, tar.gz) with a folder for every class, or with a list; or the clips themselves "
    f"with their list. At most {MOST_BYTES // 2**20:,} MB unpacked. Kept in a temporary folder for you "
    "alone, and removed half an hour after you leave."
)


def find_sent() -> dict[str, SentClips]:
    """The visitor's data sets, by their names."""
    found = find_visitor().things.get(_THINGS)
    return dict(found.sets) if isinstance(found, LabelledUploads) else {}


def offer_labelled() -> SentClips | None:
    """A place to drop them, and the set that was chosen; None, with what to do, while there is none."""
    known = find_sent()
    for error, names in st.session_state.pop(_PROBLEMS, []):
        components.show_error(error, names=names)
    if not known:
        for key in ("sent", "limit"):  # they are drawn once there is something
            links.check_text(key)
        _offer_files()
        st.caption(SENT_CLIPS)
        return None
    links.check_choice("sent", {name: name for name in known})
    if st.session_state.get("sent") not in known:
        st.session_state.pop("sent", None)  # it has gone
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        name = st.selectbox("Uploaded clips", list(known), key="sent", bind="query-params", width=260)
        st.button("Remove them", on_click=_clear, icon=":material/delete:")
    with st.expander("Upload others", icon=":material/add:"):
        _offer_files()
    return known[name]


def _offer_files() -> None:
    turn = st.session_state.setdefault("labelled_turn", 0)
    st.file_uploader(
        f"Labelled clips, up to {LARGEST_MB} MB",
        accept_multiple_files=True,
        key=f"labelled-upload-{turn}",
        max_upload_size=LARGEST_MB,
        on_change=_keep,
        help=_HELP,
    )


def _keep() -> None:
    turn = st.session_state.labelled_turn
    files = st.session_state.get(f"labelled-upload-{turn}")
    if not files:
        return
    st.session_state.labelled_turn = turn + 1  # an empty uploader next time
    own = find_visitor().things.setdefault(_THINGS, None) or LabelledUploads(cached.make_upload_home())
    find_visitor().things[_THINGS] = own
    names: dict[str, str] = {}
    kept = ""
    try:
        kept = own.keep([(file.name, file, file.size) for file in files])
        names = own.sets[kept].names
        own.sets[kept].read()  # what cannot be read is said once and does not stay
    except GstError as error:
        if kept:
            own.remove(kept)
        st.session_state.setdefault(_PROBLEMS, []).append((error, names))
    else:
        st.session_state.sent = kept
    finally:
        for file in files:
            let_go(file)


def _clear() -> None:
    found = find_visitor().things.get(_THINGS)
    if isinstance(found, LabelledUploads):
        found.clear()
    st.session_state.pop("sent", None)
