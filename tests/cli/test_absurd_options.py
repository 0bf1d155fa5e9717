"""Every option of every command with values that make no sense: one line and exit code 2, soon, and no harm.

A value that happens to make sense may lead to hours of work: then Ctrl-C ends it, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gst_analysis.cli import app, run
from tests.cli.test_sockets import LINES, NET, OTHER, WORLD, bench
from tests.hostile.children import warm
from tests.training import runs

__all__ = ["bench"]

VALUES = {
    "nothing": "",
    "negative": "-1",
    "no number": "nan",
    "endless": "1e400",
    "5,000 digits": "9" * 5_000,
    "beyond 64 bits": str(2**70),
    "a billion": "1000000000",
    "by nothing": "1/0",
    "a fraction": "0.5",
    "other digits": "٣",
    "commas": ",,,",
    "an order for the terminal": "\x1b[31mred",
    "half a character": "a\udcffb",
    "a folder": "folder",
    "a pipe": "pipe",
    "a device": "/dev/zero",
    "a full device": "/dev/full",
    "nothing there": "missing/file",
    "text": "text.txt",
    "bytes": "noise.bin",
    "a command": "$(touch ran);`touch ran`",
    "markup": "<b>&x</b>$\\foo{$ :red[x]",
    "very long": "x" * 100_000,
}
ROOM = 4 * 2**30
SECONDS, PATIENCE_S = 20, 20
MOST_SAID = 9_000
"""Four parts of an error, at most 2,000 characters each."""


def list_options(command: str) -> list[str]:
    return [
        one.opts[0]
        for one in app.commands[command].params
        if one.param_type_name == "option" and not getattr(one, "is_flag", False)
    ]


@pytest.fixture
def place(bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What lines are about, and things that are no such things."""
    home = tmp_path / "home"
    home.mkdir()
    for name in (NET, OTHER, WORLD):
        (home / name).symlink_to(bench / name)
    (home / "folder").mkdir()
    os.mkfifo(home / "pipe")
    (home / "text.txt").write_text("words of mine\n")
    (home / "noise.bin").write_bytes(bytes(range(256)) * 40)
    monkeypatch.chdir(home)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return home


def try_line(words: list[str], out: Path) -> tuple[int, str]:
    """Run a line in a forked child; returns its exit code, or that of Ctrl-C, and what it said."""
    warm()
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            os.setsid()
            _live(out)
            code = run(words)
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    ended = [*_wait(pid, SECONDS)]
    if not ended:
        os.killpg(pid, signal.SIGINT)
        ended = [*_wait(pid, PATIENCE_S)]
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if not ended:
        os.waitpid(pid, 0)
    return ended[0] if ended else -signal.SIGKILL, out.read_text(errors="replace")


def _live(out: Path) -> None:
    faulthandler.disable()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(handle, number)
    sys.stdout, sys.stderr = (open(n, "w", closefd=False) for n in (1, 2))  # noqa: SIM115 # for good
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + ROOM, mapped + ROOM))


def _wait(pid: int, seconds: float) -> Iterator[int]:
    """The child's exit code; nothing if it has none by then, of a time that grows with the machine's load."""
    end = time.monotonic() + seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    while time.monotonic() < end:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            yield os.waitstatus_to_exitcode(status)
            return
        time.sleep(0.005)


def attack(words: list[str], place: Path) -> None:
    before = {path.name for path in place.iterdir()}
    code, said = try_line(words, place.parent / "said")
    shown = [word[:30] for word in words]
    assert code in (0, 1, 2, 130), (shown, code, said[-600:])
    assert "Traceback" not in said, (shown, said[-600:])
    assert "\x1b" not in said, (shown, said[-600:])
    assert len(said) < MOST_SAID or code in (0, 1), (shown, len(said))
    assert not (place / "ran").exists(), shown
    if code in (2, 130):
        complaints = [line for line in said.splitlines() if line.startswith("gst-analyze: ")]
        assert len(complaints) == 1, (shown, said[-600:])
        left = {path.name for path in place.iterdir()} - before
        assert code == 130 or not left, (shown, left)
        drafts = [path.name for path in place.rglob(".*") if not path.name.startswith(".gst-analysis.")]
        assert not drafts, (shown, drafts)
    (place.parent / "said").unlink()


FEW: tuple[tuple[str, str, str], ...] = (
    ("cost", "--alpha", "5,000 digits"),
    ("cost", "--width", "beyond 64 bits"),
    ("synth", "--seed", "beyond 64 bits"),
    ("inspect", "--frames", "a billion"),
    ("inspect", "--labels", "a device"),
    ("inspect", "--mean", "half a character"),
    ("predict", "--top", "very long"),
    ("bn-hist", "--out", "very long"),
    ("train", "--set", "an order for the terminal"),
    ("drift", "--tolerance", "no number"),
)


@pytest.mark.parametrize(("command", "option", "value"), FEW)
def test_a_value_that_makes_no_sense_is_one_line(command: str, option: str, value: str, place: Path) -> None:
    attack([command, *LINES[command], option, VALUES[value]], place)


def test_words_of_any_length_are_not_said_whole(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["x" * 10**5],
        ["bn-hist", "a.pth", "--" + "x" * 10**5],
        ["synth", "w", "--seed", "9" * 400],
    ):
        assert run(words) == 2
        assert len(capsys.readouterr().err) < 1_000


@pytest.mark.slow
@pytest.mark.parametrize("command", [name for name in LINES if name != "demo"])
def test_every_option_with_every_third_value(command: str, place: Path) -> None:
    if command == "train":
        runs.render(place / "rendered")
    values: list[Any] = list(VALUES.values())
    first = sum(map(ord, command))
    for turn, option in enumerate(list_options(command)):
        for value in values[(first + turn) % 3 :: 3]:
            attack([command, *LINES[command], option, value], place)


def test_an_option_that_is_new_is_tried() -> None:
    for command, option, value in FEW:
        assert option in list_options(command)
        assert value in VALUES
