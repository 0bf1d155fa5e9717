"""What no weight shows of a file, said by the visitor: kept for each file, and true on every page.

The URL holds it as texts, `told=FILE?frames=16&crop=112`. Nothing is kept that the file does not bear: what
is said is tried first, and where it cannot be, the page says what was expected and nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from app import cached, links
from app.cached_visitors import find_uploads, make_uploads
from app.components import show_error
from app.fences import LIST_ENDINGS
from app.paths import resolve_names
from app.waiting_uploads import let_go
from app.wording import TOLD_ABOUT, TOLD_HELP, plain_name
from gst_analysis.checkpoints.naming import ToldFile
from gst_analysis.errors import DataError, GstError, SpecError
from gst_analysis.options import NetworkOptions

Names = dict[str, str]
"""What the visitor knows files as, by their paths."""
PARAMETER = "told"
FIELDS = {
    "frames": "Frames",
    "family": "Family",
    "resize": "Short side",
    "crop": "Crop",
    "mean": "Mean of colours",
    "std": "Their deviation",
    "labels": "Class names",
}
MOST = {"frames": 256, "resize": 1024, "crop": 1024}
"""What a page takes: a clip of so many such frames fills a gigabyte."""
TOLD_FAMILIES = {"c2d": "C2D", "tsm": "TSM"}
"""Those whose weights are the same tensors."""
LARGEST_LIST_MB = 4
_UPLOADED, _UPLOADS = "upload:", "names"


class Told(NamedTuple):
    """What a visitor said: with the names of classes in full, and as commands say it, by their file."""

    options: NetworkOptions
    written: NetworkOptions


def read_told(texts: Mapping[str, str]) -> Told:
    """Texts as the fields and the URL hold them.

    Raises:
        SpecError: a number that is none, or a field that there is not.
        DataError: a list of names that cannot be read.
    """
    odd = sorted(set(texts) - set(FIELDS))
    if odd:
        name = plain_name(odd[0])
        raise SpecError(name, expected=f"one of {', '.join(FIELDS)}", found="another", todo="leave it out")
    told = NetworkOptions(
        family=texts.get("family"),
        frames=_read_count("frames", texts),
        resize=_read_count("resize", texts),
        crop=_read_count("crop", texts),
        mean=_split(texts.get("mean", "")),
        std=_split(texts.get("std", "")),
    )
    if "labels" not in texts:
        return Told(told, told)
    path, shown = _find_names(texts["labels"])
    names = cached.read_names(cached.hash_file(path), path)
    return Told(replace(told, labels=names), replace(told, labels=shown))


def tell(ref: str, path: Path, shown: str) -> tuple[Path | ToldFile, str]:
    """A file as functions open it and as commands name it, with what was said of it."""
    texts = _kept().get(ref)
    if not texts:
        return path, shown
    try:
        told = read_told(texts)
    except GstError as error:  # its list of names has gone, say
        show_error(error)
        return path, shown
    return ToldFile.of(path, told.options), ToldFile.of(shown, told.written)


def open_linked(files: Mapping[str, Path], complain: Callable[[GstError, Names], None]) -> None:
    """Take over what the URL says of files, once; what cannot be is said and left out."""
    if PARAMETER in st.session_state:
        return
    _kept()
    for link in st.query_params.get_all(PARAMETER):
        ref, _, query = link.rpartition("?")
        if ref not in files:
            fault = links.Fault("a file that is shown, ? and fields, as FILE?frames=16", link)
            links.complain(PARAMETER, replace(fault, shown="what was recognised"))
        elif why := _try(ref, files[ref], dict(parse_qsl(query))):
            complain(*why)


def write_link(refs: list[str]) -> None:
    """Let the URL say of the chosen files what the visitor said."""
    links = [f"{ref}?{urlencode(_kept()[ref])}" for ref in refs if _kept().get(ref)]
    if st.query_params.get_all(PARAMETER) != links:
        st.query_params[PARAMETER] = links


def offer_fields(files: Mapping[str, Path], titles: Mapping[str, str]) -> None:
    """A form for one of the chosen files, in grey what was recognised or assumed."""
    problem = st.session_state.pop("told_problem", None)
    said = [ref for ref in files if _kept().get(ref)]
    label = f"What weights do not tell{' · told' if said else ''}"
    with st.expander(label, expanded=problem is not None, icon=":material/tune:"):
        if problem is not None:
            error, names = problem
            show_error(error, names=names)
        ref = _choose(files, titles)
        try:
            found = cached.read_checkpoint(files[ref])
        except GstError:
            return  # the page says what is wrong with it
        st.caption(TOLD_ABOUT)
        _offer_form(ref, files[ref], found)
        _offer_list(ref, files[ref])


def describe(source: object) -> str:
    """What was said of a file, in words; empty where nothing was."""
    if not isinstance(source, ToldFile):
        return ""
    told = {name: getattr(source.told, name) for name in FIELDS}
    words = [f"{FIELDS[name].lower()} {_spell(value)}" for name, value in told.items() if value]
    return ", ".join(words)


def _spell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _choose(files: Mapping[str, Path], titles: Mapping[str, str]) -> str:
    if len(files) == 1:
        return next(iter(files))
    if st.session_state.get("told_of") not in files:
        st.session_state.told_of = next(iter(files))
    return str(st.selectbox("Of", list(files), format_func=titles.__getitem__, key="told_of"))


def _offer_form(ref: str, path: Path, found: cached.Reading) -> None:
    texts, usual = _kept().get(ref, {}), _list_usual(found)
    for name in FIELDS:
        # Streamlit forgets a field that another page does not show.
        st.session_state.setdefault(_key(name, ref), texts.get(name, None if name == "family" else ""))
    with st.form(f"told-{ref}", border=False):
        for row in (("frames", "family"), ("resize", "crop"), ("mean",), ("std",), ("labels",)):
            for place, name in zip(st.columns(len(row)), row, strict=True):
                with place:
                    _offer_field(name, ref, usual[name], ambiguous=found.inspection.family in TOLD_FAMILIES)
        st.form_submit_button("Use these", on_click=_take, args=(ref, path), width="stretch")
    if texts:
        st.button("As recognised", on_click=_forget, args=(ref,), key=f"told-forget-{ref}", width="stretch")


def _offer_field(name: str, ref: str, usual: str, *, ambiguous: bool) -> None:
    if name != "family":
        st.text_input(FIELDS[name], key=_key(name, ref), placeholder=usual, help=TOLD_HELP[name])
        return
    st.selectbox(
        FIELDS[name],
        list(TOLD_FAMILIES),
        format_func=TOLD_FAMILIES.__getitem__,
        index=None,
        key=_key(name, ref),
        placeholder=usual,
        disabled=not ambiguous,
        help=TOLD_HELP[name],
    )


def _offer_list(ref: str, path: Path) -> None:
    turn = st.session_state.setdefault("names_turn", 0)
    st.file_uploader(
        "Or upload the class names",
        key=f"names-{turn}",
        max_upload_size=LARGEST_LIST_MB,
        on_change=_keep_list,
        args=(ref, path),
        help=TOLD_HELP["labels"],
    )


def _list_usual(found: cached.Reading) -> dict[str, str]:
    """What holds where nothing is said."""
    clip, labels = found.clip, found.labels
    return {
        "frames": str(found.inspection.num_frames),
        "family": TOLD_FAMILIES.get(found.inspection.family, found.inspection.family),
        "resize": str(clip.resize),
        "crop": str(clip.crop),
        "mean": ", ".join(f"{value:g}" for value in clip.mean),
        "std": ", ".join(f"{value:g}" for value in clip.std),
        "labels": f"{len(labels)} in the file" if labels else "none: a file with a name a line",
    }


def _take(ref: str, path: Path) -> None:
    """What the form says, if the file bears it."""
    texts = {name: str(st.session_state.get(_key(name, ref)) or "").strip() for name in FIELDS}
    st.session_state.told_problem = _try(ref, path, {name: text for name, text in texts.items() if text})


def _try(ref: str, path: Path, texts: Mapping[str, str]) -> tuple[GstError, Names] | None:
    """Keep what is said of a file, if it bears it; else say why not, and what paths are called."""
    try:
        cached.read_checkpoint(ToldFile.of(path, read_told(texts).options) if texts else path)
    except GstError as error:
        uploads = find_uploads(_UPLOADS)
        names = uploads.names if uploads else {}
        return error, names | {str(path): ref, f"{Path.cwd()}/": ""}
    _kept()[ref] = dict(texts)
    return None


def _forget(ref: str) -> None:
    _kept().pop(ref, None)
    for name in FIELDS:
        st.session_state.pop(_key(name, ref), None)


def _keep_list(ref: str, path: Path) -> None:
    turn = st.session_state.names_turn
    upload = st.session_state.get(f"names-{turn}")
    if upload is None:
        return
    st.session_state.names_turn = turn + 1  # an empty uploader next time
    uploads = make_uploads(_UPLOADS, LIST_ENDINGS)
    used = {texts.get("labels", "").removeprefix(_UPLOADED) for texts in _kept().values()}
    for name in set(uploads.files) - used:
        uploads.remove(name)
    try:
        name = _UPLOADED + uploads.keep(upload.name, upload, upload.size)
    except GstError as error:
        st.session_state.told_problem = error, {}
    else:
        st.session_state[_key("labels", ref)] = name
        _take(ref, path)
    finally:
        let_go(upload)


def _find_names(text: str) -> tuple[Path, str]:
    if not text.startswith(_UPLOADED):
        return resolve_names(text)
    shown, uploads = text.removeprefix(_UPLOADED), find_uploads(_UPLOADS)
    if uploads is None or shown not in uploads.files:
        raise DataError(
            plain_name(shown),
            expected="a list that you uploaded",
            found="one of another visitor, or gone",
            todo="upload it again",
        )
    return uploads.files[shown], shown


def _read_count(name: str, texts: Mapping[str, str]) -> int | None:
    text = texts.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= MOST[name]:
        return int(text)
    raise SpecError(
        FIELDS[name],
        expected=f"a whole number from 1 to {MOST[name]:,}",
        found=plain_name(text, limit=20),
        todo="give what it was trained with",
    )


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").replace(";", " ").split())


def _kept() -> dict[str, dict[str, str]]:
    kept: dict[str, dict[str, str]] = st.session_state.setdefault(PARAMETER, {})
    return kept


def _key(name: str, ref: str) -> str:
    return f"told-{name}-{ref}"
