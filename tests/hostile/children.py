"""One attack in a forked child with limits: what it did, as a verdict.

The parent has imported the program, so that a child starts in milliseconds and not in seconds.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import importlib
import io
import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from gst_analysis.cli import run
from gst_analysis.errors import GstError
from tests.hostile.cases import MARKER, Case, Kind, inspect_and_tabulate
from tests.hostile.parts import save, small_file, small_record, small_state, write

WARM = ("gst_analysis.analyses.scales.command", "gst_analysis.cli.inspection")
_MOMENT_S = 0.1
FAULTS = ("executed", "hung", "crashed", "traceback", "lost")


@dataclass(frozen=True)
class Verdict:
    """What one attack did; `fault` is empty if nothing, `broken` if the attack itself could not be made."""

    kind: str
    case: str
    fault: str
    detail: str
    seconds: float
    megabytes: float
    codes: tuple[int, ...] = ()


@dataclass
class Child:
    """A case that runs."""

    kind: Kind
    case: Case
    scratch: Path
    pid: int
    started: float

    def poll(self) -> Verdict | None:
        """The verdict, if the child has ended or its time has."""
        pid, status, usage = os.wait4(self.pid, os.WNOHANG)
        taken = time.monotonic() - self.started
        # Where others use the machine, a second on the wall is not a second of work.
        crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        if pid == 0 and taken <= self.kind.seconds * crowd:
            return None
        if pid == 0:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            _, status, usage = os.wait4(self.pid, 0)
            return self._finish("hung", f"beyond {self.kind.seconds:g} s", taken, usage.ru_maxrss)
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            return self._finish("crashed", name, taken, usage.ru_maxrss)
        return self._finish("", "", taken, usage.ru_maxrss)

    def _finish(self, fault: str, detail: str, taken: float, peak: int) -> Verdict:
        # What a child started itself must not outlive it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        codes: tuple[int, ...] = ()
        if (self.scratch / "in" / MARKER).exists():
            fault, detail = "executed", "it ran what the file asks for"
        elif not fault:
            try:
                told = json.loads((self.scratch / "verdict.json").read_text())
                fault, detail, codes = told["fault"], told["detail"], tuple(told["codes"])
            except (OSError, ValueError):
                fault, detail = "crashed", "the process ended without a word"
        shutil.rmtree(self.scratch, ignore_errors=True)
        return Verdict(self.kind.name, self.case.name, fault, detail, round(taken, 3), peak / 1024, codes)


@functools.cache
def warm(*modules: str) -> None:
    """Import in the parent what children would each import: they share its memory."""
    _rehearse()
    for module in modules:
        importlib.import_module(module)


@functools.cache
def _rehearse() -> None:
    """Read two sound files, so that what any reader needs is there, and make what attacks begin with."""
    for module in WARM:
        importlib.import_module(module)
    torch.set_num_threads(1)
    small_record()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        # The bare one is held against published systems.
        bare = save(Path(folder), dict(small_state()), name="bare")
        small_file(safe=True)
        for path in (write(Path(folder), small_file(), "small.pth"), bare):
            for command in inspect_and_tabulate(path, Path(folder) / f"out-{path.stem}"):
                run(command)


def start_child(kind: Kind, case: Case, *, quiet: bool = True) -> Child:
    """Fork a child that runs a case."""
    warm(*kind.modules)
    scratch = Path(tempfile.mkdtemp(prefix="gst-hostile-"))
    sys.stdout.flush()
    sys.stderr.flush()
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setsid()
            _live(kind, case, scratch, quiet)
            code = 0
        finally:
            os._exit(code)
    return Child(kind, case, scratch, pid, started)


def run_case(kind: Kind, case: Case, *, quiet: bool = True) -> Verdict:
    """Run one case to its end."""
    child = start_child(kind, case, quiet=quiet)
    while (verdict := child.poll()) is None:
        wait_for([child])
    return verdict


def wait_for(children: Sequence[Child]) -> None:
    """Until one has ended, or for a moment: how long they take is looked at again then."""
    if not hasattr(os, "pidfd_open"):
        time.sleep(0.005)
        return
    with contextlib.ExitStack() as doors:
        told = [os.pidfd_open(child.pid) for child in children]
        for door in told:
            doors.callback(os.close, door)
        select.select(told, [], [], _MOMENT_S)


def _live(kind: Kind, case: Case, scratch: Path, quiet: bool) -> None:
    """What happens in the child."""
    gc.freeze()  # else each of its collections walks through all that the parent has imported, and copies it
    faulthandler.disable()  # which pytest sets up; a crash is counted, its trace helps nobody
    folder, out = scratch / "in", scratch / "out"
    folder.mkdir()
    os.chdir(scratch)
    printed = scratch / "printed"
    with printed.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # What pytest put in their place would swallow a trace.
    sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115 # for good
    _limit_memory(kind.gigabytes)
    try:
        path = case.make(folder)
        before = _look(folder)
    except Exception:
        _say(scratch, "broken", traceback.format_exc()[-800:], [])
        return
    codes, fault, detail = _attack(case, path, out)
    sys.stdout.flush()
    sys.stderr.flush()
    text = printed.read_bytes().decode("utf-8", "replace")
    if not fault and "Traceback (most recent call last)" in text:
        fault, detail = "traceback", text[-600:]
    if not fault:
        detail = _find_loss(case, folder, before)
        fault = "lost" if detail else ""
    _say(scratch, fault, detail or ("" if quiet else text[-1500:]), codes)


def _attack(case: Case, path: Path, out: Path) -> tuple[list[int], str, str]:
    codes: list[int] = []
    try:
        if case.act is not None:
            case.act(path, out)
            return codes, "", ""
        for command in case.commands(path, out):
            codes.append(run(command))  # noqa: PERF401 # those before one that fails are kept
    except GstError:
        return codes, "", ""
    except BaseException:
        return codes, "traceback", traceback.format_exc()[-800:]
    odd = [code for code in codes if code not in (0, 1, 2)]
    return codes, "traceback" if odd else "", f"exit codes {odd}" if odd else ""


def _find_loss(case: Case, folder: Path, before: dict[str, tuple[int, int]]) -> str:
    after = _look(folder)
    changed = sorted(name for name, told in before.items() if after.get(name) != told)
    if changed:
        return f"changed or gone: {', '.join(changed)[:200]}"
    return case.check(folder) if case.check is not None else ""


def _look(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file's size and time of change: enough to see that somebody wrote to it."""
    found = {}
    for path in folder.rglob("*"):
        told = path.lstat()
        found[os.fsencode(path).decode("utf-8", "replace")] = (told.st_size, told.st_mtime_ns)
    return found


def _limit_memory(gigabytes: float) -> None:
    """So much beyond what is mapped already: torch's libraries alone map several gigabytes."""
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    limit = mapped + int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _say(scratch: Path, fault: str, detail: str, codes: list[int]) -> None:
    told = {"fault": fault, "detail": detail, "codes": codes}
    (scratch / "verdict.json").write_text(json.dumps(told))


def to_record(verdict: Verdict) -> dict[str, object]:
    """A verdict as a line of JSON."""
    return asdict(verdict)
