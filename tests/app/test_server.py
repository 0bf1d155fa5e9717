"""`streamlit run app/main.py`, as a person starts it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import app

ROOT = Path(app.__file__).parents[1]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A running server's address; it must start without a traceback and stop when it is told to."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.headless", "true"]
    command += ["--server.port", port, "--server.address", "127.0.0.1"]
    log = tmp_path / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield f"http://127.0.0.1:{port}"
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)
    finally:
        server.kill()
        server.wait()
    assert "Traceback" not in log.read_text()


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
