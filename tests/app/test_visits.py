"""A visitor is a browser: known again after a reload, alone with what is theirs, forgotten in time."""

from __future__ import annotations

import gc
import io
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from app import cached, cached_visitors, visits
from app.uploads import Uploads
from app.visits import COOKIE, Owner, Visitors
from gst_analysis.errors import OutputError
from tests.app.conftest import Visit
from tests.conftest import SaveSmall

TOKENS = ["a" * 64, "b" * 64]


def test_a_reload_is_the_same_visitor_and_another_browser_is_not() -> None:
    known = Visitors()
    first = known.find(TOKENS[0])
    visit = first.enter()
    del visit  # the page that was reloaded
    assert known.find(TOKENS[0]) is first
    assert known.find(TOKENS[1]) is not first
    assert known.find(None) is not known.find(None)


def test_who_stays_away_is_forgotten_with_what_they_brought(tmp_path: Path) -> None:
    known = Visitors(kept_s=0)
    visitor = known.find(TOKENS[0])
    visit = visitor.enter()
    uploads = visitor.things["clips"] = Uploads(tmp_path)
    uploads.keep("x.pth", io.BytesIO(b"weights"), 7)
    owner, folder = Owner(visitor), uploads.folder
    known.forget()
    assert folder.exists()  # a page of theirs is open
    gone = weakref.ref(visitor)
    del visit, visitor, uploads
    gc.collect()
    known.forget()
    gc.collect()
    assert gone() is None
    assert not folder.exists()
    assert owner.admits(known.find(None))


def test_those_away_for_longest_go_first_where_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "MOST_KEPT", 3)
    known = Visitors()
    here = known.find("0" * 64).enter()
    others = [known.find(f"{number:064d}") for number in range(1, 6)]
    known.forget()
    assert known.find("0" * 64) is here.visitor
    assert known.find(f"{5:064d}") is others[-1]
    assert known.find(f"{1:064d}") is not others[0]


@pytest.fixture
def come_with(monkeypatch: pytest.MonkeyPatch) -> Any:
    """From now on pages are asked for with this cookie."""
    known = Visitors()
    monkeypatch.setattr(cached_visitors, "visitors", lambda: known)

    def come(token: str) -> None:
        context = SimpleNamespace(cookies={COOKIE: token}, theme=SimpleNamespace(type="light"))
        monkeypatch.setattr(st, "context", context)

    return come


def test_uploads_survive_a_reload_and_nobody_else_has_them(
    visit: Visit, save_small: SaveSmall, come_with: Any
) -> None:
    content = save_small(file="kept.pth").read_bytes()
    come_with(TOKENS[0])
    page = visit("space_and_time")
    page.file_uploader[0].upload("mine.pth", content).run()
    again = visit("space_and_time", ckpt="upload:mine.pth")
    assert not again.error
    assert again.session_state.listed == ["upload:mine.pth"]
    come_with(TOKENS[1])
    theirs = visit("space_and_time", ckpt="upload:mine.pth")
    assert "expected a file that you uploaded" in theirs.error[0].value.replace("\\", "")
    assert not theirs.multiselect


def test_uploads_of_all_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.uploads.MOST_BYTES_OF_ALL", 10)
    one, other = Uploads(tmp_path), Uploads(tmp_path)
    one.keep("a.pth", io.BytesIO(b"weights"), 7)
    with pytest.raises(OutputError, match="expected room for it"):
        other.keep("b.pth", io.BytesIO(b"weights"), 7)
    one.clear()
    assert other.keep("b.pth", io.BytesIO(b"weights"), 7) == "b.pth"


def test_what_empties_streamlits_caches_orphans_no_work(folder: Path) -> None:
    jobs, home = cached.jobs(), cached.make_upload_home()
    st.cache_data.clear()
    st.cache_resource.clear()
    assert cached.jobs() is jobs
    assert cached.make_upload_home() == home
