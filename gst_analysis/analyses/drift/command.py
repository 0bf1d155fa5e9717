"""`drift`: batch-norm scales now against where they started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Json, Out
from gst_analysis.console.output import format_number, print_files

if TYPE_CHECKING:
    from gst_analysis.analyses.drift import Drift

commands = typer.Typer()


@commands.command(
    epilog="Example: gst-analyze drift epoch-0001.pth epoch-0010.pth last.pth --start resnet50.pth"
)
def drift(
    checkpoints: Annotated[
        list[str], typer.Argument(metavar="CKPT...", help="A checkpoint, or those of a run in order.")
    ],
    start: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|card|first",
            help="2-D weights or an earlier epoch; what the last checkpoint tells; or the first of several.",
        ),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="Part of its start within which a scale counts as unmoved.")
    ] = 0.05,
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, html, csv, parquet, json.")
    ] = "png,svg,html,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("drift"),
    json: Json = False,
) -> None:
    """See how far batch-norm scales have moved since training began.

    Which channels still carry values of 2-D filters, and γ over training as small multiples and as an
    animation (html). Without --start: the card's for one checkpoint, the first of several.
    """
    from gst_analysis.analyses import drift as drift_room
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), (*IMAGE_FORMATS, "html", *TABLE_FORMATS))
    with show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = drift_room.measure_drift(*checkpoints, start=start, tolerance=tolerance, progress=progress)
    files = drift_room.save_drift(result, out, kinds, dark=dark)
    if json:
        print_json(result.contract(files))
    else:
        show_drift(result, files)
    if result.failures:
        raise typer.Exit(1)


def show_drift(result: Drift, files: Mapping[str, str]) -> None:
    """A row a checkpoint and group, over all layers."""
    summary = result.summary
    table = Table(title=f"γ since the start ({escape(summary.origin)})")
    table.add_column("checkpoint", overflow="fold")
    table.add_column("group")
    unmoved = f"within {summary.tolerance:.0%}"
    for heading in ("n", "|change|", unmoved, "2-D", "still", "rank"):
        table.add_column(heading, justify="right")
    for name, groups in summary.checkpoints.items():
        for group, found in groups.items():
            rank = float("nan") if found.rank_correlation is None else found.rank_correlation
            cells = (found.n, format_number(found.mean_change), found.unmoved, found.inherited, found.carried)
            table.add_row(escape(name), group, *map(str, cells), format_number(rank))
    table.caption = (
        f"2-D: inherited from 2-D weights; still: of those, within {summary.tolerance:.0%} of that value; "
        "rank: Spearman's correlation with the start, median over layers"
    )
    Console().print(table)
    for note in result.notes:
        print(f"note: {note}")
    for failure in result.failures.values():
        print(f"left out: {failure}")
    print_files(files)
