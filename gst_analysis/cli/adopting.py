"""`adopt`: a file that carries what its weights do not show."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gst_analysis.console.options import Json, Overwrite, takes_options
from gst_analysis.console.output import print_document, print_files
from gst_analysis.console.waiting import show_wait
from gst_analysis.documents import FILES, Part, describe, fields_of
from gst_analysis.errors import SpecError
from gst_analysis.files import check_place
from gst_analysis.options import NetworkOptions
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.checkpoints import saving, sources
else:
    saving = Door("gst_analysis.checkpoints.saving")
    sources = Door("gst_analysis.checkpoints.sources")

inspection = Door("gst_analysis.cli.inspection")
commands = typer.Typer()

_TOLD = NetworkOptions()
_File = Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")]
"""No place for a network of one's own, whose code no file carries."""


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [describe("adopt", {**fields_of(sources.Inspection), "files": FILES})]


@commands.command(
    epilog="Example: gst-analyze adopt model_best.pth.tar --frames 16 --labels classes.txt --out mine.pth"
)
@takes_options
def adopt(
    checkpoint: _File,
    out: Annotated[Path, typer.Option("--out", help="The file to write.", metavar="FILE")],
    told: NetworkOptions = _TOLD,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write a file that carries what weights do not show.

    Frames, classes and how frames are prepared, as they are told here or by the checkpoint's card, go into
    one file with the weights: no other command needs to be told again.
    """
    if os.path.isdir(out):
        raise SpecError(
            str(out),
            expected="a file to write, such as mine.pth",
            found="a folder",
            todo="put its name behind it",
        )
    check_place(out.parent)
    with show_wait(f"reading {checkpoint}"):
        model = sources.open_model(checkpoint, options=told)
        written = saving.save_model(out, model, overwrite=overwrite)
        found, files = sources.inspect_checkpoint(str(written)), {"checkpoint": str(written)}
    if json:
        print_document("adopt", {**vars(found), "files": files})
    else:
        inspection.print_inspection(found)
        print_files(files)
