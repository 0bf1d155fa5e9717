"""`predict` and `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Family, Format, Frames, Json, Out, Root, Subset, app, check_out

Samplings = Annotated[int, typer.Option("--clips", help="Samplings of each clip's frames, averaged.")]
Crops = Annotated[int, typer.Option(help="Crops of each frame, averaged: 1, 3, 5 or 10.")]
Batch = Annotated[int, typer.Option(help="Views at once.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Devices = Annotated[int, typer.Option(help="Devices to share the clips among.")]
Precision = Annotated[str, typer.Option(help="fp32 or bf16.")]


@app.command(epilog="Example: gst-analyze predict ckpt.pth clip.mp4 'more/**/*.webm' --top 3 --json")
def predict(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    clips: Annotated[
        list[str],
        typer.Argument(metavar="CLIP...", help="Videos, folders of frames, folders of clips, globs."),
    ],
    top_k: Annotated[int, typer.Option("--top", help="Classes to tell of each clip.")] = 5,
    family: Family = None,
    frames: Frames = None,
    samplings: Samplings = 1,
    crops: Crops = 1,
    batch: Batch = 8,
    device: Device = "auto",
    devices: Devices = 1,
    precision: Precision = "fp32",
    formats: Annotated[
        str, typer.Option("--formats", help="Files for --out: csv, parquet, json, npz.")
    ] = "csv,json,npz",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for files.", metavar="DIR", callback=check_out)
    ] = None,
    json: Json = False,
) -> None:
    """Tell the most likely classes of clips.

    Any video that can be decoded will do, whatever its size, rate and length. Exits with 1 if some of the
    clips could not be read; the others are told all the same.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables import check_choices

    kinds = check_choices("formats", formats.split(","), (*workflows.TABLE_FORMATS, "npz"))
    settings = InferenceSettings(samplings, crops, batch, device, devices, precision)
    model = workflows.open_model(checkpoint, family=family, num_frames=frames)
    with terminal.show_progress("predicting", 0) as progress:
        result = workflows.predict(model, clips, top_k=top_k, settings=settings, progress=progress)
    if workflows.leads():
        files = workflows.save_predictions(result, out, kinds) if out else {}
        terminal.print_json(result.contract(files)) if json else terminal.show_predictions(result, files)
    raise typer.Exit(1 if result.summary.failures else 0)


@app.command(epilog="Example: gst-analyze evaluate ckpt.pth something-something-v2 --clips 2 --crops 3")
def evaluate(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    dataset: Annotated[
        str,
        typer.Argument(metavar="ROOT|FILE", help="A folder with a validation list, or an annotation file."),
    ],
    root: Root = None,
    format: Format = None,
    subset: Subset = None,
    limit: Annotated[int | None, typer.Option(help="Draw this many clips; all if not given.")] = None,
    family: Family = None,
    frames: Frames = None,
    samplings: Samplings = 1,
    crops: Crops = 1,
    batch: Batch = 8,
    device: Device = "auto",
    devices: Devices = 1,
    precision: Precision = "fp32",
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, html, csv, parquet, json, npz.")
    ] = "png,svg,csv,json,npz",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("evaluation"),
    json: Json = False,
) -> None:
    """Measure how often a network is right.

    Top-1, top-5 and every class's accuracy over labelled clips, and what was taken for what. Start it with
    torchrun or `fabric run` to share the clips among processes. Exits with 1 if some clips could not be
    read: they count neither as right nor as wrong.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables import check_choices

    allowed = (*workflows.IMAGE_FORMATS, "html", *workflows.TABLE_FORMATS, "npz")
    kinds = check_choices("formats", formats.split(","), allowed)
    settings = InferenceSettings(samplings, crops, batch, device, devices, precision)
    records = workflows.load_labelled_clips(dataset, workflows.ClipChoice(root, format, limit, subset=subset))
    model = workflows.open_model(checkpoint, family=family, num_frames=frames)
    with terminal.show_progress("evaluating", len(records)) as progress:
        result = workflows.evaluate(model, records, settings=settings, progress=progress)
    if workflows.leads():
        files = workflows.save_evaluation(result, out, kinds, dark=dark)
        terminal.print_json(result.contract(files)) if json else terminal.show_evaluation(result, files)
    raise typer.Exit(1 if result.summary.failures else 0)
