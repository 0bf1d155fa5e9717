"""`influence`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Family, Frames, Json, Out
from gst_analysis.console.output import print_files

if TYPE_CHECKING:
    from gst_analysis.analyses.influence import FrameInfluence

commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze influence ckpt.pth clips/*.mp4 --out influence")
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
    from gst_analysis.analyses import influence as influence_room
    from gst_analysis.checkpoints.sources import open_model
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), (*IMAGE_FORMATS, "html", *TABLE_FORMATS))
    settings = InferenceSettings(device=device)
    model = open_model(checkpoint, family=family, num_frames=frames)
    with show_progress("tracing gradients", 0) as progress:
        result = influence_room.frame_influence(
            model, clips, class_name=class_name, limit=limit, settings=settings, progress=progress
        )
    files = influence_room.save_influence(result, out, kinds, dark=dark)
    if json:
        print_json(result.contract(files))
    else:
        show_influence(result, files)
    if result.summary.failures:
        raise typer.Exit(1)


_MOST_COLUMNS = 16


def show_influence(result: FrameInfluence, files: Mapping[str, str]) -> None:
    """The gradient's shares, how far the other ways agree, and how far each block sees."""
    summary = result.summary
    if summary.frames <= _MOST_COLUMNS:
        _show_matrix(result)
    for method, share in summary.own_share.items():
        print(f"share of a frame in its own logit, by {method}: {share:.0%}")
    for method, found in summary.agreement.items():
        rank = "nothing to rank" if found.of_means is None else f"{found.of_means:.2f}"
        print(f"rank correlation of gradient and {method}: {rank}")
    blocks = Table("block", "frames it can reach", "spread measured")
    for block in summary.blocks:
        blocks.add_row(block.block, f"±{block.half_width}", f"±{block.spread:.2f}")
    Console().print(blocks)
    for note in summary.notes:
        print(f"note: {note}")
    for clip, reason in summary.failures.items():
        print(f"could not be read: {clip}: {reason.removeprefix(f'{clip}: ')}")
    print_files(files)


def _show_matrix(result: FrameInfluence) -> None:
    summary, rows = result.summary, result.table[result.table["method"] == "gradient"]
    shares = rows.pivot(index="output_frame", columns="input_frame", values="share").to_numpy()
    title = f"{escape(rows['checkpoint'].iloc[0])}: gradient of each frame's logit, {summary.clips} clips"
    table = Table("frame", *(f"in {j}" for j in range(summary.frames)), title=title)
    for i, row in enumerate(shares):
        reached = [abs(i - j) <= summary.half_width for j in range(summary.frames)]
        table.add_row(str(i), *(f"{s:.0%}" if near else "-" for s, near in zip(row, reached, strict=True)))
    Console().print(table)
