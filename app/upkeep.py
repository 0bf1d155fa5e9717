"""What the server does now and then while it runs: forget who left, and give back memory."""

from __future__ import annotations

import ctypes
import gc
import os
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
    _give_back()
    jobs().drop_unwanted()


def _give_back() -> None:
    """Hand what was freed back to the machine, where the C library is one that keeps it for each thread."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


def _forget_visits() -> None:
    """Streamlit notes when a visit that was left is over, and acts on it when the next one comes."""
    if not runtime.exists():
        return
    kept: Any = getattr(runtime.get_instance(), "_session_mgr", None)
    expire = getattr(getattr(getattr(kept, "_session_storage", None), "_cache", None), "expire", None)
    if expire is not None:
        with suppress(RuntimeError, KeyError):  # a visit came or went meanwhile: next time
            expire()
