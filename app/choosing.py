"""Which checkpoints to look at: one choice, shared by all pages and named in the URL.

A checkpoint comes from trained_models/, from a path inside an allowed folder (the current one, and those
in GST_ANALYSIS_FOLDERS, separated as in PATH), or from an upload. Beside them stands the network of the
user's own that the explorer was started with, if there is one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from app import cached, links, paths, telling
from app.cached_network import find_own
from app.cached_visitors import find_uploads, make_uploads, remember
from app.components import show_error
from app.named_files import Choice, list_folder, name_file, resolve_path, spread_files
from app.paths import FOLDERS_VARIABLE
from app.waiting_uploads import let_go
from app.wording import plain_name, tell_apart
from gst_analysis.checkpoints.naming import CHECKPOINT_ENDINGS, list_checkpoints
from gst_analysis.errors import GstError, UnreadableCheckpoint
from gst_analysis.numbers import how_many

FIRST_SHOWN = ("temporal-gst-quarter", "static-gst-quarter")
MOST_SHOWN = 20
"""As many as `compare-profiles` takes."""
LARGEST_MB = 500
"""A ResNet-152 with its optimizer is about 480."""
_UPLOADED, _UPLOADS = "upload:", "checkpoints"
_OWN = "own:"
"""In the URL. It chooses what the explorer was started with, and names no code."""


def list_runs() -> list[str]:
    """Folders below the shipped models that hold the epochs of a run."""
    if not paths.SHIPPED.is_dir():
        return []
    folders = sorted(path for path in paths.SHIPPED.iterdir() if path.is_dir())
    return [paths.shorten(path) for path in folders if len(list_checkpoints(path)) > 1]


def choose_checkpoints() -> list[Choice]:
    """The sidebar's list of checkpoints, and the ways to add one; returns those to show, in order."""
    known = _known()
    if "chosen" not in st.session_state:
        st.session_state.chosen = _open_linked(known) or [choice.ref for choice in list_first()]
        files = {ref: known[ref].path for ref in st.session_state.chosen}
        telling.open_linked({ref: path for ref, path in files.items() if isinstance(path, Path)}, _complain)
    _show_problems()
    with st.sidebar:
        st.markdown("**Checkpoints**")  # no heading: those begin with the title of the page
        if known:
            st.session_state.chosen = _list(known)
        else:
            st.session_state.chosen = []
        with st.expander("Add a checkpoint", expanded=not known, icon=":material/add:"):
            _offer_path()
            _offer_upload()
        _offer_telling([known[ref] for ref in st.session_state.chosen])
    if st.query_params.get_all("ckpt") != st.session_state.chosen:
        st.query_params["ckpt"] = st.session_state.chosen
    telling.write_link(st.session_state.chosen)
    return [_tell(known[ref]) for ref in st.session_state.chosen]


def _offer_telling(chosen: list[Choice]) -> None:
    files = {choice.ref: choice.path for choice in chosen if isinstance(choice.path, Path)}
    if files:
        titles = {choice.ref: choice.name for choice in chosen}
        telling.offer_fields(files, tell_apart({ref: titles[ref] for ref in files}))


def _tell(choice: Choice) -> Choice:
    """The file with what the visitor said of it."""
    if not isinstance(choice.path, Path):
        return choice
    path, shown = telling.tell(choice.ref, choice.path, choice.shown)
    return replace(choice, path=path, shown=shown)


def list_first() -> list[Choice]:
    """What a first visit shows: the user's own network, or the two that were trained for order and looks."""
    if own := _list_own():
        return own
    shipped = {Path(choice.shown).stem: choice for choice in _list_shipped()}
    return [shipped[name] for name in FIRST_SHOWN if name in shipped] or list(shipped.values())[:1]


def _list(known: dict[str, Choice]) -> list[str]:
    titles = tell_apart({ref: choice.name for ref, choice in known.items()})
    # Streamlit forgets the list's own state while another page is shown, and files may have gone meanwhile
    listed = st.session_state.get("listed", st.session_state.chosen)
    st.session_state.listed = [ref for ref in listed if ref in known]
    return st.multiselect(
        "Side by side",
        list(known),
        key="listed",
        format_func=titles.__getitem__,
        max_selections=MOST_SHOWN,
        placeholder="Choose a checkpoint",
        help="One column of the figure each, in this order.",
    )


def _show_problems() -> None:
    """What went wrong when checkpoints were added; said once, and of several with one fault together."""
    alike: dict[tuple[str, ...], list[tuple[GstError, dict[str, str] | None]]] = {}
    for error, names in st.session_state.pop("problems", []):
        alike.setdefault((error.expected, error.discreet, error.todo), []).append((error, names))
    for problems in alike.values():
        error, names = problems[0]
        if len(problems) > 1:
            subjects = ", ".join(one.subject for one, _ in problems)
            error = type(error)(subjects, expected=error.expected, found=error.discreet, todo=error.todo)
            names = {path: name for _, known in problems for path, name in (known or {}).items()}
        show_error(error, names=names)


def _list_shipped() -> list[Choice]:
    return [name_file(path) for path in list_checkpoints(paths.SHIPPED)] if paths.SHIPPED.is_dir() else []


def _list_own() -> list[Choice]:
    own = find_own()
    return [Choice(_OWN, plain_name(own.short), own, own)] if own is not None else []


