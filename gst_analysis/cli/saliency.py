"""`saliency`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Family, Frames, Json, Out, app


@app.command(epilog="Example: gst-analyze saliency ckpt.pth clip.mp4 --block layer3.1 --out saliency")
def saliency(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="A video or a frame folder.")],
    class_name: Annotated[
        str | None,
        typer.Option("--class", help="What to explain, by name or number; the prediction if none."),
    ] = None,
    block: Annotated[
        str | None, typer.Option(help="A residual block; the deepest whose map is fine enough if none.")
    ] = None,
    family: Family = None,
    frames: Frames = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, mp4, csv, parquet, json.")
    ] = "png,mp4,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("saliency"),
    json: Json = False,
) -> None:
    """Show where in the frame a network looks.

    Maps of what speaks for a class (Grad-CAM), for every frame that went in: of a block's output, and of the
    spatial and the temporal channels of its operator.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables import check_choices

    kinds = check_choices(
        "formats", formats.split(","), (*workflows.IMAGE_FORMATS, "mp4", *workflows.TABLE_FORMATS)
    )
    settings = InferenceSettings(device=device)
    model = workflows.open_model(checkpoint, family=family, num_frames=frames)
    with terminal.show_progress("looking at the clip", 2) as progress:
        result = workflows.saliency_maps(model, clip, class_name=class_name, block=block, settings=settings)
        progress(1, 2, "drawing")
        files = workflows.save_saliency(result, out, kinds, dark=dark)
    if json:
        terminal.print_json(result.contract(files))
    else:
        terminal.show_saliency(result, files)
