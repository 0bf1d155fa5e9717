"""Who started a piece of work: it is theirs to cancel until they leave."""

from __future__ import annotations

import weakref

import streamlit as st


class Visitor:
    """One visit: it ends some minutes after its page was closed, when Streamlit forgets the session."""


class Owner:
    """Who started something, remembered without keeping them."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = weakref.ref(visitor)

    def admits(self, visitor: Visitor) -> bool:
        """Whether this visitor may stop it: whoever started it, and anybody once they have left."""
        owner = self._visitor()
        return owner is None or owner is visitor


def find_visitor() -> Visitor:
    """The one whose page this is."""
    found = st.session_state.setdefault("visitor", Visitor())
    assert isinstance(found, Visitor)
    return found
