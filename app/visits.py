"""Who is who: a visitor is a browser, known by a cookie that the server made, for as long as they come back.

A visitor owns uploads and work. A reload is the same visitor; somebody else's browser is not. Whoever stays
away for half an hour is forgotten, and with them what they brought. Where no cookie comes along, each visit
is a visitor of its own.
"""

from __future__ import annotations

import re
import threading
import time
import weakref
from collections import OrderedDict
from typing import Any

COOKIE = "gst_analysis_visitor"
KEPT_S = 30 * 60
"""Seconds after which a visitor who has no page open is forgotten."""
MOST_KEPT = 500
_TOKEN = re.compile(r"[0-9a-f]{64}")


def read_token(text: object) -> str | None:
    """What a browser was given to be known by; None for what no server of ours gives."""
    return text if isinstance(text, str) and _TOKEN.fullmatch(text) else None


class Visitor:
    """Who comes with one browser. What is theirs is kept here, and goes with them."""

    def __init__(self) -> None:
        self.things: dict[str, Any] = {}
        self.left_at = time.monotonic()
        self._visits: weakref.WeakSet[Visit] = weakref.WeakSet()

    def enter(self) -> Visit:
        """A page of theirs is opened."""
        visit = Visit(self)
        self._visits.add(visit)
        return visit

    def is_here(self) -> bool:
        """Whether one of their pages is open, or was a moment ago."""
        return len(self._visits) > 0


class Visit:
    """One open page; the visitor stays at least as long as this is held."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        weakref.finalize(self, _note_end, weakref.ref(visitor))


def _note_end(visitor: weakref.ref[Visitor]) -> None:
    found = visitor()
    if found is not None:
        found.left_at = time.monotonic()


class Owner:
    """Who started something, remembered without keeping them."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = weakref.ref(visitor)

    def admits(self, visitor: Visitor) -> bool:
        """Whether this visitor may see and stop it: whoever started it, and anybody once they have left."""
        owner = self._visitor()
        return owner is None or owner is visitor


class Visitors:
    """Those that this server knows, by what their browsers were given."""

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self._known: OrderedDict[str, Visitor] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, token: str | None) -> Visitor:
        """The visitor of a browser; a new one where it is not known."""
        self.forget()
        if token is None:
            return Visitor()
        with self._lock:
            visitor = self._known.setdefault(token, Visitor())
            self._known.move_to_end(token)
            return visitor

    def forget(self) -> None:
        """Let go of those who have been away for long, and of the longest away where they are too many."""
        now = time.monotonic()
        with self._lock:
            away = {token: found for token, found in self._known.items() if not found.is_here()}
            longest = sorted(away, key=lambda token: away[token].left_at)
            over = longest[: max(0, len(self._known) - MOST_KEPT)]
            gone = [token for token in away if now - away[token].left_at > self._kept_s]
            dropped = [self._known.pop(token) for token in dict.fromkeys((*over, *gone))]
        for visitor in dropped:  # outside the lock: files are removed
            visitor.things.clear()
