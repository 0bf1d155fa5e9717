"""`streamlit run app/main.py`, as a person starts it."""

from __future__ import annotations

import time
import urllib.request


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
