"""`streamlit run app/main.py`, as a person starts it."""

from __future__ import annotations

import threading
import time
import urllib.request

import pytest

from app import warming


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
