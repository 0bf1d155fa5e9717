"""A running explorer, and the browser to look at it with: for what measures it, and for tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

try:
    from playwright import sync_api
except ImportError:  # nobody needs it but who looks at pages in a browser
    sync_api = None  # type: ignore[assignment] # what find_browser asks

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PATIENCE_S = 60


class Server(NamedTuple):
    """An explorer that answers."""

    address: str
    began: float
    """When it was started, by `time.perf_counter`."""
    answered: float
    """When it first answered."""
    process: int


def find_browser() -> str | None:
    """Chromium or Chrome, with what drives it; None where one is missing."""
    return next(filter(None, map(shutil.which, BROWSERS)), None) if sync_api is not None else None


@contextmanager
def launch_browser() -> Iterator[Any]:
    """The browser that was found, until the block ends."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def serve(
    folder: Path | None = None, *, log: Path | None = None, kept_bytes: int | None = None
) -> Iterator[Server]:
    """An explorer that was started in a folder, an empty one unless told, and stops with the block.

    Args:
        folder: what it may read beside the shipped networks.
        log: where to keep what it says.
        kept_bytes: of results that it remembers, where that is not what it would.
    """
    with tempfile.TemporaryDirectory() as empty, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
        free.close()
        with (log or Path(os.devnull)).open("wb") as output:
            began = time.perf_counter()
            server = subprocess.Popen(
                _command(port, kept_bytes),
                cwd=folder or empty,
                env=_environment(),
                stdout=output,
                stderr=output,
            )
            try:
                address = f"http://127.0.0.1:{port}"
                answered = _wait_for_server(f"{address}/_stcore/health", server)
                yield Server(address, began, answered, server.pid)
                server.send_signal(signal.SIGTERM)
                server.wait(timeout=_PATIENCE_S)
            finally:
                server.kill()
                server.wait()


_REMEMBER = """import sys
from app import cached_results
from streamlit.web.cli import main
cached_results.MOST_BYTES = int(sys.argv.pop(1))
main()"""


def _command(port: str, kept_bytes: int | None) -> list[str]:
    told = ["run", str(ROOT / "app" / "main.py"), "--server.headless", "true", "--server.port", port]
    called = ["-m", "streamlit"] if kept_bytes is None else ["-c", _REMEMBER, str(kept_bytes)]
    return [sys.executable, *called, *told, "--server.address", "127.0.0.1"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}


def _wait_for_server(url: str, server: subprocess.Popen[bytes]) -> float:
    last = time.perf_counter() + _PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return time.perf_counter()
        except OSError:
            if time.perf_counter() > last or server.poll() is not None:
                raise
            time.sleep(0.02)
