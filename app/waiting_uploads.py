"""Files that were sent and that no page has taken yet: Streamlit holds them in memory, of any number.

A page that takes one lets go of Streamlit's copy, which else stays as long as the visit. What is left are
files that were sent past any page, or a moment before it takes them: few are enough, for each and for all.
Whoever holds most of the room for all does not keep others out: what waits longest, or is of whoever holds
more than the one who asks, goes when there is no room left. One person may have many visits open, so holders
are told apart by the network address they send from; where all come from one, as behind a proxy, by visit.
"""

from __future__ import annotations

import ipaddress
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

MOST_OF_ONE, MOST_OF_ALL = 41, 240
"""Files: clips with their list come together."""
MOST_BYTES_OF_ONE, MOST_BYTES_OF_ALL = 2**30, 2 * 2**30
FORGOTTEN_S = 60.0
"""Seconds after which a page that wanted a file would have taken it."""
_UPLOAD = re.compile(r".*/_stcore/upload_file/([^/]+)/([^/]+)/?")


def let_go(upload: Any) -> None:
    """Have Streamlit drop its copy of a file that was taken."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and runtime.exists():
        manager: Any = runtime.get_instance().uploaded_file_mgr
        manager.remove_file(context.session_id, upload.file_id)


@dataclass(frozen=True)
class Waiting:
    """A file that is held, or on its way."""

    visit: str
    place: str
    """The network that it was sent from; empty where that is not known."""
    size: int
    since: float
    coming: bool
    drop: Callable[[], object]


class ComingUploads:
    """Files that are on their way. They are counted before they are there: many may come at once."""

    def __init__(self) -> None:
        self._coming: dict[object, Waiting] = {}
        self._came: dict[tuple[str, str], tuple[str, float]] = {}
        """Where files came from that are held now, and when."""

    def refuse(self, path: str, told_length: str | None, *, address: str = "") -> str | None:
        """Why a file is not taken in; None where there is room for it, or where it was made."""
        asked = _UPLOAD.fullmatch(path)
        if asked is None or not runtime.exists():
            return None
        if told_length is None or not told_length.isdecimal() or len(told_length) > 15:
            return "How long the file is must be told before it comes."  # as browsers do
        waiting, size = self._list_waiting(), int(told_length)
        own = [one.size for one in waiting if one.visit == asked[1]]
        if len(own) >= MOST_OF_ONE or size + sum(own) > MOST_BYTES_OF_ONE:
            most = f"At most {MOST_OF_ONE} files and {MOST_BYTES_OF_ONE // 2**20:,} MB at a time."
            return f"{most} Wait until the page shows those that you sent."
        given_up = choose_given_up(waiting, asked[1], find_place(address), size)
        if given_up is None:
            return "Others are sending files. Try again in a minute."
        for one in given_up:
            one.drop()
        return None

    @contextmanager
    def counting(
        self,
        path: str,
        told_length: str | None,
        *,
        address: str = "",
        drop: Callable[[], object] = lambda: None,
    ) -> Iterator[None]:
        """Count what is sent until it has come, or has failed to; `drop` ends it where room is needed."""
        asked, one = _UPLOAD.fullmatch(path), object()
        if asked is not None and told_length is not None and told_length.isdecimal():
            place = find_place(address)
            told = Waiting(asked[1], place, int(told_length), time.monotonic(), True, drop)
            self._coming[one] = told
        try:
            yield
            if asked is not None:
                self._came[asked[1], asked[2]] = find_place(address), time.monotonic()
        finally:
            self._coming.pop(one, None)

    def _list_waiting(self) -> list[Waiting]:
        manager: Any = runtime.get_instance().uploaded_file_mgr
        # Streamlit's manager shows what it holds by visit under this name alone.
        storage = dict(getattr(manager, "file_storage", {}))
        held = {
            (visit, name): len(file.data) for visit, of in storage.items() for name, file in list(of.items())
        }
        self._came = {key: told for key, told in self._came.items() if key in held}
        now, found = time.monotonic(), list(self._coming.values())
        for (visit, name), size in held.items():
            place, since = self._came.setdefault((visit, name), ("", now))
            drop = _drop_held(manager, visit, name)
            found.append(Waiting(visit, place, size, since, False, drop))
        return found


def _drop_held(manager: Any, visit: str, name: str) -> Callable[[], object]:
    def drop() -> None:
        manager.remove_file(session_id=visit, file_id=name)

    return drop


def find_place(address: str) -> str:
    """The network of an address: one number, or in IPv6 all that one house has."""
    with suppress(ValueError):
        number = ipaddress.ip_address(address)
        if number.version == 6:
            return str(ipaddress.ip_network((number, 64), strict=False))
    return address


def choose_given_up(waiting: Sequence[Waiting], visit: str, place: str, size: int) -> list[Waiting] | None:
    """What goes so that a file of this size has room beside the others; None where it has to wait."""
    kept, gone = list(waiting), list[Waiting]()
    while True:
        many = len(kept) >= MOST_OF_ALL
        if not many and sum(one.size for one in kept) + size <= MOST_BYTES_OF_ALL:
            return gone
        found = _find_forgotten(kept) or _find_heaviest(kept, visit, place, size, by_number=many)
        if found is None:
            return None
        kept.remove(found)
        gone.append(found)


def _find_forgotten(waiting: Sequence[Waiting]) -> Waiting | None:
    """What no page has taken for long; files of a visit that is still sending wait for its last one."""
    sending = {one.visit for one in waiting if one.coming}
    late = time.monotonic() - FORGOTTEN_S
    old = [one for one in waiting if one.since < late and not one.coming and one.visit not in sending]
    return min(old, key=lambda one: one.since, default=None)


def _find_heaviest(
    waiting: Sequence[Waiting], visit: str, place: str, size: int, *, by_number: bool
) -> Waiting | None:
    """The oldest file of whoever holds most, if that is more than the one who asks would hold then."""
    weights = {id(one): 1 if by_number else one.size for one in waiting}
    places, visits = Counter[str](), Counter[str]()
    for one in waiting:
        places[one.place] += weights[id(one)]
        visits[one.visit] += weights[id(one)] if one.place == place else 0
    most, asked = max(places, key=lambda held: places[held]), 1 if by_number else size
    if most != place:
        theirs = [one for one in waiting if one.place == most]
        fair = places[most] > places[place] + asked
    else:
        most = max(visits, key=lambda held: visits[held])
        theirs = [one for one in waiting if one.visit == most]
        fair = most != visit and visits[most] > visits[visit] + asked
    return min(theirs, key=lambda one: one.since) if fair else None
