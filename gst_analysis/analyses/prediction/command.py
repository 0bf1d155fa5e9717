"""`predict`: the command, and what it prints."""

from __future__ import annotations

import typer

from gst_analysis.analyses.prediction import ClipPredictions, PredictionOptions
from gst_analysis.analyses.prediction import predict as predict_clips
from gst_analysis.console.options import CheckpointFile, ClipFiles, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = PredictionOptions()
_FILES = files_of(ClipPredictions, None)


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [ClipPredictions.describe_document()]


@commands.command(epilog="Example: gst-analyze predict ckpt.pth clip.mp4 'more/**/*.webm' --top 3 --json")
@takes_options
def predict(
    checkpoint: CheckpointFile,
    clips: ClipFiles,
    options: PredictionOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Tell the most likely classes of clips.

    Any video that can be decoded will do, whatever its size, rate and length. Exits with 1 if some of the
    clips could not be read; the others are told all the same.
    """
    with show_progress("predicting") as progress:
        result = predict_clips(checkpoint, clips, options=options, progress=progress)
    finish(result, files, json=json, show=print_predictions)


def print_predictions(result: ClipPredictions) -> None:
    """A row for each class told of each clip."""
    table = build_table("clip", "rank", "class", "probability")
    for row in result.table.to_dict("records"):
        clip = escape(str(row["clip"])) if row["rank"] == 1 else ""
        table.add_row(clip, str(row["rank"]), escape(str(row["label"])), f"{row['probability']:.1%}")
    print_table(table)
