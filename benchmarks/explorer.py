"""What a visitor of the explorer waits for: the first picture, and each change of page; in headless Chromium.

    python -m benchmarks.explorer [--json FILE]
    python -m benchmarks.explorer --timeline     # what happens until the first picture, and who works

The server starts with nothing in its caches. The clock starts when it first answers; the browser is open by
then, and goes to the first page at once. The first picture is there when a figure has its marks. The verdict
is there when the sentence about the first shipped network stands; its clock starts with the server's process.
A page has been changed when its address stands there and its script has come to its end. Each page is opened
twice, so that what belongs to a first visit (an import, a checkpoint that is read) is told apart. These are
seconds on the clock, which mean little while others use the machine; what the server worked meanwhile is
told, too.
"""

from __future__ import annotations

import argparse
import compileall
import os
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.choosing import FIRST_SHOWN
from app.navigation import list_pages
from benchmarks.explorer_timeline import measure_timeline, print_timeline
from benchmarks.machine import describe_machine
from benchmarks.serving import ROOT, find_browser, launch_browser, serve
from gst_analysis.files import to_json, write_whole

PAGES = ("space_and_time", "cost", "is_it_true", "analyses", "start")
PICTURE_S, VERDICT_S, SWITCH_S = 3.0, 10.0, 0.5
"""What is promised, seconds."""
_PATIENCE_S = 60
_DONE = "[data-test-script-state=notRunning]"
_VERDICTS = "[data-testid=stMarkdown] :is(p, li)"
_MARKS = ".js-plotly-plot .main-svg .plot path, .js-plotly-plot .main-svg .bars path"


@dataclass(frozen=True)
class Waits:
    """Seconds."""

    picture: float
    """From the server's first answer to the first picture."""
    verdict: float
    """From the server's start to the verdict about a shipped network."""
    worked: float
    """Processor time of the server meanwhile, its warming up of other pages included."""
    again: float
    """The first picture of a second visitor, from going there."""
    first: dict[str, float]
    """Each page when it is opened for the first time."""
    switches: dict[str, float]
    """Each page when it is opened again."""

    @property
    def switch(self) -> float:
        """The middle one of all changes of page."""
        return statistics.median(self.switches.values())


def measure_waits(pages: Sequence[str] = PAGES) -> Waits:
    """Start a server and a browser, and look at the clock."""
    _compile()
    with launch_browser() as started:
        page = _visit(started)
        with serve() as server:
            before = read_processor_time(server.process)
            page.goto(server.address, wait_until="commit")
            verdict = _wait_for_verdict(page) - server.began
            picture = _wait_for_picture(page) - server.answered
            worked = read_processor_time(server.process) - before
            page.wait_for_selector(_DONE)
            first, switches = ({name: _change_page(page, name) for name in pages} for _ in range(2))
            other, begun = _visit(started), time.perf_counter()
            other.goto(server.address, wait_until="commit")
            again = _wait_for_picture(other) - begun
    return Waits(picture, verdict, worked, again, first, switches)


def _compile() -> None:
    for folder in ("gst_analysis", "app"):  # as an installed package has been
        compileall.compile_dir(ROOT / folder, quiet=2)


def _visit(browser: Any) -> Any:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(1000 * _PATIENCE_S)
    return context.new_page()


def _wait_for_picture(page: Any) -> float:
    page.locator(_MARKS).first.wait_for(state="attached")
    return time.perf_counter()


def _wait_for_verdict(page: Any) -> float:
    told = page.locator(_VERDICTS, has_text=re.compile(f"^{FIRST_SHOWN[0]}: "))
    told.first.wait_for()
    return time.perf_counter()


def _change_page(page: Any, script: str) -> float:
    (line,) = [one for one in list_pages() if one.script == script]
    path = "/" if line is list_pages()[0] else f"/{script}"
    begun = time.perf_counter()
    page.get_by_role("link", name=line.title).first.click()
    arrived = "([path, done]) => location.pathname === path && document.querySelector(done)"
    page.wait_for_function(arrived, arg=[path, _DONE])
    return time.perf_counter() - begun


def read_processor_time(process: int) -> float:
    """Seconds that a process has worked, all threads together."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print what was waited for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    parser.add_argument("--timeline", action="store_true", help="print what happens until the first picture")
    given = parser.parse_args()
    if find_browser() is None:
        parser.exit(1, "neither Chromium with playwright nor Chrome is here\n")
    if given.timeline:
        _compile()
        print_timeline(measure_timeline())
        return
    waits = measure_waits()
    print(f"the verdict {waits.verdict:.2f} s from the server's start (at most {VERDICT_S:g})")
    print(f"first picture {waits.picture:.2f} s (at most {PICTURE_S:g}), server's work {waits.worked:.2f} s")
    print(f"first picture of a second visitor {waits.again:.2f} s")
    for name in waits.switches:
        print(f"{name:16} at first {waits.first[name]:.2f} s, again {waits.switches[name]:.2f} s")
    print(f"a change of page, the middle one: {waits.switch:.2f} s (at most {SWITCH_S:g})")
    if given.json:
        content = to_json({"machine": describe_machine(), "waits": waits}).encode()
        write_whole(given.json, lambda file: file.write(content), replace=True)


if __name__ == "__main__":
    main()
