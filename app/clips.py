"""Which clip to look at: a planted one, one by its path, or an upload; named in the URL.

Planted clips are rendered when they are first asked for. A path must lie in an allowed folder, as a
checkpoint's must.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import cached_clips, cached_datasets, links
from app.cached import make_upload_home
from app.cached_visitors import find_uploads, make_uploads, remember
from app.components import show_error
from app.paths import FOLDERS_VARIABLE, resolve_clip_path
from app.sending import find_sent
from app.waiting_uploads import let_go
from app.wording import plain_name, tell_apart
from gst_analysis.analyses.traces.single_clips import CLIP_ENDINGS, PLANTED_WORLDS, check_clip
from gst_analysis.errors import DataError, GstError
from gst_analysis.planted import make_trial
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from app.sent_clips import SentClips
    from gst_analysis.analyses.traces import clip_list
    from gst_analysis.clips.records import ClipRecord
else:
    clip_list = Door("gst_analysis.analyses.traces.clip_list")

LARGEST_MB = 100
MOST_LISTED = 60
"""Clips of an uploaded data set in the list; the page of classes opens the others."""
_UPLOADED, _PLANTED, _UPLOADS = "upload:", "planted:", "clips"
_TRIAL = "trial:"
"""Clips of a planted world that networks are tried on; a link finds them again, on any server."""


@dataclass(frozen=True)
class ChosenClip:
    """A chosen clip. `ref` names it in the URL, `name` in figures, `shown` in commands and errors."""

    ref: str
    name: str
    path: Path
    shown: str
    truth: str | None = None
    changes_s: float | None = None
    """When its change of state completes, of a planted one."""
    trial: str | None = None
    """The planted world, where it is a clip to try networks on."""


def choose_clip(world: str | None) -> ChosenClip | None:
    """The sidebar's clips and the ways to add one; `world` is the planted world that a network knows."""
    if "clip" not in st.session_state:
        st.session_state.clip = _open_linked()
    _follow(world)
    for error, names in st.session_state.pop("clip_problems", []):
        show_error(error, names=names)
    with st.sidebar:
        st.markdown("**Clip**")  # no heading: those begin with the title of the page
        clips = _offer()
        chosen = _list(clips)
        with st.expander("Add a clip", icon=":material/add:"):
            _offer_path()
            _offer_upload()
    st.session_state.clip = chosen
    if chosen:
        st.query_params["clip"] = chosen
    return clips.get(chosen or "")


def resolve_clip(text: str) -> ChosenClip:
    """The video or frame folder a visitor typed or a link names, if it may be read."""
    path, shown = resolve_clip_path(text)
    return ChosenClip(shown, shown, path, shown)


def choose_listed(clip: ChosenClip) -> None:
    """Show a clip of a list on the page of traces, beside those opened before; for callbacks."""
    st.session_state.clip = _remember(clip)


def name_trial(world: str, path: Path, truth: str | None) -> ChosenClip:
    """A planted clip to try networks on."""
    shown = f"worlds/{world}/videos/{path.name}"
    return ChosenClip(
        f"{_TRIAL}{world}/{path.stem}", f"{world}, clip {path.stem}", path, shown, truth, trial=world
    )


def name_sent(sent: SentClips, name: str, record: ClipRecord) -> ChosenClip:
    """A clip of a data set that the visitor uploaded."""
    own = sent.names.get(str(record.path))
    shown = name if own is None else sent.name_unpacked(own)
    return ChosenClip(f"{_UPLOADED}{sent.name}/{name}", name, Path(record.path), shown, record.label_text)


def _list_sent(sent: SentClips) -> list[ChosenClip]:
    records = clip_list.name_records(sent.read())
    return [name_sent(sent, name, record) for name, record in records.items()]


def _open_trial(ref: str) -> ChosenClip:
    """What a link names, rendered if it is not there yet."""
    world, _, number = ref.removeprefix(_TRIAL).partition("/")
    if world in PLANTED_WORLDS and number.isdecimal():
        with st.spinner("Rendering a few clips"):
            place = make_trial(make_upload_home() / "worlds", world)
        for record in cached_datasets.find_records(f"trial {world}", place, limit=None).values():
            if Path(record.path).stem == number:
                return name_trial(world, Path(record.path), record.label_text)
    raise DataError(
        plain_name(ref), expected="a clip of a planted world", found="none of this number", todo="choose one"
    )


def _follow(world: str | None) -> None:
    """Where a planted clip is shown, go to the world of the network when that changes."""
    before, st.session_state.clip_world_of = st.session_state.get("clip_world_of"), world
    ref = st.session_state.clip
    linked = before is None and ref is not None
    if world is not None and world != before and not linked and (ref or _PLANTED).startswith(_PLANTED):
        st.session_state.world = world
        st.session_state.clip = None


def _offer() -> dict[str, ChosenClip]:
    """Clips by ref: those of the world that the visitor chose, and his own."""
    ref = st.session_state.clip or ""
    if "world" not in st.session_state:
        named = ref.removeprefix(_PLANTED).partition("/")[0] if ref.startswith(_PLANTED) else ""
        st.session_state.world = named if named in PLANTED_WORLDS else next(iter(PLANTED_WORLDS))
    st.session_state.world_shown = st.session_state.world
    world = st.selectbox(
        "Planted world",
        list(PLANTED_WORLDS),
        key="world_shown",
        format_func=PLANTED_WORLDS.__getitem__,
        on_change=_change_world,
        help="Rendered videos whose truth is known. The clips here were not trained on.",
    )
    own = _list_uploaded()
    own += st.session_state.get("opened_clips", {}).values()
    return {clip.ref: clip for clip in (*own, *_plant(world))}


