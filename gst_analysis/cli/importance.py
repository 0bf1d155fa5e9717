"""`importance`: raw γ beside a score that no rescaling can move."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Json, Out, app


@app.command(epilog="Example: gst-analyze importance ckpt.pth --clips videos --out figures")
def importance(
    checkpoints: Annotated[list[str], typer.Argument(metavar="CKPT...", help="Checkpoint files.")],
    clips: Annotated[
        list[str] | None,
        typer.Option("--clips", metavar="PATH", help="Also measure on these videos, folders or globs."),
    ] = None,
    device: Annotated[str, typer.Option(help="Where clips are run: auto, cpu, cuda or mps.")] = "auto",
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, csv, parquet, json.")
    ] = "png,svg,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("importance"),
    json: Json = False,
) -> None:
    """Score the channels after every temporal operator.

    Raw γ, and the channel's expected contribution to what follows, which stays the same when a channel is
    rescaled and the next convolution undoes it. From the weights alone, or also measured on clips.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.tables import check_choices

    kinds = check_choices("formats", formats.split(","), (*workflows.IMAGE_FORMATS, *workflows.TABLE_FORMATS))
    with terminal.show_progress("checkpoints", len(checkpoints)) as progress:
        result = workflows.channel_importance(*checkpoints, clips=clips, device=device, progress=progress)
    files = workflows.save_importance(result, out, kinds, dark=dark)
    if json:
        terminal.print_json(result.contract(files))
    else:
        terminal.show_importance(result, files)
    if result.failures or result.summary.clip_failures:
        raise typer.Exit(1)
