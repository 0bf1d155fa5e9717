"""`dataset-check`: the command, and what it prints."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.analyses.dataset_check import DatasetCheck, DatasetCheckOptions, check_dataset
from gst_analysis.console.options import Json, Overwrite, check_out, takes_options
from gst_analysis.console.output import (
    build_table,
    escape,
    print_files,
    print_json,
    print_remarks,
    print_table,
    save_or_keep,
    show_progress,
)
from gst_analysis.documents import Part
from gst_analysis.numbers import how_many
from gst_analysis.options import files_of

commands = typer.Typer()

MOST_ROWS = 10
"""Clips of each kind of problem that the terminal names."""

_OPTIONS = DatasetCheckOptions()
_FILES = files_of(DatasetCheck, None)


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [DatasetCheck.describe_document()]


@commands.command(
    "dataset-check", epilog="Example: gst-analyze dataset-check something-something-v2 --out report"
)
@takes_options
def look_through(
    annotations: Annotated[
        list[str], typer.Argument(metavar="ROOT|FILE...", help="A folder, or annotation files.")
    ],
    options: DatasetCheckOptions = _OPTIONS,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the table.", metavar="DIR", callback=check_out)
    ] = None,
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Look through a data set's clips.

    Reports missing, unreadable, truncated, too short and mislabelled clips in one table: of a folder those
    of all its lists, for training, validation and testing. Exits with 1 if there is any.
    """
    chosen = replace(_FILES, out=out, overwrite=overwrite)
    chosen.check_free({"annotations": annotations})
    with show_progress("looking at clips") as progress:
        result = check_dataset(annotations, options=options, progress=progress)
    files = save_or_keep(partial(result.save, overwrite=overwrite), out) if out else {}
    if json:
        print_json(result.to_document(files))
    else:
        print_remarks(result)
        print_dataset_check(result)
        print_files(files)
    if result.summary.sound < result.summary.clips:
        raise typer.Exit(1)


def print_dataset_check(result: DatasetCheck) -> None:
    """The first of every kind of problem, how many others there are, then how many clips are sound."""
    shown = result.table.groupby("problem", sort=False).head(MOST_ROWS)
    if len(shown):
        table = build_table("clip", "problem", "detail")
        for row in shown.to_dict("records"):
            table.add_row(*(escape(str(row[name])) for name in ("clip", "problem", "detail")))
        print_table(table)
    for problem, rows in result.table.groupby("problem", sort=False):
        if len(rows) > MOST_ROWS:
            print(f"{len(rows) - MOST_ROWS:,} more clips are {problem}; --out writes every one into a table")
    sound, clips = result.summary.sound, result.summary.clips
    are = "is" if sound == 1 else "are"
    print(f"{sound:,} of {how_many(clips, 'clip')} {are} sound")
