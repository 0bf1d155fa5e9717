"""What happens between a server's first answer and its first picture: moments in order, and where work goes.

`python -m benchmarks.explorer --timeline` prints it. Chromium's trace tells what the page's thread did and
its processor time with it, so a busy machine moves moments but hardly the work. Tracing costs some of both.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.choosing import FIRST_SHOWN
from benchmarks.serving import launch_browser, serve

Event = Mapping[str, Any]
CATEGORIES = ["devtools.timeline", "blink.user_timing", "v8", "disabled-by-default-v8.compile", "loading"]
MARKED = "gst: "
"""What our own marks in the trace begin with."""
_WATCH = """([first, marked]) => {
  const seen = new Set(), mark = what => seen.has(what) || (seen.add(what), performance.mark(marked + what));
  const drawn = ".main-svg .plot path, .main-svg .bars path";
  new MutationObserver(() => {
    const words = [...document.querySelectorAll("[data-testid=stMarkdown] :is(p, li)")];
    if (document.querySelector("h1")) mark("the title stands");
    if (words.some(one => one.textContent.startsWith(first + ": "))) mark("the first verdict stands");
    const plots = [...document.querySelectorAll(".js-plotly-plot")].filter(one => one.querySelector(drawn));
    plots.forEach((_, number) => mark(`figure ${number + 1} is drawn`));
  }).observe(document, { childList: true, subtree: true });
}"""
_KINDS = {
    "reading scripts": ("V8.Parse", "V8.PreParse", "V8.Compile", "v8.compile", "V8.CollectSource"),
    "running scripts": ("v8.evaluateModule", "EvaluateScript", "v8.callFunction", "FunctionCall", "v8.run"),
    "style and layout": ("UpdateLayoutTree", "Layout", "PrePaint", "Paint", "Layerize"),
    "collecting garbage": ("V8.GC", "MinorGC", "MajorGC", "CppGC"),
}
_LONG_MS = 50.0
"""Processor time from which on a script's first run is a moment of its own."""


class Moment(NamedTuple):
    """Seconds after the first answer, and what then was."""

    at: float
    what: str


class Timeline(NamedTuple):
    """One first visit."""

    began: float
    """When the server's process was started: seconds, negative."""
    moments: tuple[Moment, ...]
    work: Mapping[str, float]
    """Processor time of the page's thread until the first figure, seconds by kind."""


def measure_timeline() -> Timeline:
    """Open a fresh server's first page in a fresh browser that is traced."""
    frames: list[tuple[float, str]] = []
    with launch_browser() as browser:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.add_init_script(f"({_WATCH})({json.dumps([FIRST_SHOWN[0], MARKED])})")
        tools = context.new_cdp_session(page)
        tools.send("Network.enable")
        tools.on(
            "Network.webSocketFrameReceived",
            lambda told: frames.append((told["timestamp"], told["response"]["payloadData"])),
        )
        browser.start_tracing(page=page, categories=CATEGORIES)
        with serve() as server:
            page.goto(server.address, wait_until="commit")
            page.locator("[data-test-script-state=notRunning] .js-plotly-plot").nth(2).wait_for()
            page.wait_for_function("performance.getEntriesByType('mark').some(one => /3 is/.test(one.name))")
            events = json.loads(browser.stop_tracing())["traceEvents"]
    # Both clocks, Python's and the trace's, are the machine's own since it was started.
    said = read_messages([(at, base64.b64decode(sent)) for at, sent in frames])
    found = read_trace(events, server.answered)
    moments = sorted([*found, *(Moment(at - server.answered, what) for at, what in said)])
    return Timeline(server.began - server.answered, tuple(moments), sum_work(events, server.answered))


def read_messages(frames: Sequence[tuple[float, bytes]]) -> Iterator[Moment]:
    """The messages of the server that matter here, when the page's thread took them."""
    figures = 0
    for at, content in frames:
        message = ForwardMsg()
        message.ParseFromString(content)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            yield Moment(at, "the server's first message")
        elif kind == "script_finished":
            yield Moment(at, "the server's last message")
        elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "plotly_chart":
            figures += 1
            yield Moment(at, f"figure {figures} has come, {len(content) / 1e3:.0f} kB")


def read_trace(events: Sequence[Event], answered: float) -> Iterator[Moment]:
    """What was asked for and came, scripts that ran long, and our marks; `answered` on the trace's clock."""
    main, names = find_thread(events), {}
    for event in sorted(events, key=lambda one: one.get("ts", 0)):
        told, at = event.get("args", {}).get("data", {}), event.get("ts", 0) / 1e6 - answered
        if event["name"] == "ResourceSendRequest":
            names[told["requestId"]] = told["url"].rpartition("/")[2] or "the page"
            if names[told["requestId"]] == "the page":
                yield Moment(at, "the page is asked for")
        elif event["name"] == "ResourceFinish" and _matters(names.get(told["requestId"], "")):
            yield Moment(at, f"{names[told['requestId']]} has come")
        elif event["name"].startswith(MARKED):
            yield Moment(at, event["name"].removeprefix(MARKED))
        elif (
            _of(event, main)
            and event["name"] == "v8.evaluateModule"
            and event.get("tdur", 0) > 1e3 * _LONG_MS
        ):
            worked = f"{event['tdur'] / 1e6:.2f} s of work, {event['dur'] / 1e6:.2f} s by the clock"
            yield Moment(at, f"a script begins to run: {worked}")


def sum_work(events: Sequence[Event], answered: float) -> dict[str, float]:
    """Processor time of the page's thread from the first answer to the first figure, in seconds by kind."""
    main = find_thread(events)
    end = min(one["ts"] for one in events if one["name"] == f"{MARKED}figure 1 is drawn")
    timed = [one for one in events if _of(one, main) and one.get("ph") == "X" and one.get("tdur")]
    spent: Counter[str] = Counter()
    around: list[Event] = []
    for event in sorted(timed, key=lambda one: (one["ts"], -one["dur"])):
        if not answered * 1e6 <= event["ts"] < end:
            continue
        while around and event["ts"] >= around[-1]["ts"] + around[-1]["dur"]:
            around.pop()
        spent[_kind(event["name"])] += event["tdur"]
        if around:
            spent[_kind(around[-1]["name"])] -= event["tdur"]
        around.append(event)
    return {kind: microseconds / 1e6 for kind, microseconds in spent.most_common()}


def find_thread(events: Sequence[Event]) -> tuple[int, int]:
    """Process and thread of the page: those of our first mark."""
    first = next(one for one in events if one["name"].startswith(MARKED))
    return first["pid"], first["tid"]


def print_timeline(timeline: Timeline) -> None:
    """A line a moment, and one for each kind of work."""
    print(f"{timeline.began:7.2f} s  the server is started\n{0:7.2f} s  its first answer")
    for moment in timeline.moments:
        print(f"{moment.at:7.2f} s  {moment.what}")
    print("the page's thread until the first figure, seconds of processor time:")
    for kind, seconds in timeline.work.items():
        print(f"{seconds:7.2f} s  {kind}")


def _matters(name: str) -> bool:
    return name == "the page" or name.startswith(("index.", "PlotlyChart.", "StreamlitSyntaxHighlighter."))


def _of(event: Event, thread: tuple[int, int]) -> bool:
    return (event.get("pid"), event.get("tid")) == thread


def _kind(name: str) -> str:
    return next((kind for kind, begins in _KINDS.items() if name.startswith(begins)), "else")
