"""The line on a terminal of work that tells no steps."""

from __future__ import annotations

import io
import time

import pytest

from gst_analysis.console import waiting


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Stderr as a terminal on which patience is short."""
    screen = Terminal()
    monkeypatch.setattr(waiting, "find_beneath", lambda stream: screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(waiting, "PATIENCE_S", 0.02)
    monkeypatch.setattr(waiting, "_STEP_S", 0.02)
    return screen


def wait_and_stop() -> None:
    """Work that somebody interrupts."""
    with waiting.show_wait("reading a\x1b[31m.pth"):
        time.sleep(0.2)
        raise KeyboardInterrupt


def test_what_takes_long_is_named_and_leaves_nothing_behind(terminal: Terminal) -> None:
    with pytest.raises(KeyboardInterrupt):
        wait_and_stop()
    _, first, *rest, last = terminal.getvalue().split("\r")
    assert first == "reading a[31m.pth, for 0 s\x1b[K"
    assert rest
    assert last == "\x1b[K"


def test_what_is_soon_done_says_nothing(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE_S", 60)
    with waiting.show_wait("reading a.pth"):
        pass
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("kind", ["a file", "a terminal without orders", "quiet"])
def test_some_get_no_line(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(Terminal, "isatty", lambda screen: kind != "a file")
    monkeypatch.setenv("TERM", "dumb" if kind == "a terminal without orders" else "xterm")
    monkeypatch.setattr(waiting, "is_quiet", lambda: kind == "quiet")
    with waiting.show_wait("reading a.pth"):
        time.sleep(0.05)
    assert terminal.getvalue() == ""
