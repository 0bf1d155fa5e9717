"""`report`: the command, and what it prints."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gst_analysis.console.options import CheckpointFile, Json, Out, Overwrite, list_words, takes_options
from gst_analysis.console.output import print_files, print_json, save_or_keep, show_progress
from gst_analysis.console.waiting import show_wait
from gst_analysis.documents import Part
from gst_analysis.reporting import ReportOptions, making

if TYPE_CHECKING:
    from gst_analysis.reporting.making import Report

commands = typer.Typer()

_OPTIONS = ReportOptions()


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [making.Report.describe_document()]


@commands.command(epilog="Example: gst-analyze report ckpt.pth worlds/temporal --out report")
@takes_options
def report(
    checkpoint: CheckpointFile,
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="[ROOT|FILE]", help="A folder with a validation list, or an annotation file."),
    ] = None,
    options: ReportOptions = _OPTIONS,
    out: Out = Path("report"),
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write everything about a checkpoint on one page.

    One HTML file, report.html, that needs no network and can be printed: what the checkpoint is, Figure 4
    with statistics, importance, drift, cost, a smaller network; and with labelled clips accuracy, ablation,
    a few traces, influence and saliency. The same input gives the same bytes. Exits with 1 if clips could not
    be read or a section failed.
    """
    words = list_words({"checkpoint": checkpoint, "dataset": dataset})
    with show_wait("getting ready"):  # what makes a report takes seconds to import
        making.check_report_place(out, words, overwrite=overwrite)
    with show_progress("writing") as progress:
        result = making.report(checkpoint, dataset, options=options, progress=progress)
    files = save_or_keep(partial(result.save, overwrite=overwrite), out)
    if json:
        print_json(result.to_document(files))
    else:
        print_report(result)
        print_files(files)
    if result.failures or result.left_out:
        raise typer.Exit(1)


def print_report(result: Report) -> None:
    """Its sections, and what is missing."""
    print(f"{result.name}: {', '.join(result.sections)}")
    for name, why in result.missing.items():
        print(f"not for this checkpoint: {name}: {why}")
    for name, why in result.left_out.items():
        print(f"left out: {name}: {why}")
    for clip, why in result.failures.items():
        print(f"not read: {clip}: {why}")
