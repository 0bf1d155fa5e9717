"""`influence`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Family, Frames, Json, Out, app


@app.command(epilog="Example: gst-analyze influence ckpt.pth clips/*.mp4 --out influence")
def influence(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    clips: Annotated[
        list[str],
        typer.Argument(metavar="CLIP...", help="Videos, frame folders, folders of either, or globs."),
    ],
    class_name: Annotated[
        str | None, typer.Option("--class", help="Whose logit, by name or number; each clip's first if none.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Look at so many clips, spread evenly.")] = None,
    family: Family = None,
    frames: Frames = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, html, csv, parquet, json.")
    ] = "png,svg,pdf,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("influence"),
    json: Json = False,
) -> None:
    """Measure which input frames a frame's prediction is made of.

    How much the logit of each frame depends on each input frame: by the exact gradient, and by replacing
    frames one at a time; and how far each block sees through time. Exits with 1 if some clips could not be
    read.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables import check_choices

    kinds = check_choices(
        "formats", formats.split(","), (*workflows.IMAGE_FORMATS, "html", *workflows.TABLE_FORMATS)
    )
    settings = InferenceSettings(device=device)
    model = workflows.open_model(checkpoint, family=family, num_frames=frames)
    with terminal.show_progress("tracing gradients", 0) as progress:
        result = workflows.frame_influence(
            model, clips, class_name=class_name, limit=limit, settings=settings, progress=progress
        )
    files = workflows.save_influence(result, out, kinds, dark=dark)
    if json:
        terminal.print_json(result.contract(files))
    else:
        terminal.show_influence(result, files)
    if result.summary.failures:
        raise typer.Exit(1)
