"""What the browser is told to fetch with the page itself, because the first page asks for it soon.

Streamlit's page asks for a control's script when the first such control arrives, and for what that script
needs once it has it: round after round, and what plots (5 MB) runs only after the last of them. Named with
the page, all of it comes at once, and plots are ready before the first figure is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import streamlit

PLOTS = "PlotlyChart"
SHOWN_FIRST = (
    PLOTS,
    "Html",
    "Multiselect",
    "TextInput",
    "FileUploader",
    "Selectbox",
    "ButtonGroup",
    "DownloadButton",
)
"""What the first page shows down to its first figure, as Streamlit calls the scripts that show it."""
_SCRIPTS = Path(streamlit.__file__).parent / "static" / "static" / "js"
_IMPORTS = re.compile(rb'(?:from|import)"\./([\w.-]+\.js)"')
_HEAD = 8192
"""Bytes of a script that hold what it imports, which it begins with."""


def find_script(name: str) -> Path | None:
    """One of Streamlit's scripts, whose file has a hash in its name; None if it is called otherwise."""
    return next(_SCRIPTS.glob(f"{name}.*.js"), None)


def find_plots() -> str:
    """The script that draws plots, as an address relative to a page; empty if it is not found."""
    found = find_script(PLOTS)
    return "" if found is None else _address(found.name)


def list_early() -> list[str]:
    """What the first page shows and what that imports, as addresses relative to a page, plots first.

    What the page names itself is left out. A script that is not found is asked for later, as without this.
    """
    page = _SCRIPTS.parents[1] / "index.html"
    seen = set(re.findall(r"static/js/([\w.-]+\.js)", page.read_text())) if page.is_file() else set()
    scripts = filter(None, map(find_script, SHOWN_FIRST))
    return [_address(name) for script in scripts for name in _list(script, seen)]


def _list(script: Path, seen: set[str]) -> Iterator[str]:
    """A script and what it needs, each once."""
    if script.name in seen or not script.is_file():
        return
    seen.add(script.name)
    yield script.name
    with script.open("rb") as file:
        head = file.read(_HEAD)
    for name in _IMPORTS.findall(head):
        yield from _list(script.with_name(name.decode()), seen)


def _address(name: str) -> str:
    return f"./static/js/{name}"
