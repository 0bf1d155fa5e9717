"""Pictures of the explorer for these pages, of the shipped networks, taken in a browser.

    python -m docs.pictures               # writes docs/images/explorer-*.png

Needs Chromium and playwright.
"""

from __future__ import annotations

import io
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ["--no-sandbox", "--disable-gpu"]
COLOURS = 256
PATIENCE_S = 60
IS_STILL = """() =>
    document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning' &&
    !document.querySelector('[data-testid=stSpinner], [data-testid=stSkeleton], [data-stale=true]')"""

_SHOW_A_MOMENT = """() => {
    for (const video of document.querySelectorAll('video')) {
        video.pause();
        video.controls = false;
        video.currentTime = 1.6;
    }
}"""


class Picture(NamedTuple):
    """A page, when it is ready, and how much of it is shown."""

    name: str
    address: str
    awaited: str
    """A CSS selector: what must have been drawn."""
    height: int


PICTURES = (
    Picture("space-and-time", "space_and_time", ".js-plotly-plot .bars", 1010),
    Picture(
        "traces", "traces?ckpt=trained_models/state-change-gst-quarter.pth", ".st-key-timeline .point", 1150
    ),
    Picture("cost", "cost", ".st-key-cost_bars .point", 1020),
)


def main() -> None:
    """Take all pictures."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        sys.exit(f"expected one of {', '.join(BROWSERS)}; found none; install Chromium")
    with serve_explorer() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for picture in PICTURES:
            path = IMAGES / f"explorer-{picture.name}.png"
            path.write_bytes(reduce_colours(take_picture(browser, address, picture)))
            print(path.relative_to(ROOT), f"{path.stat().st_size / 1000:.0f} kB")
        browser.close()


@contextmanager
def serve_explorer() -> Iterator[str]:
    """The explorer on a free port, for as long as the block runs; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app/main.py", "--server.headless", "true"]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    server = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        _await_answer(f"{address}/_stcore/health")
        yield address
    finally:
        server.terminate()
        server.wait()


def _await_answer(url: str) -> None:
    last = time.monotonic() + PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.1)


def take_picture(browser: Any, address: str, picture: Picture) -> bytes:
    """The upper part of a page at 1280 pixels, in light colours, once it stands still."""
    size = {"width": 1280, "height": picture.height}
    context = browser.new_context(viewport=size, color_scheme="light", reduced_motion="reduce")
    context.set_default_timeout(PATIENCE_S * 1000)
    page = context.new_page()
    page.goto(f"{address}/{picture.address}")
    page.locator(picture.awaited).first.wait_for(state="attached")
    page.wait_for_function(IS_STILL)
    page.evaluate(_SHOW_A_MOMENT)
    page.wait_for_timeout(1500)  # fonts, and what moves when it appears
    taken: bytes = page.screenshot()
    context.close()
    return taken


def reduce_colours(png: bytes) -> bytes:
    """The same picture in a file of a fraction of its size."""
    small = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    main()
