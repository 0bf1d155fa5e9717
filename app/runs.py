"""Training runs beside the server: one at a time, each a `gst-analyze train` in a folder of its own."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.visits import Owner, Visitor
from gst_analysis.errors import OutputError, one_line
from gst_analysis.processes import call_python, list_import_paths

State = Literal["running", "stopping", "done", "stopped", "failed"]
MOST_KEPT = 40
"""Runs in the folder from which no more are started."""
_GO_ON = "--resume-if-any"
"""A run that was stopped while its world was rendered has nothing to go on from yet."""
_OUTPUT, _PROCESS = "output.txt", "explorer.json"
_CALL = """import signal; signal.signal(signal.SIGINT, signal.default_int_handler)
from gst_analysis.cli import main; main()"""
"""A server that was started in the background ignores Ctrl-C, and its runs would inherit that."""
PATIENCE_S = 10


@dataclass
class Running:
    """A process, and whether it was asked to stop."""

    process: subprocess.Popen[bytes]
    owner: Owner
    asked: bool = False


class Runs:
    """The runs that this server started. They end with it, saved."""

    def __init__(self) -> None:
        self._started: dict[Path, Running] = {}
        self._lock = threading.Lock()
        atexit.register(self.close)

    def start(self, home: Path, recipe: str, settings: Sequence[str], visitor: Visitor) -> Path:
        """Begin a run in a new folder below `home`; returns it. It is the visitor's.

        Raises:
            OutputError: one is running already, too many are kept, or the folder cannot be written.
        """
        with self._lock:
            self._check(home)
            folder = _new_folder(home, recipe)
            self._launch(folder, [recipe, *_repeat(settings), "--out", str(folder)], visitor)
            return folder

    def resume(self, folder: Path, visitor: Visitor) -> None:
        """Go on with a run that was stopped; from now on it is this visitor's.

        Raises:
            OutputError: one is running already, or it was not started here.
        """
        with self._lock:
            self._check(folder.parent, more=0)
            arguments = _read_arguments(folder)
            if not arguments:
                raise OutputError(
                    folder.name,
                    expected="a run that the explorer started",
                    found="none",
                    todo="resume it with gst-analyze train --resume",
                )
            self._launch(folder, [*arguments, _GO_ON], visitor)

    def cancel(self, folder: Path) -> None:
        """Ask a run to save itself and stop; asked again, it stops at once."""
        with self._lock:
            run = self._started.get(folder)
            if run is not None and run.process.poll() is None:
                run.process.send_signal(signal.SIGKILL if run.asked else signal.SIGINT)
                run.asked = True

    def may_see(self, folder: Path, visitor: Visitor) -> bool:
        """Whether a run is this visitor's to look at: theirs, or of one who has left, or of elsewhere."""
        run = self._started.get(folder)
        return run is None or run.owner.admits(visitor)

    def state(self, folder: Path) -> State | None:
        """How a run of this server is; None for one that it did not start."""
        run = self._started.get(folder)
        if run is None:
            return None
        code = run.process.poll()
        if code is None:
            return "stopping" if run.asked else "running"
        return "done" if code == 0 else "stopped" if run.asked else "failed"

    def running(self) -> Path | None:
        """The folder of the run that goes on now."""
        going = (folder for folder, run in list(self._started.items()) if run.process.poll() is None)
        return next(going, None)

    def close(self) -> None:
        """Stop what runs, saved if it is quick enough."""
        atexit.unregister(self.close)
        for run in [run for run in self._started.values() if run.process.poll() is None]:
            run.process.send_signal(signal.SIGINT)
            try:
                run.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                run.process.kill()
                run.process.wait()

    def _check(self, home: Path, *, more: int = 1) -> None:
        if self.running() is not None:
            raise OutputError(
                "training",
                expected="one run at a time on this server",
                found="one that goes on",
                todo="wait for it, or cancel it",
            )
        if more and home.is_dir() and sum(path.is_dir() for path in home.iterdir()) >= MOST_KEPT:
            raise OutputError(
                home.name,
                expected=f"fewer than {MOST_KEPT} runs there",
                found="as many",
                todo="ask whoever runs the server to remove old ones",
            )

    def _launch(self, folder: Path, arguments: Sequence[str], visitor: Visitor) -> None:
        command = call_python("-c", _CALL, "train", *arguments)
        try:
            (folder / _PROCESS).write_text(json.dumps([word for word in arguments if word != _GO_ON]))
            with (folder / _OUTPUT).open("wb") as output:
                process = subprocess.Popen(
                    command,
                    env={**os.environ, "PYTHONPATH": list_import_paths()},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a Ctrl-C for the server reaches it once, from `close`
                )
            os.setpriority(os.PRIO_PROCESS, process.pid, 10)  # pages stay quick
        except OSError as error:
            raise _unwritable(folder, error) from error
        threading.Thread(target=process.wait, daemon=True).start()  # what has ended is not left a zombie
        self._started[folder] = Running(process, Owner(visitor))


def tell_failure(folder: Path) -> str:
    """The last line that a run printed, which says why it failed."""
    try:
        lines = (folder / _OUTPUT).read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    told = [one_line(line) for line in lines if line.strip()]
    return told[-1].removeprefix("gst-analyze: ")[:400] if told else "it ended without a word"


def read_settings(folder: Path) -> dict[str, str]:
    """What a run was told to change in its recipe; empty for one that was not started here."""
    return dict(word.split("=", 1) for word in _read_arguments(folder) if "=" in word)


def _read_arguments(folder: Path) -> list[str]:
    try:
        return [str(word) for word in json.loads((folder / _PROCESS).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def list_runs(home: Path) -> list[Path]:
    """Folders of runs, the latest first."""
    if not home.is_dir():
        return []
    found = [path for path in home.iterdir() if (path / _PROCESS).is_file()]
    return sorted(found, reverse=True)


def _new_folder(home: Path, recipe: str) -> Path:
    """Its name begins with the time, so that names sort as runs do."""
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{recipe.removeprefix('planted-')}"
    try:
        home.mkdir(parents=True, exist_ok=True)
        for name in (stem, *(f"{stem}-{number}" for number in range(2, 100))):
            if not (home / name).exists():
                (home / name).mkdir()
                break
        return home / name
    except OSError as error:
        raise _unwritable(home, error) from error


def _repeat(settings: Sequence[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def _unwritable(folder: Path, error: OSError) -> OutputError:
    return OutputError(
        str(folder),
        expected="a folder that can be written to",
        found=error.strerror or str(error),
        todo="start the explorer in another folder",
    )
