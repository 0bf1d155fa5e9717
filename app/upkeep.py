"""What the server does now and then while it runs: forget who left, and give back memory."""

from __future__ import annotations

import gc
import threading
from contextlib import suppress
from typing import Any

from streamlit import runtime

from app.cached import jobs
from app.cached_visitors import visitors

EVERY_S = 45.0


def keep_up(stopping: threading.Event) -> None:
    """Until the server ends."""
    while not stopping.wait(EVERY_S):
        tidy()


def tidy() -> None:
    """Let go of visits that ended, visitors who stay away, work that nobody waits for, and memory."""
    _forget_visits()
    visitors().forget()
    # Once for all pages: Streamlit would do it after each run of each of them.
    gc.collect()
    jobs().drop_unwanted()


def _forget_visits() -> None:
    """Streamlit notes when a visit that was left is over, and acts on it when the next one comes."""
    if not runtime.exists():
        return
    kept: Any = getattr(runtime.get_instance(), "_session_mgr", None)
    expire = getattr(getattr(getattr(kept, "_session_storage", None), "_cache", None), "expire", None)
    if expire is not None:
        with suppress(RuntimeError, KeyError):  # a visit came or went meanwhile: next time
            expire()
