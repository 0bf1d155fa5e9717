"""`inspect` and `bn-hist`: what a checkpoint file tells without being run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Family, Frames, Json, Out, app


@app.command(epilog="Example: gst-analyze inspect ckpt.pth --json")
def inspect(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    family: Family = None,
    frames: Frames = None,
    json: Json = False,
) -> None:
    """Recognise a checkpoint file.

    Says family, backbone, alpha, classes and layout, and what was assumed because no weight shows it.
    """
    from gst_analysis import terminal
    from gst_analysis.workflows import inspect_checkpoint

    found = inspect_checkpoint(checkpoint, family=family, num_frames=frames)
    if json:
        terminal.print_json(found)
    else:
        terminal.show_inspection(found)


@app.command("bn-hist", epilog="Example: gst-analyze bn-hist quarter.pth eighth.pth --by stage --out figures")
def bn_hist(
    checkpoints: Annotated[list[str], typer.Argument(metavar="CKPT...", help="Checkpoint files.")],
    by: Annotated[str, typer.Option(help="Rows of the figure: block or stage.")] = "block",
    absolute: Annotated[bool, typer.Option("--absolute", help="Use |γ| instead of γ.")] = False,
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, html, csv, parquet, json.")
    ] = "png,svg,pdf,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("bn-hist"),
    json: Json = False,
) -> None:
    """Draw Figure 4 from checkpoints.

    Histograms of the batch-norm scales after every temporal operator, spatial beside temporal, and the
    table behind them. No network is built.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.tables import check_choices

    kinds = check_choices(
        "formats", formats.split(","), (*workflows.IMAGE_FORMATS, "html", *workflows.TABLE_FORMATS)
    )
    check_choices("by", [by], ("block", "stage"))
    with terminal.show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = workflows.bn_scales(*checkpoints, absolute=absolute, progress=progress)
    files = workflows.save_bn_scales(result, out, kinds, by=by, dark=dark)
    if json:
        terminal.print_json(result.contract(files))
    else:
        terminal.show_bn_scales(result, files)
