"""`saliency`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from gst_analysis.console.options import Family, Frames, Json, Out
from gst_analysis.console.output import print_files, print_pairs

if TYPE_CHECKING:
    from gst_analysis.analyses.saliency import SaliencyMaps

commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze saliency ckpt.pth clip.mp4 --block layer3.1 --out saliency")
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
    from gst_analysis.analyses import saliency as saliency_room
    from gst_analysis.checkpoints.sources import open_model
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), (*IMAGE_FORMATS, "mp4", *TABLE_FORMATS))
    settings = InferenceSettings(device=device)
    model = open_model(checkpoint, family=family, num_frames=frames)
    with show_progress("looking at the clip", 2) as progress:
        result = saliency_room.saliency_maps(
            model, clip, class_name=class_name, block=block, settings=settings
        )
        progress(1, 2, "drawing")
        files = saliency_room.save_saliency(result, out, kinds, dark=dark)
    if json:
        print_json(result.contract(files))
    else:
        show_saliency(result, files)


def show_saliency(result: SaliencyMaps, files: Mapping[str, str]) -> None:
    """What was explained, and each group's evidence in short."""
    summary = result.summary
    pairs = {
        "class": f"{summary.label} ({summary.probability:.1%})",
        "predicted": summary.predicted_label,
        "block": f"{summary.block}, maps of {summary.rows} x {summary.columns} cells",
    }
    print_pairs(summary.clip, pairs)
    table = Table("channels", "evidence for", "evidence against", "hottest frame")
    for name, found in summary.groups.items():
        hottest = "none" if found.hottest_frame is None else str(found.hottest_frame)
        table.add_row(name, f"{found.evidence_for:.3g}", f"{found.evidence_against:.3g}", hottest)
    Console().print(table)
    for note in summary.notes:
        print(f"note: {note}")
    print_files(files)
