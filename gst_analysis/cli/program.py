"""The program itself: errors turned into exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated, Any, cast

import typer

import gst_analysis
from gst_analysis.checkpoints.apart import reading_apart
from gst_analysis.cli.commands import HELP, Commands, Program
from gst_analysis.clips.patience import VARIABLE as CLIP_TIMEOUT
from gst_analysis.clips.patience import load_timeout
from gst_analysis.console.crashes import report_crash, wants_traces
from gst_analysis.console.loudness import speak, take_loudness
from gst_analysis.console.streams import RefusedOutput, give_up_output, open_standard_streams, safe_streams
from gst_analysis.errors import GstError, legible, one_line, shorten
from gst_analysis.files import find_current_folder, raw_csv
from gst_analysis.processes import SAFE_PATH
from gst_analysis.results import COMMAND

UsageError: Any = typer.BadParameter.__bases__[0]
"""Click's, of whichever copy of click this Typer carries."""

INTERRUPTED, CRASHED = 130, 70
_PATHS = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EROFS, errno.ESTALE})
"""What the system says of a path that no disk can have, whoever asks for it: nothing of ours is broken."""


def build_program() -> Program:
    """The program with every command: its own, and those of the analyses in their list."""
    top = typer.Typer(
        cls=Program,
        name="gst-analyze",
        help="See where a video network keeps space and where it keeps time.",
        epilog="Example: gst-analyze bn-hist ckpt.pth --out figures",
        rich_markup_mode=None,
        context_settings=HELP,
    )
    top.callback(invoke_without_command=True)(_top)
    program = cast(Program, typer.main.get_group(top))
    program.commands = Commands()
    return program


def main() -> None:
    """Run a command; turn every error into one line and an exit code."""
    end_tidily()
    os.environ.setdefault(SAFE_PATH, "1")  # for the processes that libraries start in a stranger's folder
    try:
        open_standard_streams()
    except GstError as error:
        sys.exit(_complain(str(error)))
    sys.exit(run(sys.argv[1:]))


def end_tidily() -> None:
    """Let what ends a job, or closes a terminal, end a command as Ctrl-C does: it takes its drafts along.

    By itself the system would end the process on the spot. What `nohup` ignores stays ignored.
    """
    own = os.getpid()

    def end(number: int, frame: FrameType | None) -> None:
        if os.getpid() != own:  # a fork, which has nothing to tidy up
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, end)


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code; a bare call asks for help."""
    words = [word for word in arguments if word != "--debug"]
    with safe_streams():
        try:
            told, loudness = take_loudness(words)
            with speak(loudness), _allow_clips(told):
                code = _call(told or ["--help"])
            sys.stdout.flush()
            return code
        except BaseException as error:
            if wants_traces(arguments):
                traceback.print_exc()
            return _explain(error, words)


@contextmanager
def _allow_clips(words: list[str]) -> Iterator[None]:
    """Take `--clip-timeout` out of a line and have it reach every process that reads clips.

    Raises:
        SpecError: no such time.
    """
    before, given = os.environ.get(CLIP_TIMEOUT), None
    for place, word in enumerate(words):
        name, sign, given = word.partition("=")
        if name == "--clip-timeout":
            given = given if sign else "".join(words[place + 1 : place + 2])
            del words[place : place + (1 if sign else 2)]
            break
    else:
        yield
        return
    os.environ[CLIP_TIMEOUT] = given or "nothing"
    try:
        load_timeout()
        yield
    finally:
        if before is None:
            del os.environ[CLIP_TIMEOUT]
        else:
            os.environ[CLIP_TIMEOUT] = before


def _call(words: list[str]) -> int:
    before = COMMAND.set(tuple(words))
    try:
        code = int(app(words, prog_name="gst-analyze", standalone_mode=False) or 0)
    finally:
        COMMAND.reset(before)
    if code == INTERRUPTED:  # Typer has made an exit code of Ctrl-C
        _complain("interrupted")
    return code


def _explain(error: BaseException, words: list[str]) -> int:
    """Turn an error into one line and an exit code.

    Raises:
        SystemExit: somebody asked to end.
    """
    if isinstance(error, RefusedOutput):
        give_up_output()
        return 0 if error.unread else _complain(str(error))
    if isinstance(error, GstError):
        return _complain(str(error))
    if isinstance(error, UsageError):
        command = error.ctx.command_path if error.ctx else "gst-analyze"
        told = shorten(one_line(error.format_message()), 500)  # a word of the line may be of any length
        return _complain(f"{told} See '{command} --help'.")
    if isinstance(error, (KeyboardInterrupt, typer.Abort)):
        _complain("interrupted")
        return INTERRUPTED
    if isinstance(error, (SystemExit, GeneratorExit)):
        raise error
    if isinstance(error, FileNotFoundError) and error.filename is None:
        try:
            find_current_folder()
        except GstError as removed:
            return _complain(str(removed))
    if isinstance(error, OSError) and (isinstance(error, PermissionError) or error.errno in _PATHS):
        shut = GstError(
            legible(_name_path(error.filename)),
            expected="a path that may be opened",
            found=error.strerror or "no permission",
            todo="check its spelling, and the rights of the folders that lead to it",
        )
        return _complain(str(shut))
    _complain(report_crash(error, words))
    return CRASHED


def _name_path(told: object) -> str:
    """What the system calls a file, which is bytes where the program asked in bytes."""
    return os.fsdecode(told) if isinstance(told, (str, bytes)) else "a file"


def _complain(message: str) -> int:
    with suppress(RefusedOutput):  # there is nowhere else to say it
        print(f"gst-analyze: {message}", file=sys.stderr)
    return 2


def _top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error came from; anywhere in the line.")
    ] = False,
    clip_timeout: Annotated[
        float | None,
        typer.Option(
            "--clip-timeout",
            help="Seconds for a clip, which is left out then; 10, and 1 for every megabyte, if not given.",
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Neither notes nor progress; anywhere in the line.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="More of what is going on, on stderr; anywhere in the line.")
    ] = False,
    isolate: Annotated[
        bool,
        typer.Option(
            "--isolate",
            help="Read checkpoints in a process of its own, with limits of memory and time, as large ones "
            "are by themselves; before the command.",
        ),
    ] = False,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw-csv",
            help="Write text into csv as it is, though a spreadsheet may run it; before the command.",
        ),
    ] = False,
) -> None:
    if version:
        print(gst_analysis.__version__)
        raise typer.Exit
    context.with_resource(reading_apart("always" if isolate else "large"))
    if raw:
        context.with_resource(raw_csv())


app = build_program()