def _known() -> dict[str, Choice]:
    opened = st.session_state.get("opened", {}).values()
    uploads = find_uploads(_UPLOADS)
    files = list(uploads.files.items()) if uploads else ()
    uploaded = [Choice(_UPLOADED + name, Path(name).stem, path, name) for name, path in files]
    return {choice.ref: choice for choice in (*_list_own(), *_list_shipped(), *opened, *uploaded)}


def _open_linked(known: dict[str, Choice]) -> list[str]:
    """Open what the URL names; returns what could be."""
    refs, bad = [], []
    told = st.query_params.get_all("ckpt")
    for ref in told[:MOST_SHOWN]:
        try:
            choice = known.get(ref) or _open_link(ref)
        except GstError as error:
            _complain(error)
            bad.append(ref)
        else:
            known[choice.ref] = choice
            refs.append(choice.ref)
    shown = ", ".join(refs or [choice.name for choice in list_first()]) or "an untrained network"
    if bad:
        fault = links.Fault("networks that can be opened", ", ".join(bad), shown=shown, watched="chosen")
        links.complain("ckpt", fault)
    elif len(told) > MOST_SHOWN:
        fault = links.Fault(f"at most {MOST_SHOWN} networks", f"{len(told)} of them", shown=shown)
        links.complain("ckpt", fault)
    return list(dict.fromkeys(refs))


def _open_link(ref: str) -> Choice:
    if ref.startswith(_UPLOADED):
        raise UnreadableCheckpoint(
            plain_name(ref.removeprefix(_UPLOADED)),
            expected="a file that you uploaded",
            found="one of another visitor, or gone",
            todo="upload it again",
        )
    return _remember(resolve_path(ref))


def _remember(choice: Choice) -> Choice:
    remember("opened", choice.ref, choice)
    return choice


def _offer_path() -> None:
    with st.form("path-form", border=False):
        st.text_input(
            "Path on the server",
            key="typed_path",
            placeholder="runs/best.pth",
            help="A checkpoint, or a folder of them, such as a run's. "
            f"Inside the folder the explorer was started in, or one named in {FOLDERS_VARIABLE}.",
        )
        st.form_submit_button("Open", on_click=_open_typed, width="stretch")
    if note := st.session_state.pop("folder_note", ""):
        st.caption(note)


def _offer_upload() -> None:
    turn = st.session_state.setdefault("upload_turn", 0)
    # Without `type`, here and elsewhere: a browser refuses by media type, in words that nobody knows, beside
    # an older error, since the server hears nothing of it.
    st.file_uploader(
        f"Or upload files ({', '.join(CHECKPOINT_ENDINGS)}), up to {LARGEST_MB} MB each",
        accept_multiple_files=True,
        key=f"upload-{turn}",
        max_upload_size=LARGEST_MB,
        on_change=_keep_uploads,
        help="Read as data only, never executed. Kept in a temporary folder for you alone, and removed half "
        "an hour after you leave.",
    )
    if (uploads := find_uploads(_UPLOADS)) and uploads.files:
        st.button("Remove uploaded files", on_click=_clear_uploads, width="stretch")


def _open_typed() -> None:
    text = st.session_state.typed_path
    files = list_folder(text)
    taken = spread_files(files, MOST_SHOWN)
    for path in taken or [text]:
        _open_file(str(path))
    if files:
        which = "all of them" if len(taken) == len(files) else f"{len(taken)}, spread evenly"
        st.session_state.folder_note = f"{how_many(len(files), 'checkpoint')} there; opened: {which}."


def _open_file(text: str) -> None:
    names = {}
    try:
        choice = resolve_path(text)
        names = {str(choice.path): choice.shown}
        cached.read_checkpoint(choice.path)  # what cannot be read is said once and does not join the others
    except GstError as error:
        _complain(error, names)
    else:
        _select(_remember(choice).ref)


def _keep_uploads() -> None:
    turn = st.session_state.upload_turn
    sent = st.session_state.get(f"upload-{turn}") or []
    if sent:
        st.session_state.upload_turn = turn + 1  # an empty uploader next time
    for upload in sent:
        _keep(upload)


def _keep(upload: Any) -> None:
    """Keep one file that was sent and show it; of one that cannot be read, say why."""
    uploads = make_uploads(_UPLOADS, CHECKPOINT_ENDINGS)
    kept = ""
    try:
        kept = uploads.keep(upload.name, upload, upload.size)
        cached.read_checkpoint(uploads.files[kept])
    except GstError as error:
        _complain(error, uploads.names)
        if kept:
            uploads.remove(kept)
    else:
        _select(_UPLOADED + kept)
    finally:
        let_go(upload)


def _clear_uploads() -> None:
    if uploads := find_uploads(_UPLOADS):
        uploads.clear()
    _choose([ref for ref in st.session_state.chosen if not ref.startswith(_UPLOADED)])


def choose_path(text: str) -> None:
    """Open a file and show it on every page, as if the visitor had typed its path; for callbacks."""
    st.session_state.setdefault("chosen", [])
    _select(_remember(resolve_path(text)).ref)


def _select(ref: str) -> None:
    chosen = [old for old in st.session_state.chosen if old != ref]
    _choose([*chosen, ref][-MOST_SHOWN:])


def _choose(refs: list[str]) -> None:
    st.session_state.chosen = st.session_state.listed = refs


def _complain(error: GstError, names: dict[str, str] | None = None) -> None:
    st.session_state.setdefault("problems", []).append((error, names))
