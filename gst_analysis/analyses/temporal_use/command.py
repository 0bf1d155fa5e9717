"""`temporal-use`: the command, and what it prints."""

from __future__ import annotations

from typing import Annotated

import typer

from gst_analysis.analyses.temporal_use import TemporalUse, TemporalUseOptions, temporal_use
from gst_analysis.analyses.temporal_use.table import CLIPS
from gst_analysis.console.options import CheckpointFiles, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, format_number, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.options import Files, files_of
from gst_analysis.tables.held import held_columns

commands = typer.Typer()

_OPTIONS = TemporalUseOptions()
_FILES = files_of(TemporalUse, "temporal-use")
_COLUMNS = ("varying", "start", "ordered", "off_frame", "moved")
_HEADINGS = ("varying", "at start", "ordered", "off frame", "|shift|")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [TemporalUse.describe_document()]


@commands.command(
    "temporal-use", epilog="Example: gst-analyze temporal-use static.pth temporal.pth --by stage"
)
@takes_options
def command(
    checkpoints: CheckpointFiles,
    clips: Annotated[
        list[str] | None,
        typer.Option(
            "--on",
            "--clips",
            metavar="PATH",
            help="Also measure gates on these videos, folders or globs. Its old name is --clips.",
        ),
    ] = None,
    options: TemporalUseOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Measure how much kernels over time differ from frame to frame.

    The share of every kernel's energy that is not constant over its taps, beside its start and independent
    taps; what of it tells a clip from its reversal; what lies on other frames. Shifts are told by the
    channels that they move; gates (GSM, GSF), kernels made for each clip (TANet) and attention where clips
    are given.
    """
    with show_progress("checkpoints", len(checkpoints)) as progress:
        result = temporal_use(*checkpoints, clips=clips, options=options, progress=progress)
    finish(result, files, json=json, show=print_temporal_use)


def print_temporal_use(result: TemporalUse) -> None:
    """A row a kernel, and a sentence for each kind."""
    kernels = dict(held_columns(result, "kernels").split("checkpoint"))
    for name, found in result.summary.checkpoints.items():
        table = build_table(title=f"{escape(name)}: means over filters")
        table.add_column("kernel", overflow="fold")
        for heading in ("n", *_HEADINGS):
            table.add_column(heading, justify="right", no_wrap=True)
        for row in kernels[name].to_rows():
            cells = [format_number(row[column]) for column in _COLUMNS]
            clips = " (clips)" if row["source"] == CLIPS else ""
            layer = str(row["layer"]).removeprefix("layer")
            table.add_row(escape(layer + clips), str(row["filters"]), *cells)
        table.caption = "shares of energy: not constant over taps; turning with time; on other frames"
        print_table(table)
        if found.start:
            print(f"{name}: the start is {found.start}")
        for one in found.kinds:
            print(f"{name}: {one.kernels} of kind {one.kind!r} ({one.group}): {one.describe()}")
