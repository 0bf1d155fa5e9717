"""The timeline of a first visit, from a trace whose truth is written down here."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.explorer_timeline import (
    MARKED,
    Moment,
    Timeline,
    print_timeline,
    read_messages,
    read_trace,
    sum_work,
)

PAGE = {"pid": 7, "tid": 1}
ANSWERED = 100.0


def work(name: str, ts: float, dur: float, tdur: float, **where: int) -> dict[str, Any]:
    """A complete event; all times in milliseconds after the answer."""
    times = {"ts": 1e6 * ANSWERED + 1e3 * ts, "dur": 1e3 * dur, "tdur": 1e3 * tdur}
    return {"name": name, "ph": "X", "args": {}, **PAGE, **times, **where}


def moment(name: str, ts: float, **told: str) -> dict[str, Any]:
    args = {"data": told}
    return {"name": name, "ph": "I", "ts": 1e6 * ANSWERED + 1e3 * ts, "args": args, **PAGE}


EVENTS = [
    work("v8.evaluateModule", -50, 40, 40),  # before the answer
    moment("ResourceSendRequest", 10, requestId="1", url="http://127.0.0.1:1/"),
    moment("ResourceSendRequest", 20, requestId="2", url="http://127.0.0.1:1/static/js/PlotlyChart.abc.js"),
    moment("ResourceSendRequest", 20, requestId="3", url="http://127.0.0.1:1/static/js/small.js"),
    moment("ResourceFinish", 30, requestId="1"),
    moment("ResourceFinish", 60, requestId="3"),
    moment("ResourceFinish", 90, requestId="2"),
    work("v8.evaluateModule", 100, 400, 200),
    work("V8.ParseFunction", 110, 100, 80),  # within it
    work("Layout", 600, 30, 20),
    work("v8.evaluateModule", 650, 900, 500, tid=2),  # another thread's
    work("FunctionCall", 690, 5, 5),
    moment(f"{MARKED}figure 1 is drawn", 700),
    work("Layout", 800, 60, 60),
]


def test_moments_are_those_of_the_page() -> None:
    assert [(round(at, 6), what) for at, what in read_trace(EVENTS, ANSWERED)] == [
        (0.01, "the page is asked for"),
        (0.03, "the page has come"),
        (0.09, "PlotlyChart.abc.js has come"),
        (0.1, "a script begins to run: 0.20 s of work, 0.40 s by the clock"),
        (0.7, "figure 1 is drawn"),
    ]


def test_work_within_other_work_counts_once() -> None:
    found = sum_work(EVENTS, ANSWERED)
    assert found == pytest.approx(
        {"running scripts": 0.125, "reading scripts": 0.08, "style and layout": 0.02}
    )


def test_messages_are_told_by_what_they_bring() -> None:
    session, chart, words, last = (ForwardMsg() for _ in range(4))
    session.new_session.page_script_hash = "x"
    chart.delta.new_element.plotly_chart.spec = "x" * 5000
    words.delta.new_element.markdown.body = "words"
    last.script_finished = ForwardMsg.FINISHED_SUCCESSFULLY
    sent = [one.SerializeToString() for one in (session, chart, words, chart, last)]
    assert [what for _, what in read_messages(list(enumerate(sent)))] == [
        "the server's first message",
        "figure 1 has come, 5 kB",
        "figure 2 has come, 5 kB",
        "the server's last message",
    ]


def test_it_is_printed_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    print_timeline(Timeline(-2.0, (Moment(0.5, "one"), Moment(1.25, "two")), {"running scripts": 0.7}))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["-2.00", "s", "the", "server", "is", "started"]
    assert [line.split()[0] for line in lines if line.endswith(("one", "two"))] == ["0.50", "1.25"]
    assert lines[-1].split() == ["0.70", "s", "running", "scripts"]
