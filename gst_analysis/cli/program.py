"""The program itself: errors turned into exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any, cast

import typer

import gst_analysis
from gst_analysis.cli.commands import Commands, Program
from gst_analysis.errors import GstError, legible, one_line

UsageError: Any = typer.BadParameter.__bases__[0]
"""Click's, of whichever copy of click this Typer carries."""

INTERRUPTED = 130


def build_program() -> Program:
    """The program with every command: its own, and those of the analyses in their list."""
    top = typer.Typer(
        cls=Program,
        name="gst-analyze",
        help="See where a video network keeps space and where it keeps time.",
        epilog="Example: gst-analyze bn-hist ckpt.pth --out figures",
        rich_markup_mode=None,
    )
    top.callback(invoke_without_command=True)(_top)
    program = cast(Program, typer.main.get_group(top))
    program.commands = Commands()
    return program


def main() -> None:
    """Run a command; turn every error into one line and an exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code; a bare call asks for help."""
    try:
        code = int(app(arguments or ["--help"], prog_name="gst-analyze", standalone_mode=False) or 0)
        if code == INTERRUPTED:  # Typer has made an exit code of Ctrl-C
            _complain("interrupted")
        return code
    except GstError as error:
        return _complain(str(error))
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "gst-analyze"
        return _complain(f"{one_line(error.format_message())} See '{command} --help'.")
    except PermissionError as error:  # a folder on the way to a file may not be entered
        shut = GstError(
            legible(error.filename or "a file"),
            expected="a path that may be opened",
            found=error.strerror or "no permission",
            todo="check the rights of the folders that lead to it",
        )
        return _complain(str(shut))
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _complain(message: str) -> int:
    print(f"gst-analyze: {message}", file=sys.stderr)
    return 2


def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        print(gst_analysis.__version__)
        raise typer.Exit


app = build_program()
