"""Work takes as long when somebody looks at its bar as when nobody does."""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import app
from benchmarks.serving import ROOT
from tests.app.test_server import fetch

pytestmark = pytest.mark.slow
PAIRS, MOST = 3, 1.1


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server of one page with one piece of work, with the explorer's settings and its progress bar."""
    shutil.copy(Path(__file__).with_name("watched_work.py"), tmp_path)
    shutil.copytree(Path(app.__file__).with_name(".streamlit"), tmp_path / ".streamlit")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "streamlit", "run", "watched_work.py", "--server.port", port]
    environment = os.environ | {"GST_ANALYSIS_TEST_ROOT": str(ROOT)}
    server = subprocess.Popen([*command, "--server.headless", "true"], cwd=tmp_path, env=environment)
    try:
        fetch(f"http://127.0.0.1:{port}/_stcore/health")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def measure(page: Any, address: str, name: str, *, watched: bool) -> float:
    """Seconds that the work took."""
    page.goto(f"{address}/?name={name}")
    page.get_by_text("Counting").wait_for()
    if not watched:
        page.goto("about:blank")
        time.sleep(20)
        page.goto(f"{address}/?name={name}")
    page.get_by_text("done", exact=True).wait_for()
    return float(Path(f"{name}.txt").read_text())


def test_watching_work_does_not_hold_it_up(
    browser: Any, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit's own look through all objects after each step made it ten times as long."""
    monkeypatch.chdir(tmp_path)
    page = browser.new_page()
    page.set_default_timeout(120_000)
    measure(page, address, "first", watched=True)  # imports
    ratios = []
    for number in range(PAIRS):
        alone = measure(page, address, f"alone-{number}", watched=False)
        ratios.append(measure(page, address, f"watched-{number}", watched=True) / alone)
    page.close()
    print("watched / alone", *(f"{ratio:.2f}" for ratio in sorted(ratios)))
    assert statistics.median(ratios) <= MOST
