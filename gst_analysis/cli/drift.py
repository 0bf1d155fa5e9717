"""`drift`: batch-norm scales now against where they started."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Json, Out, app


@app.command(epilog="Example: gst-analyze drift epoch-0001.pth epoch-0010.pth last.pth --start resnet50.pth")
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
    from gst_analysis import terminal, workflows
    from gst_analysis.tables import check_choices

    kinds = check_choices(
        "formats", formats.split(","), (*workflows.IMAGE_FORMATS, "html", *workflows.TABLE_FORMATS)
    )
    with terminal.show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = workflows.measure_drift(*checkpoints, start=start, tolerance=tolerance, progress=progress)
    files = workflows.save_drift(result, out, kinds, dark=dark)
    if json:
        terminal.print_json(result.contract(files))
    else:
        terminal.show_drift(result, files)
    if result.failures:
        raise typer.Exit(1)