def _list_uploaded() -> list[ChosenClip]:
    uploads = find_uploads(_UPLOADS)
    files = list(uploads.files.items()) if uploads else ()
    own = [ChosenClip(_UPLOADED + name, name, path, name) for name, path in files]
    return own + [clip for sent in find_sent().values() for clip in _list_sent(sent)[:MOST_LISTED]]


def _plant(world: str) -> list[ChosenClip]:
    try:
        with st.spinner("Rendering a few clips"):
            return list_planted(world)
    except GstError as error:
        show_error(error, names={str(make_upload_home()): "planted clips"})
        return []


def list_planted(world: str) -> list[ChosenClip]:
    """A clip of every class of a planted world, rendered the first time."""
    planted = cached_clips.plant_clips(str(make_upload_home() / "planted"), world)
    folder = f"worlds/{world}/videos"
    return [
        ChosenClip(
            f"{_PLANTED}{world}/{number}",
            f"{world}/{clip.path.name}",
            clip.path,
            f"{folder}/{clip.path.name}",
            clip.label,
            clip.changes_s,
        )
        for number, clip in enumerate(planted)
    ]


def _list(clips: dict[str, ChosenClip]) -> str | None:
    ref = st.session_state.clip
    if ref not in clips:
        st.session_state.clip = next(iter(clips), None)
        if ref is not None and links.is_linked("clip", ref):
            shown = clips[st.session_state.clip].name if st.session_state.clip else ""
            links.complain("clip", links.Fault("a clip that there is", ref, shown=shown, watched="clip"))
    st.session_state.clip_shown = st.session_state.clip
    longer = {ref: f"{clip.truth}: {clip.name}" if clip.truth else ref for ref, clip in clips.items()}
    titles = tell_apart({ref: clip.truth or clip.name for ref, clip in clips.items()}, longer.__getitem__)
    return st.selectbox(
        "Clip",
        list(clips),
        key="clip_shown",
        format_func=titles.__getitem__,
        on_change=_change_clip,
        help="A planted clip goes by its true class.",
    )


def _change_world() -> None:
    st.session_state.world, st.session_state.clip = st.session_state.world_shown, None


def _change_clip() -> None:
    st.session_state.clip = st.session_state.clip_shown


def _open_linked() -> str | None:
    """What the URL names, if it can be opened; a planted clip is looked for later."""
    ref = st.query_params.get("clip")
    if not ref or ref.startswith(_PLANTED):
        return ref or None
    try:
        if ref.startswith(_UPLOADED):
            if ref in [clip.ref for clip in _list_uploaded()]:
                return ref
            for clip in [clip for sent in find_sent().values() for clip in _list_sent(sent)]:
                if clip.ref == ref:
                    return _remember(clip)
            raise DataError(
                plain_name(ref.removeprefix(_UPLOADED)),
                expected="a clip that you uploaded",
                found="one of another visitor, or gone",
                todo="upload it again",
            )
        return _remember(_open_trial(ref) if ref.startswith(_TRIAL) else resolve_clip(ref))
    except GstError as error:
        complain(error)
        return None


def _offer_path() -> None:
    with st.form("clip-path-form", border=False):
        st.text_input(
            "Path on the server",
            key="typed_clip",
            placeholder="clips/7.mp4",
            help=f"A video or a folder of frames, inside the folder the explorer was started in, or one "
            f"named in {FOLDERS_VARIABLE}.",
        )
        st.form_submit_button("Open", key="open-clip", on_click=_open_typed, width="stretch")


def _offer_upload() -> None:
    turn = st.session_state.setdefault("clip_turn", 0)
    st.file_uploader(
        f"Or upload a video, up to {LARGEST_MB} MB",
        key=f"clip-upload-{turn}",
        max_upload_size=LARGEST_MB,
        on_change=_keep_upload,
        help=f"{', '.join(CLIP_ENDINGS)}. Kept in a temporary folder for you alone, and removed half an "
        "hour after you leave.",
    )
    if (uploads := find_uploads(_UPLOADS)) and uploads.files:
        st.button("Remove uploaded clips", on_click=_clear_uploads, width="stretch")


def _open_typed() -> None:
    names = {}
    try:
        clip = resolve_clip(st.session_state.typed_clip)
        names = {str(clip.path): clip.shown}
        check_clip(clip.path, clip.shown)  # what cannot be opened is said once and does not join the others
        st.session_state.clip = _remember(clip)
    except GstError as error:
        complain(error, names)


def _remember(clip: ChosenClip) -> str:
    remember("opened_clips", clip.ref, clip)
    return clip.ref


def _keep_upload() -> None:
    turn = st.session_state.clip_turn
    upload = st.session_state.get(f"clip-upload-{turn}")
    if upload is None:
        return
    st.session_state.clip_turn = turn + 1  # an empty uploader next time
    uploads = make_uploads(_UPLOADS, tuple(f".{ending}" for ending in CLIP_ENDINGS))
    kept = ""
    try:
        kept = uploads.keep(upload.name, upload, upload.size)
        check_clip(uploads.files[kept], kept)
    except GstError as error:
        complain(error, uploads.names)
        if kept:
            uploads.remove(kept)
    else:
        st.session_state.clip = _UPLOADED + kept
    finally:
        let_go(upload)


def _clear_uploads() -> None:
    if uploads := find_uploads(_UPLOADS):
        uploads.clear()
    st.session_state.clip = None


def complain(error: GstError, names: dict[str, str] | None = None) -> None:
    """Have the page of traces say what went wrong; for callbacks."""
    st.session_state.setdefault("clip_problems", []).append((error, names))
