"""`count-norms`: the command, and what it prints."""

from __future__ import annotations

import typer

from gst_analysis.console.options import CheckpointFile, Json, takes_options
from gst_analysis.console.output import finish
from gst_analysis.documents import Part
from gst_analysis.options import Files, files_of

from . import count_norms
from .table import Count, CountOptions

commands = typer.Typer()
_OPTIONS = CountOptions()
_FILES = files_of(Count, "counts")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [Count.describe_document()]


@commands.command("count-norms", epilog="Example: gst-analyze count-norms ckpt.pth")
@takes_options
def count(
    checkpoint: CheckpointFile, options: CountOptions = _OPTIONS, files: Files = _FILES, json: Json = False
) -> None:
    """Count the batch norms of a network."""
    finish(count_norms(checkpoint, options=options), files, json=json, show=print_count)


def print_count(result: Count) -> None:
    """The count."""
    print(f"{result.summary.norms} batch norms")
