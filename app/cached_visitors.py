"""Whose page this is, and what of theirs the server keeps: one list for the whole server."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import streamlit as st

from app.cached import make_upload_home
from app.uploads import Uploads
from app.visits import COOKIE, Visit, Visitor, Visitors, read_token

MOST_OPENED = 64
"""Networks, clips or runs that one page remembers to have opened, apart from uploads."""


@functools.cache  # not Streamlit's: it must outlive whatever empties Streamlit's caches
def visitors() -> Visitors:
    """All that this server knows."""
    return Visitors()


def find_visitor() -> Visitor:
    """The one whose page this is."""
    visit = st.session_state.get("visit")
    if visit is None:
        visit = visitors().find(read_token(st.context.cookies.get(COOKIE))).enter()
        st.session_state.visit = visit
    assert isinstance(visit, Visit)
    return visit.visitor


def remember(kind: str, ref: str, thing: object) -> None:
    """Note what was opened on this page, by what it is called; the first opened go where they are many."""
    opened: dict[str, object] = st.session_state.setdefault(kind, {})
    opened.pop(ref, None)
    opened[ref] = thing
    for name in list(opened)[:-MOST_OPENED]:
        del opened[name]


class Accuracy(NamedTuple):
    """How often a network was right on a visitor's own clips: in percent, of how many classes, on which."""

    percent: float
    classes: int
    clips: str


def keep_accuracy(network: str, found: Accuracy) -> None:
    """Note what a visitor measured of a network last; it is theirs alone, as the name of the data set is."""
    known: dict[str, Accuracy] = find_visitor().things.setdefault("accuracies", {})
    known.pop(network, None)
    known[network] = found
    for name in list(known)[:-MOST_OPENED]:
        del known[name]


def find_accuracy(network: str) -> Accuracy | None:
    """What the visitor measured of a network on clips of their own; None where they have not."""
    known: dict[str, Accuracy] = find_visitor().things.get("accuracies", {})
    return known.get(network)


def find_uploads(kind: str) -> Uploads | None:
    """The visitor's uploaded files of a kind, if there are any."""
    found = find_visitor().things.get(kind)
    return found if isinstance(found, Uploads) else None


def make_uploads(kind: str, endings: Sequence[str]) -> Uploads:
    """Where the visitor's files of a kind are kept, made the first time."""
    found = find_visitor().things.setdefault(kind, None) or Uploads(make_upload_home(), endings)
    find_visitor().things[kind] = found
    return found
