"""`streamlit run app/main.py`, as a person starts it."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import streamlit

from app import warming
from app.cached_quiet import Quiet, quiet
from app.jobs import BackgroundJob
from app.visits import Visitor
from tests.app.conftest import Visit


def fetch(url: str, *, seconds: float = 30) -> str:
    """The answer at an address, once there is one."""
    last = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.1)


def test_it_starts_serves_and_stops(address: str) -> None:
    assert fetch(f"{address}/_stcore/health") == "ok"
    assert "<title>" in fetch(f"{address}/cost")


def test_a_server_that_ends_while_it_warms_up_does_so_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def work() -> None:
        raise FileNotFoundError("what was rendered for it is removed")

    monkeypatch.setattr(warming, "_draw_first", work)
    stopping = threading.Event()
    with pytest.raises(FileNotFoundError):
        warming.warm_up(stopping)
    stopping.set()
    warming.warm_up(stopping)


def test_what_takes_seconds_is_prepared_when_no_page_is_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts; a page is at work when the first should begin, and again when the second should."""
    quiet, stopping, made = Quiet(), threading.Event(), []

    def prepare() -> Iterator[None]:
        for part in range(2):
            yield
            made.append((part, quiet.lasts()))

    for name, found in (
        ("_draw_first", lambda: None),
        ("import_pages", lambda: iter(())),
        ("_prepare", prepare),
    ):
        monkeypatch.setattr(warming, name, found)
    monkeypatch.setattr(warming, "_HEAD_START_S", 0.0)
    monkeypatch.setattr(warming, "quiet", lambda: quiet)
    monkeypatch.setattr("app.cached_quiet.QUIET_S", 0.3)
    warm = threading.Thread(target=warming.warm_up, args=(stopping,))
    with quiet.at_work():
        warm.start()
        time.sleep(1)
        assert not made
    warm.join(10)
    assert [part for part, _ in made] == [0, 1]
    assert made[0][1] >= 0.3


def test_who_waits_for_quiet_is_told_that_the_server_stops() -> None:
    quiet, stopping = Quiet(), threading.Event()
    with quiet.at_work():
        stopping.set()
        assert not quiet.wait(stopping)
        assert quiet.lasts() == 0


def test_a_job_is_work() -> None:
    seen = []
    BackgroundJob(lambda progress: seen.append(quiet().lasts()), Visitor()).run()
    assert seen == [0]


def test_a_page_is_work(monkeypatch: pytest.MonkeyPatch, visit: Visit) -> None:
    """Nobody was at work for a minute; what the page calls sees that one is, and afterwards it is over."""
    noted, seen = Quiet(), []
    noted._since -= 60
    monkeypatch.setattr("app.cached_quiet.quiet", lambda: noted)
    title = streamlit.title

    def show(*words: Any, **how: Any) -> Any:
        seen.append(noted.lasts())
        return title(*words, **how)

    monkeypatch.setattr(streamlit, "title", show)
    visit("cost")
    assert seen == [0]
    assert 0 < noted.lasts() < 60
