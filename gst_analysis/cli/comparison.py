"""`compare`: batch-norm scales of many checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Json, Out, app


@app.command(epilog="Example: gst-analyze compare half.pth quarter.pth eighth.pth --out figures")
def compare(
    checkpoints: Annotated[list[str], typer.Argument(metavar="CKPT...", help="Checkpoint files.")],
    reference: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which one to compare with; the first by default.")
    ] = None,
    by: Annotated[str, typer.Option(help="Rows of the overlays: block or stage.")] = "stage",
    absolute: Annotated[bool, typer.Option("--absolute", help="Compare |γ| instead of γ.")] = False,
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, csv, parquet, json.")
    ] = "png,svg,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("compare"),
    json: Json = False,
) -> None:
    """Compare the batch-norm scales of checkpoints, with statistics.

    Time against space in every block of each checkpoint, and each checkpoint against a reference: gap of
    medians with a bootstrap interval, Wasserstein distance, Kolmogorov-Smirnov and AUC, corrected for the
    number of blocks. Exit code 1 if some files could not be read; the rest is compared.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.tables import check_choices

    kinds = check_choices("formats", formats.split(","), (*workflows.IMAGE_FORMATS, *workflows.TABLE_FORMATS))
    check_choices("by", [by], ("block", "stage"))
    with terminal.show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = workflows.compare_scales(
            *checkpoints, reference=reference, absolute=absolute, progress=progress
        )
    files = workflows.save_comparison(result, out, kinds, by=by, dark=dark)
    if json:
        terminal.print_json(result.contract(files))
    else:
        terminal.show_comparison(result, files)
    if result.failures:
        raise typer.Exit(1)
