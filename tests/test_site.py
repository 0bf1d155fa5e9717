"""The built documentation: it fetches nothing, its search finds what strangers type, no page is too wide."""

from __future__ import annotations

import functools
import http.server
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.serving import find_browser, launch_browser

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs").glob("*.md"))
ASKED = {
    "which layer is temporal": "profile.html",
    "accuracy per class": "inference.html",
    "shuffle frames": "order.html",
    "load my own checkpoint": "checkpoints.html",
    "export": "questions.html",
    "FLOPs": "cost.html",
    "Figure 4": "bn-scales.html",
    "GPU": "gpu-checks.html",
    "Something-Something": "data.html",
    "slim": "slimming.html",
}
"""What strangers type, and a page that must be among the first three."""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
LISTED = """() => [...document.querySelectorAll("#mkdocs-search-results article a")]
    .map(link => link.getAttribute("href"))"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as `make docs` builds them."""
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def open_page(site: Path) -> Iterator[Any]:
    """Opens a page of the site in a browser as narrow as a telephone."""
    if find_browser() is None:
        pytest.skip("no browser, or no playwright")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, launch_browser() as browser:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page(viewport={"width": 420, "height": 900})

        def open_one(name: str) -> Any:
            page.goto(f"http://127.0.0.1:{server.server_port}/{name}")
            return page

        yield open_one
        server.shutdown()


def test_it_has_every_page_and_fetches_nothing(site: Path) -> None:
    pages = {page.stem: page.read_text(encoding="utf-8") for page in site.glob("*.html")}
    assert {page.stem for page in PAGES} <= set(pages)
    for text in pages.values():
        assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"(?:https?:)?//[^\"]+", text) == []
    assert "Load any supported checkpoint" in pages["api"]
    assert "doctest" not in pages["api"]
    assert not list(site.glob("**/*.py"))
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert [name for name, text in pages.items() if f"gst-analysis {version}." not in text] == []


def test_its_search_finds_what_a_stranger_types(open_page: Any) -> None:
    page = open_page("index.html?q=nothing")
    page.wait_for_function("document.querySelector('#mkdocs-search-query').value === 'nothing'")
    missed = {}
    for words, wanted in ASKED.items():
        page.evaluate("document.querySelector('#mkdocs-search-results').replaceChildren()")
        page.evaluate("words => document.querySelector('#mkdocs-search-query').value = words", words)
        page.evaluate("document.querySelector('#mkdocs-search-query').dispatchEvent(new Event('keyup'))")
        page.wait_for_selector("#mkdocs-search-results article", state="attached")
        found = [Path(link.partition("#")[0]).name for link in page.evaluate(LISTED)[:3]]
        if wanted not in found:
            missed[words] = found
    assert missed == {}


@pytest.mark.parametrize("name", ["api", "networks", "cli", "tables", "gallery"])
def test_no_page_scrolls_sideways(open_page: Any, name: str) -> None:
    page = open_page(f"{name}.html")
    page.wait_for_load_state("load")
    assert page.evaluate(TOO_WIDE) <= 0
