"""Completion typed into real shells at a terminal: what is offered arrives as it is, and nothing runs.

Names of files and of classes come from strangers. Each shell is asked to complete one, and what the program
is then given must be that name, to the last byte. Shells that are not installed are skipped.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.errors import one_line
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from tests.conftest import SMALL

NAMES = (
    "a$(touch ran)",
    "b`touch ran`",
    "c; touch ran; #",
    "d'x' \"y\"",
    "e && touch ran",
    "f | touch ran",
    "g*?[a]{x,y}",
    "h!touch!ran",
    "i<(touch ran)",
    "j ~ $HOME",
    "k\\n\\",
    "l=touch ran",
    "m%s%n #x",
    "n  two  blanks",
    "ö日本 x",
    "-p -rf",
)
"""What a file or a class may be called; the first character of each is its own."""
ODD_FILES = (b"q\x1b[31m\x07.pth", b"r\ntouch ran\n.pth", b"s\xff\xfe.pth")
"""What only a file may be called: names that no terminal should be shown."""
_START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
_SETUP = {
    "bash": ". ./script; PS1=ready-",
    "zsh": "PS1=ready-; zstyle ':completion:*' menu no; autoload -U compinit; compinit -u -D; . ./script",
    "fish": "source ./script; function fish_prompt; echo -n ready-; end",
}


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, words: Sequence[str], env: dict[str, str], folder: Path) -> None:
        self.pid, self.end = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(words[0], list(words), env)
        self.seen = b""

    def type(self, keys: str | bytes) -> None:
        os.write(self.end, keys if isinstance(keys, bytes) else keys.encode())

    def settle(self, seconds: float = 0.15) -> None:
        """Read until nothing has come for so long."""
        while select.select([self.end], [], [], seconds)[0]:
            try:
                self.seen += os.read(self.end, 65536)
            except OSError:
                return

    def await_that(self, holds: Callable[[], bool], seconds: float = 20.0) -> bool:
        """Read until it holds."""
        until = time.monotonic() + seconds
        while not holds() and time.monotonic() < until:
            self.settle(0.02)
        return holds()

    def close(self) -> None:
        os.close(self.end)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@contextmanager
def open_shell(shell: str, folder: Path) -> Iterator[Terminal]:
    env = {
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "TERM": "xterm",
    }
    terminal = Terminal(_START[shell], env, folder)
    try:
        terminal.settle(0.5)
        terminal.type(_SETUP[shell] + "\r")
        assert terminal.await_that(lambda: terminal.seen.count(b"ready-") >= 2), terminal.seen
        terminal.settle()
        yield terminal
    finally:
        terminal.close()


@pytest.fixture(params=sorted(_START))
def shell(request: pytest.FixtureRequest) -> str:
    """The name of a shell that is installed."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return str(request.param)


@pytest.fixture
def folder(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a script of completion and a program that writes down what it is given."""
    assert run(["completion", shell]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    network = build_model(ModelSpec.from_name("gst-resnet26s", **{**SMALL, "num_classes": len(NAMES)}))
    save_model(tmp_path / "net.pth", network, labels=NAMES)
    assert run(["completion", "classes", "--", str(tmp_path / "net.pth")]) == 0
    (tmp_path / "classes").write_text(capsys.readouterr().out)
    stand_in = tmp_path / "bin" / "gst-analyze"
    stand_in.parent.mkdir()
    stand_in.write_text(
        '#!/bin/sh\n[ "$1" = completion ] && { echo "$*" >>asked; exec cat classes; }\n'
        "printf '%s\\0' \"$@\" >given\nmv given told\n"
    )
    stand_in.chmod(0o755)
    return tmp_path


def complete(terminal: Terminal, folder: Path, typed: bytes) -> list[bytes]:
    """Type, press Tab and Return: what the program was given."""
    told = folder / "told"
    told.unlink(missing_ok=True)
    terminal.type(typed + b"\t\r")
    assert terminal.await_that(told.exists), (typed, terminal.seen[-2000:])
    return told.read_bytes().split(b"\0")[:-1]


def test_classes_arrive_as_they_are_called(shell: str, folder: Path) -> None:
    words = b"gst-analyze saliency net.pth x.mp4 --class"
    with open_shell(shell, folder) as terminal:
        for name in map(one_line, NAMES):
            given = complete(terminal, folder, words + b" " + name[0].encode())
            offered = shell != "fish" or name[0] != "-"  # fish takes a dash for the begin of an option
            assert given[:-1] == words.split()[1:]
            assert not offered or given[-1] == name.encode(), terminal.seen[-500:]
        assert set((folder / "asked").read_text().splitlines()) == {"completion classes -- net.pth"}
        assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    "typed", [r"a\ \$\(touch\ ran\).pth", "~/a\\ \\$\\(touch\\ ran\\).pth", "'a $(touch ran).pth'"]
)
def test_a_checkpoint_is_found_however_its_name_is_typed(shell: str, folder: Path, typed: str) -> None:
    (folder / "net.pth").rename(folder / "a $(touch ran).pth")
    with open_shell(shell, folder) as terminal:
        given = complete(terminal, folder, f"gst-analyze saliency {typed} x.mp4 --class a".encode())
        assert given[-1] == NAMES[0].encode(), terminal.seen[-500:]
        assert not (folder / "ran").exists()


def test_files_arrive_as_they_are_called(shell: str, folder: Path) -> None:
    files = [*(name.encode() + b".pth" for name in NAMES), *ODD_FILES]
    (folder / "f").mkdir()
    for name in files:
        (folder / "f" / os.fsdecode(name)).touch()
    with open_shell(shell, folder) as terminal:
        for name in files:
            head = name.decode("utf-8", "replace")[0].encode()
            given = complete(terminal, folder, b"gst-analyze inspect f/" + head)
            assert given == [b"inspect", b"f/" + name], terminal.seen[-500:]
        assert not (folder / "ran").exists()
