"""`predict` and `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Family, Format, Frames, Json, Out, Root, Subset, check_out
from gst_analysis.console.output import print_files, print_pairs

if TYPE_CHECKING:
    from gst_analysis.analyses.evaluation import ClipPredictions, ModelEvaluation

Samplings = Annotated[int, typer.Option("--clips", help="Samplings of each clip's frames, averaged.")]
Crops = Annotated[int, typer.Option(help="Crops of each frame, averaged: 1, 3, 5 or 10.")]
Batch = Annotated[int, typer.Option(help="Views at once.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Devices = Annotated[int, typer.Option(help="Devices to share the clips among.")]
Precision = Annotated[str, typer.Option(help="fp32 or bf16.")]


commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze predict ckpt.pth clip.mp4 'more/**/*.webm' --top 3 --json")
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
    from gst_analysis.analyses import evaluation
    from gst_analysis.checkpoints.sources import open_model
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import TABLE_FORMATS
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), (*TABLE_FORMATS, "npz"))
    settings = InferenceSettings(samplings, crops, batch, device, devices, precision)
    model = open_model(checkpoint, family=family, num_frames=frames)
    with show_progress("predicting", 0) as progress:
        result = evaluation.predict(model, clips, top_k=top_k, settings=settings, progress=progress)
    if evaluation.leads():
        files = evaluation.save_predictions(result, out, kinds) if out else {}
        print_json(result.contract(files)) if json else show_predictions(result, files)
    raise typer.Exit(1 if result.summary.failures else 0)


@commands.command(epilog="Example: gst-analyze evaluate ckpt.pth something-something-v2 --clips 2 --crops 3")
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
    from gst_analysis.analyses import evaluation
    from gst_analysis.checkpoints.sources import open_model
    from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.tables.schema import check_choices

    allowed = (*IMAGE_FORMATS, "html", *TABLE_FORMATS, "npz")
    kinds = check_choices("formats", formats.split(","), allowed)
    settings = InferenceSettings(samplings, crops, batch, device, devices, precision)
    records = load_labelled_clips(dataset, ClipChoice(root, format, limit, subset=subset))
    model = open_model(checkpoint, family=family, num_frames=frames)
    with show_progress("evaluating", len(records)) as progress:
        result = evaluation.evaluate(model, records, settings=settings, progress=progress)
    if evaluation.leads():
        files = evaluation.save_evaluation(result, out, kinds, dark=dark)
        print_json(result.contract(files)) if json else show_evaluation(result, files)
    raise typer.Exit(1 if result.summary.failures else 0)


def show_predictions(result: ClipPredictions, files: Mapping[str, str]) -> None:
    """A row for each class told of each clip."""
    table = Table("clip", "rank", "class", "probability")
    for row in result.table.to_dict("records"):
        clip = escape(str(row["clip"])) if row["rank"] == 1 else ""
        table.add_row(clip, str(row["rank"]), escape(str(row["label"])), f"{row['probability']:.1%}")
    Console().print(table)
    _show_rest(result.summary.failures, result.summary.notes, files)


def show_evaluation(result: ModelEvaluation, files: Mapping[str, str]) -> None:
    """The shares, then every class that has clips."""
    summary = result.summary
    fields = {
        "clips": summary.clips,
        "top-1": f"{summary.top1:.1%}",
        "top-5": f"{summary.top5:.1%}",
        "mean over classes": f"{summary.mean_class_accuracy:.1%}",
        "classes with clips": f"{summary.classes_seen} of {summary.classes}",
    }
    print_pairs(result.logits.checkpoint, fields)
    table = Table("class", "clips", "right", "top-1")
    for row in result.table[result.table["clips"] > 0].to_dict("records"):
        numbers = (str(row["clips"]), str(row["correct"]), f"{row['accuracy']:.1%}")
        table.add_row(escape(str(row["label"])), *numbers)
    Console().print(table)
    _show_rest(summary.failures, summary.notes, files)


def _show_rest(failures: Mapping[str, str], notes: Sequence[str], files: Mapping[str, str]) -> None:
    for note in notes:
        print(f"note: {note}")
    for clip, reason in failures.items():
        print(f"not read: {clip}: {reason.removeprefix(f'{clip}: ')}")
    print_files(files)
