"""Links that others wrote: what no page can take is said in a line, and what is shown instead.

A page calls one of the `check_` functions before it draws a control that reads the address, so that the
control's own rules (what it offers, from which number to which) are what a link is held against.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from app.wording import literal

LARGEST = 2**53
"""Beyond it browsers do not know one whole number from the next; no control goes as far."""
_TAME = "\u2060"
"""A joiner that nobody sees. Behind `1e999` it keeps Streamlit from reading a number without end."""
CARRIED = ("ckpt", "told", "clip", "class", "run")
"""What stays in the address from page to page, whether or not a page reads it."""
MOST_SAID = 8
FAULT = "The link says {name}=*{found}*; expected {expected}. Shown: **{shown}**."
UNREAD = (
    "The link says {name}, which no control on this page reads as it stands; expected some of {known}. "
    "It is left out."
)


@dataclass
class Fault:
    """What a link says that cannot be shown."""

    expected: str
    found: str
    titles: Mapping[Any, str] | None = None
    """What people call the values of the control, where that is not what they are."""
    shown: str = ""
    """What is shown instead; empty where the control's own value says it."""
    watched: str = ""
    """Where the visitor's own choice is kept, with which the fault goes."""
    line: str = ""
    """What is said of it, once the page has been drawn and what it shows is known."""
    said_of: Any = None
    """The choice that the line speaks of."""


@dataclass
class Link:
    """The address that a visit began with, and what pages made of it."""

    page: str
    told: dict[str, list[str]]
    read: set[str] = field(default_factory=set)
    faults: dict[str, Fault] = field(default_factory=dict)


def tame_wild_numbers(query: str) -> str:
    """A link's query in which a number without end, or too large for any control, reads as a word."""
    told = parse_qsl(query, keep_blank_values=True)
    if not any(is_wild(value) for _, value in told):
        return query
    return urlencode([(key, f"{value}{_TAME}" if is_wild(value) else value) for key, value in told])


def is_wild(text: str) -> bool:
    """Whether a text is a number that no control can take."""
    try:
        return not math.fabs(float(text)) < LARGEST
    except ValueError:
        return False


def open_link(page: str) -> None:
    """Remember the address that a visit begins with; what its page made of it goes with the page."""
    if "link" not in st.session_state:
        told = {key: st.query_params.get_all(key) for key in st.query_params}
        st.session_state.link = Link(page, told)
    elif st.session_state.link.page != page:
        st.session_state.link = Link(page, {})


def check_choice(key: str, titles: Mapping[Any, str], *, usual: str = "") -> None:
    """Hold a link against what a control offers; `usual` is what the page shows where nothing is chosen."""
    told = _read(key)
    if told is not None and told not in titles.values():
        _note(key, f"one of {', '.join(titles.values())}", told, {None: usual, **titles} if usual else titles)


def check_number(key: str, least: int, most: int | None, *, usual: str = "", step: int = 1) -> None:
    """Hold a link against the numbers that a control takes, whole ones unless `step` is 0.

    `usual` is what the control shows if left empty.
    """
    told = _read(key)
    if not told:  # an empty field of a link is an empty field
        return
    if not _is_within(told, least, most, step):
        to = f"from {least:,}" if most is None else f"from {least:,} to {most:,}"
        steps = f" in steps of {step}" if step > 1 else ""
        _note(key, f"{'a whole' if step else 'a'} number {to}{steps}", told, {None: usual} if usual else None)


def check_text(key: str) -> None:
    """A control that takes any text; what is wrong with it, the page itself says."""
    _read(key)


def complain(key: str, fault: Fault) -> None:
    """Note what a page found wrong with a parameter that it reads itself."""
    link = _find()
    if link is not None and key in link.told:
        link.faults.setdefault(key, fault)


def is_linked(key: str, value: str) -> bool:
    """Whether the link that this page was opened with says so."""
    link = _find()
    return link is not None and value in link.told.get(key, ())


def show_faults(place: Any) -> None:
    """Say, above the page, what of the link it was drawn from could not be shown."""
    link = _find()
    if link is None or not link.told:
        return
    lines = [line for key, fault in list(link.faults.items()) if (line := _say(link, key, fault))]
    unread = [key for key in link.told if key not in link.read and key not in CARRIED]
    known = ", ".join(sorted({"ckpt", *link.read}))
    lines += [UNREAD.format(name=_quote(key), known=known) for key in unread]
    for line in lines[:MOST_SAID]:
        place.caption(f":material/link_off: {line}")
    if len(lines) > MOST_SAID:
        place.caption(f"… and {len(lines) - MOST_SAID} more of the link.")


def _find() -> Link | None:
    link = st.session_state.get("link")
    return link if isinstance(link, Link) else None


def _read(key: str) -> str | None:
    """What the link says of a control, while that may still hold."""
    link = _find()
    if link is None or key not in link.told:
        return None
    first = key not in link.read
    link.read.add(key)
    if not first:
        return None
    *others, last = link.told[key]
    if others:
        _note(key, "one value", f"{len(link.told[key])} of them")
        return None
    return last.removesuffix(_TAME)


def _note(key: str, expected: str, found: str, titles: Mapping[Any, str] | None = None) -> None:
    link = _find()
    if link is not None:
        link.faults[key] = Fault(expected, found, titles, watched=key)


def _is_within(text: str, least: int, most: int | None, step: int) -> bool:
    try:
        number = float(text)
    except ValueError:
        return False
    inside = least <= number <= (LARGEST if most is None else most)
    return inside and (not step or (number.is_integer() and (number - least) % step == 0))


def _say(link: Link, key: str, fault: Fault) -> str:
    """The line about a fault; empty once the visitor has chosen something else there."""
    now: Any = st.session_state.get(fault.watched) if fault.watched else None
    if fault.line and now != fault.said_of:
        del link.faults[key]
        return ""
    if not fault.line:
        titles: Mapping[Any, str] = fault.titles or {}
        shown = literal(str(fault.shown or titles.get(now, now) or "nothing")[:120])
        found, expected = _quote(fault.found), literal(fault.expected)
        fault.line = FAULT.format(name=_quote(key), found=found, expected=expected, shown=shown)
        fault.said_of = now
    return fault.line


def _quote(text: str) -> str:
    short = "".join(letter for letter in text if letter.isprintable())
    return literal(short if len(short) <= 40 else f"{short[:39]}…") or "nothing"
