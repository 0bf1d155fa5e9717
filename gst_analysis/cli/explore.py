"""`explore`: the command that opens the explorer, a Streamlit app beside the package or packed into it."""

from __future__ import annotations

import errno
import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

import gst_analysis
from gst_analysis.checkpoints.naming import OwnCode
from gst_analysis.console.options import Json
from gst_analysis.console.output import print_document
from gst_analysis.console.streams import free_streams
from gst_analysis.documents import Part, describe, fields_of
from gst_analysis.errors import DataError, GstError, SpecError, legible

commands = typer.Typer()

FOLDERS_VARIABLE = "GST_ANALYSIS_FOLDERS"
"""Where the explorer reads which folders it may show; a test compares it with the explorer's own."""
NETWORK_VARIABLE = "GST_ANALYSIS_NETWORK"
"""What tells the explorer of a network of the user's own; likewise. Only this command sets it."""
HOSTS_VARIABLE = "GST_ANALYSIS_HOSTS"
"""Where it reads by which names it may be asked for; likewise."""
FIRST_PORT, PORTS = 8501, 100


@dataclass(frozen=True)
class Explorer:
    """What is started, where it answers, and which folders it may read."""

    url: str
    """Where it answers."""
    script: str
    """The file that Streamlit runs."""
    models: str
    """The folder of the trained models that come with it."""
    folders: tuple[str, ...]
    """Folders that it may open files in, beside the current one."""


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [describe("explore", fields_of(Explorer))]


@commands.command(epilog="Example: gst-analyze explore runs")
def explore(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER...", help="Folders it may open files in, beside the current one."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help=f"The first free one from {FIRST_PORT} if not given.")
    ] = None,
    address: Annotated[
        str, typer.Option(help="Who may visit: this machine, or with 0.0.0.0 any that reaches it.")
    ] = "127.0.0.1",
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--host",
            help="A name that visitors reach it by, beside numbers and this machine's own name.",
            metavar="NAME",
        ),
    ] = None,
    own: Annotated[  # not called network: that is what stands in the place of a checkpoint elsewhere
        str | None,
        typer.Option(
            "--network",
            help="Your own network, too: the function that returns it. Its code is run.",
            metavar="MODULE:FUNCTION",
        ),
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="A file with the weights of --network.", metavar="FILE")
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Open no window; say where it is.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Open the explorer in a browser.

    Every analysis on pages, with trained networks to look at at once. It runs until Ctrl-C. With --json the
    document says where it answers, and is printed before it does.
    """
    script = find_script()
    _check_streamlit()
    _hand_over(own, weights)
    readable = list_folders(folders or ())
    chosen = find_port(address, port)
    host = f"[{address}]" if ":" in address else address
    models = script.parents[1] / "trained_models"
    if as_json:
        print_document("explore", Explorer(f"http://{host}:{chosen}", str(script), str(models), readable))
        _turn_output_to_stderr()
    arguments = ["--server.port", str(chosen), "--server.address", address]
    if no_browser:
        arguments += ["--server.headless", "true"]
    os.environ[FOLDERS_VARIABLE] = os.pathsep.join(readable)
    if names:
        os.environ[HOSTS_VARIABLE] = ",".join(names)
    start_streamlit(["run", str(script), *arguments])


def find_script() -> Path:
    """The explorer's entry: packed into the package, else in the checkout that the package lies in.

    The packed one is looked for first: what is called app/ beside an installed package is somebody else's.
    """
    package = Path(gst_analysis.__file__).parent
    for home in (package / "explorer", package.parent):
        script = home / "app" / "main.py"
        if script.is_file():
            return script
    raise GstError(
        "the explorer",
        expected="its files within the package, or beside it in a checkout",
        found="neither",
        todo="install gst-analysis from a wheel, or run it from a checkout",
    )


def list_folders(folders: Sequence[Path]) -> tuple[str, ...]:
    """Folders that it may read: those named here, and those in the environment.

    Raises:
        DataError: one is no folder, or its name cannot stand in a list.
    """
    for folder in folders:
        if not os.path.isdir(folder):
            raise DataError(
                legible(folder),
                expected="a folder",
                found="a file" if os.path.exists(folder) else "nothing",
                todo="name the folder that its files are in" if os.path.exists(folder) else "check the path",
            )
        if os.pathsep in str(folder.resolve()):
            raise DataError(
                legible(folder),
                expected=f"a path without '{os.pathsep}', which separates paths",
                found=legible(folder.resolve()),
                todo="rename it, or start the explorer inside it",
            )
    known = os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep)
    return tuple(dict.fromkeys([*(str(folder.resolve()) for folder in folders), *filter(None, known)]))


def find_port(address: str, port: int | None) -> int:
    """The port asked for if it can be had, else the first free one of those usually taken.

    Raises:
        GstError: it is taken, or nothing can be served at this address.
    """
    for candidate in [port] if port else range(FIRST_PORT, FIRST_PORT + PORTS):
        try:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            socket.create_server((address, candidate), family=family).close()
        except OSError as error:
            if error.errno == errno.EADDRINUSE and not port:
                continue
            raise GstError(
                f"{address}, port {candidate}",
                expected="an address and a port that are free",
                found=str(error.strerror or error).partition(" (while")[0],  # what Python 3.11 adds
                todo="choose others with --address and --port",
            ) from error
        return candidate
    raise GstError(
        address,
        expected=f"a free port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1}",
        found="none",
        todo="choose one with --port",
    )


def _check_streamlit() -> None:
    if find_spec("streamlit") is None:
        raise GstError(
            "the explorer",
            expected="streamlit, which serves its pages",
            found="it is not installed",
            todo="run pip install streamlit",
        )


def _hand_over(code: str | None, weights: str | None) -> None:
    """Build the user's own network once, so that a mistake is told here, and name it to the explorer.

    What the environment said before is forgotten: code is named on this command's line or not at all.
    """
    os.environ.pop(NETWORK_VARIABLE, None)
    if code is not None:
        OwnCode.of(code, weights).network.current_checkpoint()
        os.environ[NETWORK_VARIABLE] = json.dumps([code, weights])
    elif weights is not None:
        raise SpecError(
            "--weights", expected="--network beside it", found="none", todo="open the file on a page instead"
        )


def _turn_output_to_stderr() -> None:
    """From here on nothing but the document is on stdout."""
    sys.stdout.flush()
    os.dup2(2, 1)


def start_streamlit(arguments: list[str]) -> None:
    """Become Streamlit's own program, until Ctrl-C or a request to end; both leave with 0.

    Run by name and within this process: the package imports no web framework, and signals reach the server,
    which shuts down and then hands them on to us.
    """
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: sys.exit(0))
    free_streams()
    sys.argv = ["streamlit", *arguments]
    runpy.run_module("streamlit", run_name="__main__")
