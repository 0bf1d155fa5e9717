"""The options that several commands share, each said once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.results import check_place

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Family = Annotated[str | None, typer.Option(help="Say c2d or tsm where the weights cannot tell.")]
Frames = Annotated[int | None, typer.Option(help="Frames in a clip, which no weight shows.")]

Root = Annotated[Path | None, typer.Option(help="The folder the data set's clips lie in.")]
Format = Annotated[str | None, typer.Option(help="The annotations' format; detected if not given.")]
Subset = Annotated[
    str | None, typer.Option(help="Of those in the annotations; validation, else test, if not given.")
]


def check_out(folder: Path | None) -> Path | None:
    """Find out that nothing can be written before the work is done, not after."""
    if folder is not None:
        check_place(folder)
    return folder


Out = Annotated[
    Path, typer.Option("--out", help="Folder for the files it writes.", metavar="DIR", callback=check_out)
]
